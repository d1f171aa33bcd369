// Plugins that throw, fail, answer garbage or dawdle: shown, counted, and of no consequence to the rest.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>

#include "tests/support/agent_process.hpp"

namespace sentinel::testing {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;

constexpr std::string_view rest = R"(
  steady: {plugin: proc_mem, every: 200ms, deadline: 30s}
pipelines:
  host: {to: [prometheus]}
sinks:
  prometheus: {plugin: prometheus}
)";

std::string bad_collector(const std::string& how) {
  return pipeline_file("collectors:\n  bad: {plugin: test_misbehaves, every: 200ms, deadline: 30s, config: {" + how +
                       "}}" + std::string(rest));
}

std::string bad_sink(const std::string& how, const std::string& more = "") {
  return pipeline_file(R"(
collectors:
  steady: {plugin: proc_mem, every: 200ms, deadline: 30s}
pipelines:
  host: {to: [prometheus]}
  side: {to: [bad]}
sinks:
  prometheus: {plugin: prometheus}
  bad: {plugin: test_sink_misbehaves)" +
                       more + ", config: {" + how + "}}\n");
}

struct Misdeed {
  const char* in;
  const char* how;
  const char* reason;  ///< what the status says

  // NOLINTNEXTLINE(readability-identifier-naming): GoogleTest looks for it by this name
  friend void PrintTo(const Misdeed& misdeed, std::ostream* out) { *out << misdeed.in << " " << misdeed.how; }
};

std::string name_of(const ::testing::TestParamInfo<Misdeed>& info) {
  return std::string(info.param.in) + "_" + info.param.how;
}

void expect_the_rest_goes_on(AgentProcess& agent) {
  EXPECT_TRUE(agent.wait_for_runs("steady")) << agent.log();
  EXPECT_EQ(agent.state("steady"), "running");
  EXPECT_TRUE(agent.metrics().contains("sentinel_memory_usage"));
}

class FailsForGood : public ::testing::TestWithParam<Misdeed> {};

TEST_P(FailsForGood, IsShownAndTheRestRuns) {
  TempFolder folder;
  const auto& [in, how, reason] = GetParam();
  AgentProcess agent(folder, bad_collector("in: " + std::string(in) + ", how: " + how));
  ASSERT_TRUE(agent.wait_ready()) << agent.log();
  EXPECT_EQ(agent.state("bad"), "failed");
  EXPECT_THAT(agent.last_error("bad"), HasSubstr(reason));
  EXPECT_TRUE(agent.logs("not running: bad: " + agent.last_error("bad"))) << agent.log();
  EXPECT_EQ(agent.metric("sentinel_collector_up{collector=\"bad\"}"), 0);
  expect_the_rest_goes_on(agent);
  EXPECT_EQ(agent.stop().exit_code, 0) << agent.log();
}

INSTANTIATE_TEST_SUITE_P(Misbehaving, FailsForGood,
                         ::testing::Values(Misdeed{"create", "fail", "it fails in create"},
                                           Misdeed{"create", "throw", "thrown in create"},
                                           Misdeed{"create", "throw_int", ""},
                                           Misdeed{"start", "fail", "it fails in start"},
                                           Misdeed{"start", "throw", "thrown in start"}),
                         name_of);

class FailsAgainAndAgain : public ::testing::TestWithParam<Misdeed> {};

TEST_P(FailsAgainAndAgain, IsShownAndTheRestRuns) {
  TempFolder folder;
  const auto& [in, how, reason] = GetParam();
  AgentProcess agent(folder, bad_collector("in: " + std::string(in) + ", how: " + how));
  ASSERT_TRUE(agent.wait_ready()) << agent.log();
  ASSERT_TRUE(agent.wait_for_runs("bad", 3));
  EXPECT_EQ(agent.state("bad"), "failing");
  EXPECT_THAT(agent.last_error("bad"), HasSubstr(reason));
  EXPECT_TRUE(agent.logs("bad: collect failed: ")) << agent.log();
  EXPECT_EQ(agent.metric("sentinel_collector_up{collector=\"bad\"}"), 0);
  EXPECT_FALSE(agent.metrics().contains("test_misbehaves_value")) << "nothing of a failed collection is kept";
  EXPECT_TRUE(
      eventually([&] { return agent.metric("sentinel_collector_errors_total{collector=\"bad\"}").value_or(0) > 2; }));
  expect_the_rest_goes_on(agent);
  EXPECT_EQ(agent.stop().exit_code, 0) << agent.log();
}

INSTANTIATE_TEST_SUITE_P(Misbehaving, FailsAgainAndAgain,
                         ::testing::Values(Misdeed{"collect", "fail", "it fails in collect"},
                                           Misdeed{"collect", "throw", "thrown in collect"},
                                           Misdeed{"collect", "throw_int", ""}, Misdeed{"collect", "garbage", ""}),
                         name_of);

class FailsAtTheEnd : public ::testing::TestWithParam<Misdeed> {};

