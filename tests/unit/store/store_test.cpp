#include "core/store/store.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <sentinel/config.hpp>

#include "core/store/batch.hpp"

namespace sentinel::store {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::size_t history_bytes = 1 << 20;
constexpr std::uint64_t every = 5;

MetricDecl gauge(std::string name, std::vector<std::string> keys = {"state"}) {
  return {MetricKind::gauge, std::move(name), "help", "", std::move(keys), {}};
}

/// A collector in the store, and its collections in one line each.
class Source {
 public:
  Source(Store& store, std::string name, Labels labels = {}, std::size_t limit = 1000)
      : producer(store.producer(std::move(name), std::move(labels), limit)) {}

  MetricId declare(MetricDecl decl) {
    const auto id = producer->declare(std::move(decl));
    EXPECT_TRUE(id) << id.error().message;
    return id ? *id : 0;
  }

  /// A good collection of these values, by label value.
  void collect(std::uint64_t tick, MetricId metric, const std::vector<std::pair<std::string, double>>& values) {
    RecordBatch batch(*producer);
    batch.reset(tick, every);
    for (const auto& [label, value] : values) {
      const sentinel_string text = to_abi(label);
      const auto series = batch.series(metric, &text, 1);
      ASSERT_TRUE(series) << series.error().message;
      const sentinel_record record{sizeof(sentinel_record), metric, *series, 0, value, 0, 0, nullptr, nullptr, 0, 0};
      const auto appended = batch.append(record);
      ASSERT_TRUE(appended) << appended.error().message;
    }
    producer->commit(batch);
  }

