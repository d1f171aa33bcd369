#include <gmock/gmock.h>

#include <sentinel/sink.hpp>
#include <vector>

#include "tests/support/fake_host.hpp"

namespace sentinel {

namespace {

using ::testing::ElementsAre;
using testing::FakeConfig;
using testing::FakeHost;
using testing::FakeWriter;

class Renders {
 public:
  Renders(const Config&, Host&) {}
  Result<void> render(const SeriesView& view, Writer& out) {
    for (const auto& family : view) {
      out.write(from_abi(family.name));
      for (const auto& series : series_of(family)) out.write(" " + std::to_string(static_cast<int>(series.value)));
      out.write("\n");
    }
    return {};
  }
};

class Consumes {
 public:
  Consumes(const Config&, Host&) {}
  Result<void> consume(const Records& records) {
    seen.push_back(std::string(records.instance()));
    for (const auto& record : records) {
      seen.push_back(std::string(from_abi(records.metric(record).name)));
      for (const auto& label : records.labels(record)) seen.push_back(std::string(from_abi(label)));
    }
    return {};
  }
  static inline std::vector<std::string> seen;
};

constexpr PluginInfo info = {.name = "sink", .version = "1", .licence = "MIT", .summary = "Sinks."};

TEST(Sink, HasTheFunctionsThatItsClassHas) {
  const sentinel_plugin& renders = *detail::sink_entry<Renders>(info);
  EXPECT_EQ(renders.kind, SENTINEL_KIND_SINK);
  EXPECT_EQ(renders.collector, nullptr);
  EXPECT_NE(renders.sink->render, nullptr);
  EXPECT_EQ(renders.sink->consume, nullptr);
  const sentinel_plugin& consumes = *detail::sink_entry<Consumes>(info);
  EXPECT_EQ(consumes.sink->render, nullptr);
  EXPECT_NE(consumes.sink->consume, nullptr);
}

TEST(Sink, RendersStructsThatGrew) {
  struct LaterSeries {
    sentinel_series series;
    std::uint64_t more;
  };
  LaterSeries series[2] = {};
  for (auto& one : series) one.series.size = sizeof(LaterSeries);
  series[0].series.value = 4;
  series[1].series.value = 5;
  sentinel_family families[2] = {};
  for (auto& one : families) one.size = sizeof(sentinel_family);
  families[0].name = to_abi("a");
  families[0].series = &series[0].series;
  families[0].series_count = 2;
  families[1].name = to_abi("b");
  const sentinel_series_view view = {sizeof(sentinel_series_view), 2, families};

  const sentinel_plugin& plugin = *detail::sink_entry<Renders>(info);
  FakeHost host;
  FakeConfig config;
  sentinel_error error = detail::empty_error();
  void* instance = plugin.lifecycle->create(host.raw(), config.raw(), &error);
  ASSERT_NE(instance, nullptr);
  FakeWriter out;
  EXPECT_EQ(plugin.sink->render(instance, &view, out.raw(), &error), SENTINEL_OK);
  EXPECT_EQ(out.text, "a 4 5\nb\n");
  plugin.lifecycle->destroy(instance);
}

TEST(Sink, ConsumesRecordsWithWhatTheirNumbersStandFor) {
  static const sentinel_string keys[] = {to_abi("state")};
  static const sentinel_string values[] = {to_abi("open")};
  static const sentinel_metric metric = {
      sizeof(sentinel_metric), SENTINEL_GAUGE, to_abi("m"), {}, {}, keys, nullptr, 1, 0};
  sentinel_record record = {};
  record.size = sizeof(record);
  sentinel_delivery delivery = {sizeof(sentinel_delivery),
                                0,
                                &record,
                                1,
                                to_abi("tcp"),
                                nullptr,
                                [](const sentinel_delivery*, const sentinel_record*) { return &metric; },
                                [](const sentinel_delivery*, const sentinel_record*) { return &values[0]; }};
  const sentinel_plugin& plugin = *detail::sink_entry<Consumes>(info);
  FakeHost host;
  FakeConfig config;
  sentinel_error error = detail::empty_error();
  void* instance = plugin.lifecycle->create(host.raw(), config.raw(), &error);
  ASSERT_NE(instance, nullptr);
  EXPECT_EQ(plugin.sink->consume(instance, &delivery, &error), SENTINEL_OK);
  EXPECT_THAT(Consumes::seen, ElementsAre("tcp", "m", "open"));
  delivery.count = 0;
  delivery.records = nullptr;
  EXPECT_EQ(plugin.sink->consume(instance, &delivery, &error), SENTINEL_OK);
  plugin.lifecycle->destroy(instance);
}

}  // namespace

}  // namespace sentinel