TEST_P(FailsAtTheEnd, IsLoggedAndTheAgentStillEndsInOrder) {
  TempFolder folder;
  const auto& [in, how, reason] = GetParam();
  AgentProcess agent(folder, bad_collector("in: " + std::string(in) + ", how: " + how));
  ASSERT_TRUE(agent.wait_ready()) << agent.log();
  expect_the_rest_goes_on(agent);
  EXPECT_EQ(agent.state("bad"), "running");
  const auto ended = agent.stop();
  EXPECT_EQ(ended.exit_code, 0);
  EXPECT_THAT(ended.err, AllOf(HasSubstr("bad: stop: "), HasSubstr(reason)));
}

INSTANTIATE_TEST_SUITE_P(Misbehaving, FailsAtTheEnd,
                         ::testing::Values(Misdeed{"drain", "fail", "it fails in drain"},
                                           Misdeed{"drain", "throw", "thrown in drain"},
                                           Misdeed{"stop", "fail", "it fails in stop"},
                                           Misdeed{"stop", "throw_int", ""}),
                         name_of);

TEST(Misbehaving, DetailsThatFailLeaveTheCollectionAlone) {
  TempFolder folder;
  AgentProcess agent(folder, bad_collector("in: details, how: throw"));
  ASSERT_TRUE(agent.wait_ready()) << agent.log();
  EXPECT_THAT(agent.log(), ContainsRegex("bad: details: [^\n]*thrown in details"));
  EXPECT_EQ(agent.state("bad"), "running");
  EXPECT_TRUE(agent.metrics().contains("test_misbehaves_value"));
  expect_the_rest_goes_on(agent);
  EXPECT_EQ(agent.stop().exit_code, 0);
}

TEST(Misbehaving, AFloodOfSeriesIsFoldedAtTheLimit) {
  TempFolder folder;
  AgentProcess agent(folder, pipeline_file(R"(
collectors:
  bad: {plugin: test_misbehaves, every: 1s, deadline: 30s, series_limit: 10, config: {in: collect, how: flood}})" +
                                           std::string(rest)));
  ASSERT_TRUE(agent.wait_ready()) << agent.log();
  const auto response = agent.get("/metrics");
  EXPECT_EQ(response.status, 200);
  std::size_t series = 0;
  for (const auto& [name, value] : samples(response.body))
    series += name.starts_with("test_misbehaves_series{") ? 1 : 0;
  EXPECT_LE(series, 11U);
  expect_the_rest_goes_on(agent);
}

class SinkFails : public ::testing::TestWithParam<Misdeed> {};

TEST_P(SinkFails, IsShownAndTheRestRuns) {
  TempFolder folder;
  const auto& [in, how, reason] = GetParam();
  AgentProcess agent(folder, bad_sink("in: " + std::string(in) + ", how: " + how));
  ASSERT_TRUE(agent.wait_ready()) << agent.log();
  if (std::string_view(in) == "render") {
    EXPECT_EQ(agent.get("/misbehaves").status, 503);
  }
  EXPECT_TRUE(eventually([&] { return agent.state("bad") == "failing" || agent.state("bad") == "failed"; }));
  EXPECT_THAT(agent.last_error("bad"), HasSubstr(reason));
  EXPECT_GE(agent.count("bad", "errors"), 1);
  EXPECT_TRUE(eventually([&] { return agent.metric("sentinel_sink_errors_total{sink=\"bad\"}").value_or(0) > 0; }));
  expect_the_rest_goes_on(agent);
  EXPECT_EQ(agent.stop().exit_code, 0) << agent.log();
}

INSTANTIATE_TEST_SUITE_P(Misbehaving, SinkFails,
                         ::testing::Values(Misdeed{"create", "throw", "thrown in create"},
                                           Misdeed{"start", "fail", "it fails in start"},
                                           Misdeed{"consume", "fail", "it fails in consume"},
                                           Misdeed{"consume", "throw_int", ""},
                                           Misdeed{"render", "throw", "thrown in render"}),
                         name_of);

TEST(Misbehaving, ASlowSinkLosesWhatItsQueueCannotHoldAndSaysHowMuch) {
  TempFolder folder;
  AgentProcess agent(folder, bad_sink("in: consume, how: slow, for: 2s", ", queue: 2"));
  ASSERT_TRUE(agent.wait_ready()) << agent.log();
  EXPECT_TRUE(eventually([&] {
    return agent.metric("sentinel_sink_dropped_records_total{sink=\"bad\"}").value_or(0) > 0;
  })) << agent.log();
  EXPECT_TRUE(eventually([&] { return agent.count("bad", "delivered_records") > 0; }));
  EXPECT_LE(agent.count("bad", "queued_batches"), 2);
  EXPECT_EQ(agent.count("bad", "queue_capacity_batches"), 2);
  EXPECT_EQ(agent.metric("sentinel_sink_queue_capacity_batches{sink=\"bad\"}"), 2);
  EXPECT_EQ(agent.metric("sentinel_sink_dropped_records_total{sink=\"prometheus\"}").value_or(0), 0);
  expect_the_rest_goes_on(agent);
  EXPECT_LT(agent.count("steady", "skipped"), agent.count("steady", "runs")) << "a collector waits for no sink";
}

}  // namespace
}  // namespace sentinel::testing
