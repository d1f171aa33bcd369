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
