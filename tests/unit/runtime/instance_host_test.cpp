#include "core/runtime/instance_host.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>
#include <sentinel/host.hpp>

#include "core/telemetry/log.hpp"

namespace sentinel::runtime {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// The error that a call of the wrapper throws, as text.
template <class Call>
std::string refusal(Call&& call) {
  try {
    call();
  } catch (const PluginError& e) {
    return e.error().message;
  }
  return "accepted";
}

class InstanceHostTest : public testing::Test {
 protected:
  store::Store store_{1 << 20};
  std::unique_ptr<store::Producer> producer_ = store_.producer("cpu", {}, 100);
  std::vector<Result<void>> ended_;
  InstanceHost collector_{
      "cpu", {&system_clock(), producer_.get(), nullptr, false, [this](const auto& batch, const auto& result) {
                ended_.push_back(result);
                if (result) producer_->commit(*batch);
              }}};
  InstanceHost sink_{"prometheus", {&system_clock(), nullptr, nullptr, true, nullptr}};
};

TEST_F(InstanceHostTest, ACollectorDeclaresInCreateAlone) {
  const Host host(collector_.abi());
  EXPECT_EQ(refusal([&] { host.gauge({"a", "help"}); }), "accepted");
  EXPECT_THAT(refusal([&] { host.gauge({"a b", "help"}); }), HasSubstr("not of the form"));
  collector_.seal();
  EXPECT_THAT(refusal([&] { host.gauge({"b", "help"}); }), HasSubstr("only possible in create"));
}

TEST_F(InstanceHostTest, ASinkServesAndDeclaresNothing) {
  const Host host(sink_.abi());
  EXPECT_EQ(refusal([&] { host.serve("/metrics", "text/plain"); }), "accepted");
  ASSERT_EQ(sink_.routes().size(), 1U);
  EXPECT_EQ(sink_.routes()[0].path, "/metrics");
  EXPECT_THAT(refusal([&] { host.gauge({"a", "help"}); }), HasSubstr("declares no metrics"));
  sink_.seal();
  EXPECT_THAT(refusal([&] { host.serve("/other", "text/plain"); }), HasSubstr("only possible in create"));
}

/// A sink's host with all that a running agent gives it, but a courier.
class AlertingHostTest : public InstanceHostTest {
 protected:
  const AgentLabels labels_{{{"instance", "a-host"}}};
  InstanceHost alerting_{"incident", {&system_clock(), nullptr, nullptr, true, nullptr, &store_, nullptr, &labels_}};
};

TEST_F(AlertingHostTest, KnowsItsAgentAndTheTime) {
  const Host host(alerting_.abi());
  ASSERT_EQ(host.labels().size(), 1U);
  EXPECT_EQ(from_abi(host.labels()[0].name), "instance");
  EXPECT_EQ(from_abi(host.labels()[0].value), "a-host");
  EXPECT_GT(host.unix_time(), std::chrono::hours(400'000));
}

TEST_F(AlertingHostTest, AsksForPathsAndReceiversInCreateAlone) {
  const Host host(alerting_.abi());
  host.handle("POST", "/webhook");
  ASSERT_EQ(alerting_.handlers().size(), 1U);
  EXPECT_EQ(alerting_.handlers()[0].method, "POST");
  sentinel_receiver receiver = {};
  receiver.size = sizeof(receiver);
  receiver.url = to_abi("gopher://127.0.0.1");
  EXPECT_THAT(refusal([&] { (void)host.add_receiver(receiver); }), HasSubstr("http"));
  alerting_.seal();
  EXPECT_THAT(refusal([&] { host.handle("POST", "/other"); }), HasSubstr("only possible in create"));
  EXPECT_THAT(refusal([&] { (void)host.add_receiver(receiver); }), HasSubstr("only possible in create"));
  sentinel_alert alert = {};
  alert.size = sizeof(alert);
  EXPECT_THAT(host.submit(1, alert).error().message, HasSubstr("no receiver has the number 1"));
}

TEST_F(AlertingHostTest, ReadsWhatTheStoreRemembers) {
  const auto metric = *producer_->declare({MetricKind::gauge, "load", "Load.", {}, {"cpu"}, {}});
  for (std::uint64_t tick = 1; tick <= 3; ++tick) {
    store::RecordBatch batch(*producer_);
    batch.reset(tick * 1'000'000'000, 1'000'000'000);
    const sentinel_string cpu = to_abi("0");
    sentinel_record record = {};
    record.size = sizeof(record);
    record.metric = metric;
    record.series = *batch.series(metric, &cpu, 1);
    record.value = static_cast<double>(tick);
    ASSERT_TRUE(batch.append(record));
    producer_->commit(batch);
  }
  const Host host(alerting_.abi());
  std::vector<double> values;
  const auto take = [&](const sentinel_track& track) {
    EXPECT_EQ(from_abi(track.instance), "cpu");
    EXPECT_EQ(from_abi(track.labels[0]), "0");
    for (std::uint64_t i = 0; i < track.sample_count; ++i) values.push_back(track.samples[i].value);
  };
  EXPECT_TRUE(host.history("load", std::chrono::seconds(2), std::chrono::seconds(3), take));
  EXPECT_THAT(values, testing::ElementsAre(2, 3));
  values.clear();
  EXPECT_TRUE(host.history("", std::chrono::seconds(0), std::chrono::seconds(3), take));
  EXPECT_THAT(values, testing::ElementsAre(1, 2, 3));
}

TEST_F(InstanceHostTest, ACollectorHasNoRoutes) {
  EXPECT_THAT(refusal([&] { Host(collector_.abi()).serve("/x", "text/plain"); }), HasSubstr("no service"));
}

TEST_F(InstanceHostTest, LogLinesBearTheInstancesName) {
  std::mutex mutex;
  std::vector<std::string> lines;
  telemetry::Log::tap([&](const telemetry::LogLine& line) {
    const std::lock_guard lock(mutex);
    lines.push_back(line.component + "|" + line.message);
  });
  Host(collector_.abi()).warning("the file \x1b[31m is odd");
  Host(collector_.abi()).warning("the file \x1b[31m is odd");
  Host(collector_.abi()).warning("next");
  telemetry::Log::tap(nullptr);
  EXPECT_THAT(lines, ElementsAre("cpu|the file \xef\xbf\xbd[31m is odd",
                                 "cpu|the file \xef\xbf\xbd[31m is odd, 1 times more", "cpu|next"));
}

TEST_F(InstanceHostTest, APluginOpensAndEndsACollectionByItself) {
  const Host host(collector_.abi());
  const Gauge<> gauge = host.gauge({"a", "help"});
  const auto* emit = static_cast<const sentinel_host_emit*>(host.raw()->extension(host.raw(), SENTINEL_EXTENSION_EMIT));
  ASSERT_NE(emit, nullptr);
  sentinel_batch* batch = emit->open(host.raw());
  ASSERT_NE(batch, nullptr);
  EXPECT_EQ(emit->open(host.raw()), nullptr) << "one at a time";
  Batch(batch).add(gauge, 7);
  EXPECT_EQ(emit->end_collection(host.raw(), batch, 1, {}, nullptr), SENTINEL_OK);
  EXPECT_EQ(emit->end_collection(host.raw(), batch, 1, {}, nullptr), SENTINEL_INVALID_ARGUMENT) << "it has ended";
  EXPECT_EQ(store_.stats().series, 1U);

  batch = emit->open(host.raw());
  EXPECT_EQ(emit->end_collection(host.raw(), batch, 0, to_abi("no luck"), nullptr), SENTINEL_OK);
  ASSERT_EQ(ended_.size(), 2U);
  EXPECT_EQ(ended_[1].error().message, "no luck");
}

TEST_F(InstanceHostTest, UnknownServicesAreAbsent) {
  EXPECT_EQ(collector_.abi()->extension(collector_.abi(), "sentinel.teleport/1"), nullptr);
  EXPECT_EQ(collector_.abi()->extension(collector_.abi(), telemetry::snapshot_extension), nullptr) << "of `self` alone";
}

}  // namespace
}  // namespace sentinel::runtime