  std::unique_ptr<Producer> producer;
};

/// What a view shows: "metric{value,…}" to number.
std::map<std::string, double> shown(const Store& store) {
  std::map<std::string, double> all;
  const View view = store.view([](std::string_view) { return true; });
  const sentinel_series_view abi = view.abi();
  for (std::uint32_t f = 0; f < abi.family_count; ++f) {
    const auto& family = abi.families[f];
    for (std::uint64_t s = 0; s < family.series_count; ++s) {
      std::string key(from_abi(family.name));
      for (std::uint32_t l = 0; l < family.label_count; ++l) {
        key += (l == 0 ? "{" : ",") + std::string(from_abi(family.series[s].labels[l]));
      }
      all[key + "}"] = family.series[s].value;
    }
  }
  return all;
}

TEST(Store, ShowsTheLastValueOfEachSeries) {
  Store store(history_bytes);
  Source tcp(store, "tcp");
  const MetricId metric = tcp.declare(gauge("connections"));
  tcp.collect(5, metric, {{"listen", 3}, {"time_wait", 80}});
  tcp.collect(10, metric, {{"listen", 4}, {"time_wait", 81}});
  EXPECT_THAT(shown(store),
              ElementsAre(testing::Pair("connections{listen}", 4), testing::Pair("connections{time_wait}", 81)));
}

TEST(Store, EndsASeriesThatAGoodCollectionLacks) {
  Store store(history_bytes);
  Source tcp(store, "tcp");
  const MetricId metric = tcp.declare(gauge("connections"));
  tcp.collect(5, metric, {{"listen", 3}, {"close", 1}});
  tcp.collect(10, metric, {{"listen", 4}});
  EXPECT_THAT(shown(store), ElementsAre(testing::Pair("connections{listen}", 4)));
}

TEST(Store, KeepsSeriesForTwoIntervalsAfterAFailure) {
  Store store(history_bytes);
  Source tcp(store, "tcp");
  const MetricId metric = tcp.declare(gauge("connections"));
  tcp.collect(5, metric, {{"listen", 3}});
  tcp.producer->fail(10, every);
  EXPECT_THAT(shown(store), SizeIs(1));
  tcp.producer->fail(15, every);
  EXPECT_THAT(shown(store), SizeIs(1));
  tcp.producer->fail(20, every);
  EXPECT_THAT(shown(store), IsEmpty());
  tcp.collect(25, metric, {{"listen", 5}});
  tcp.producer->fail(30, every);
  EXPECT_THAT(shown(store), SizeIs(1)) << "the count of failures begins anew after a success";
}

TEST(Store, FoldsWhatIsOverTheLimitIntoOtherAndCountsIt) {
  Store store(history_bytes);
  Source net(store, "net", {}, 2);
  const MetricId metric = net.declare(gauge("bytes"));
  for (const std::uint64_t tick : {5, 10}) {
    net.collect(tick, metric, {{"a", 1}, {"b", 2}, {"c", 4}, {"d", 8}});
    EXPECT_THAT(shown(store), ElementsAre(testing::Pair("bytes{a}", 1), testing::Pair("bytes{b}", 2),
                                          testing::Pair("bytes{other}", 12)));
  }
  const auto overflow = store.stats().overflow;
  EXPECT_EQ(overflow.at({"net", "bytes"}), 4U);
}

TEST(Store, GivesTheRoomOfAnEndedSeriesToAnother) {
  Store store(history_bytes);
  Source net(store, "net", {}, 2);
  const MetricId metric = net.declare(gauge("bytes"));
  for (int i = 0; i < 100; ++i) {
    const auto name = std::to_string(i);
    net.collect(static_cast<std::uint64_t>(5 + 5 * i), metric, {{name, 1}});
    EXPECT_THAT(shown(store), ElementsAre(testing::Pair("bytes{" + name + "}", 1)));
  }
  EXPECT_TRUE(store.stats().overflow.empty());
}

TEST(Store, RefusesTheHandleOfAnEndedSeriesEvenWhenItsPlaceIsTaken) {
  Store store(history_bytes);
  Source net(store, "net");
  const MetricId metric = net.declare(gauge("bytes"));
  const std::string_view a[] = {"a"};
  const auto handle = net.producer->series(metric, a);
  net.collect(5, metric, {{"b", 1}});
  net.collect(10, metric, {{"c", 1}});
  const auto meaning = net.producer->resolve(metric, *handle);
  ASSERT_FALSE(meaning);
  EXPECT_THAT(meaning.error().message, HasSubstr("look it up again"));
}

TEST(Store, SeriesGoOnInTheNextGeneration) {
  Store store(history_bytes);
  auto old = std::make_unique<Source>(store, "tcp");
  const MetricId metric = old->declare(gauge("connections"));
  const MetricId dropped = old->declare(gauge("dropped"));
  old->collect(5, metric, {{"listen", 3}});
  old->collect(5, dropped, {{"x", 1}});
  old->collect(5, metric, {{"listen", 3}});

  Source fresh(store, "tcp");
  EXPECT_EQ(fresh.declare(gauge("connections")), metric) << "same identity, same id";
  old.reset();
  EXPECT_THAT(shown(store), ElementsAre(testing::Pair("connections{listen}", 3)));
}

TEST(Store, AnEndedGenerationIsIgnored) {
  Store store(history_bytes);
  Source tcp(store, "tcp");
  const MetricId metric = tcp.declare(gauge("connections"));
  tcp.collect(5, metric, {{"listen", 3}});
  RecordBatch late(*tcp.producer);
  late.reset(10, every);
  tcp.producer->end();
  EXPECT_THAT(shown(store), IsEmpty());
  tcp.producer->commit(late);
  tcp.producer->fail(15, every);
  tcp.producer->end();
  EXPECT_THAT(shown(store), IsEmpty());
}

TEST(Store, AnotherIdentityIsAnotherMetric) {
  Store store(history_bytes);
  auto old = std::make_unique<Source>(store, "tcp");
  const MetricId metric = old->declare(gauge("connections"));
  old->collect(5, metric, {{"listen", 3}});
  Source fresh(store, "tcp");
  auto changed = gauge("connections");
  changed.unit = "bytes";
  EXPECT_NE(fresh.declare(changed), metric);
  old.reset();
  EXPECT_THAT(shown(store), IsEmpty());
}

TEST(Store, ConstantLabelsFollowTheDeclaredOnes) {
  Store store(history_bytes);
  Source a(store, "host", {{"source", "host"}});
  Source b(store, "guest", {{"source", "guest"}});
  const MetricId of_a = a.declare(gauge("connections"));
  const MetricId of_b = b.declare(gauge("connections"));
  a.collect(5, of_a, {{"listen", 1}});
  b.collect(5, of_b, {{"listen", 2}});
  EXPECT_THAT(shown(store),
              ElementsAre(testing::Pair("connections{listen,guest}", 2), testing::Pair("connections{listen,host}", 1)));
}

TEST(Store, RefusesTwoProducersOfOneSeries) {
  Store store(history_bytes);
  Source a(store, "one");
  a.declare(gauge("connections"));
  Source b(store, "two");
  const auto same = b.producer->declare(gauge("connections"));
  ASSERT_FALSE(same);
  EXPECT_THAT(same.error().message, HasSubstr("collectors 'one' and 'two'"));
  EXPECT_THAT(same.error().message, HasSubstr("labels:"));

  Source c(store, "three", {{"source", "three"}});
  auto other = gauge("connections");
  other.help = "something else";
  const auto disagrees = c.producer->declare(other);
  ASSERT_FALSE(disagrees);
  EXPECT_THAT(disagrees.error().message, HasSubstr("disagree"));
}

TEST(Store, RefusesADeclarationTwiceAndAConstantLabelOfItsOwnName) {
  Store store(history_bytes);
  Source a(store, "one", {{"state", "x"}});
  const auto clash = a.producer->declare(gauge("connections"));
  ASSERT_FALSE(clash);
  EXPECT_THAT(clash.error().message, HasSubstr("take 'state' out"));
  a.declare(gauge("plain", {}));
  const auto twice = a.producer->declare(gauge("plain", {}));
  ASSERT_FALSE(twice);
  EXPECT_THAT(twice.error().message, HasSubstr("twice"));
}

TEST(Store, AViewOutlivesWhatItShows) {
  Store store(history_bytes);
  auto source = std::make_unique<Source>(store, "tcp");
  const MetricId metric = source->declare(gauge("connections"));
  source->collect(5, metric, {{"a label that is longer than a small string", 3}});
  const View view = store.view([](std::string_view) { return true; });
  source.reset();
  EXPECT_THAT(shown(store), IsEmpty());
  const auto abi = view.abi();
  ASSERT_EQ(abi.family_count, 1U);
  EXPECT_EQ(from_abi(abi.families[0].series[0].labels[0]), "a label that is longer than a small string");
}

TEST(Store, AViewHoldsTheWantedInstancesAlone) {
  Store store(history_bytes);
  Source a(store, "one");
  Source b(store, "two");
  a.collect(5, a.declare(gauge("m_one")), {{"x", 1}});
  b.collect(5, b.declare(gauge("m_two")), {{"x", 1}});
  EXPECT_EQ(store.view([](std::string_view name) { return name == "two"; }).series_count(), 1U);
}

TEST(Store, HistoryShowsLiveAndEndedSeries) {
  Store store(history_bytes);
  Source tcp(store, "tcp");
  const MetricId metric = tcp.declare(gauge("connections"));
  tcp.collect(5, metric, {{"listen", 1}, {"close", 7}});
  tcp.collect(10, metric, {{"listen", 2}});
  tcp.collect(15, metric, {{"listen", 3}});
  std::map<std::string, std::vector<double>> found;
  for (const auto& track : store.history("connections", 0, 100)) {
    for (const auto& sample : track.samples) {
      found[std::string(from_abi(track.labels->values()[0]))].push_back(sample.value);
    }
  }
  EXPECT_THAT(found["listen"], ElementsAre(1, 2, 3));
  EXPECT_THAT(found["close"], ElementsAre(7));
}

TEST(Store, ForgetsEndedSeriesWithTheirHistory) {
  Store store(4096);
  Source tcp(store, "tcp");
  const MetricId metric = tcp.declare(gauge("connections"));
  tcp.collect(5, metric, {{"close", 7}});
  for (std::uint64_t tick = 10; tick < 5000; tick += 5) tcp.collect(tick, metric, {{"listen", 1}});
  for (const auto& track : store.history("connections", 0, 5000)) {
    EXPECT_EQ(from_abi(track.labels->values()[0]), "listen");
  }
  EXPECT_LE(store.stats().history_bytes, 4096U);
}

}  // namespace
}  // namespace sentinel::store
