// A plugin that hangs for good in whichever call: the rest goes on, and SIGTERM still ends the agent in time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <ostream>

#include "tests/support/agent_process.hpp"

namespace sentinel::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// What stop_timeout, 2 s in pipeline_file(), may become on a machine that has other things to do.
constexpr std::chrono::seconds margin(20);

struct Hang {
  const char* kind;
  const char* call;

  // NOLINTNEXTLINE(readability-identifier-naming): GoogleTest looks for it by this name
  friend void PrintTo(const Hang& hang, std::ostream* out) { *out << hang.kind << " " << hang.call; }
};

std::string name_of(const ::testing::TestParamInfo<Hang>& info) {
  return std::string(info.param.kind) + "_" + info.param.call;
}

std::string hanging(const Hang& hang) {
  const bool collector = std::string_view(hang.kind) == "collector";
  const std::string config = std::string(", config: {in: ") + hang.call + ", how: hang}}\n";
  std::string text = "collectors:\n  steady: {plugin: proc_mem, every: 200ms, deadline: 30s}\n";
  if (collector) text += "  stuck: {plugin: test_misbehaves, every: 200ms, deadline: 500ms" + config;
  text += "pipelines:\n  host: {to: [prometheus" + std::string(collector ? "" : ", stuck") + "]}\n";
  text += "sinks:\n  prometheus: {plugin: prometheus}\n";
  if (!collector) text += "  stuck: {plugin: test_sink_misbehaves" + config;
  return pipeline_file(text);
}

/// SIGTERM, an end in time, with the plugin and the call named and nobody else accused.
void expect_named_end(AgentProcess& agent, const std::string& call) {
  agent.process().send(SIGTERM);
  const auto ended = agent.process().wait(std::chrono::seconds(2) + margin);
  ASSERT_TRUE(ended) << "still running:\n" << agent.log();
  EXPECT_EQ(ended->exit_code, 1) << ended->err;
  EXPECT_THAT(ended->err, HasSubstr("'stuck' hangs in '" + call + "'"));
  EXPECT_THAT(ended->err, Not(HasSubstr("'steady' hangs")));
  EXPECT_THAT(ended->err, Not(HasSubstr("'self' hangs")));
  EXPECT_THAT(ended->err, Not(HasSubstr("'prometheus' hangs")));
}

void expect_the_rest_goes_on(AgentProcess& agent) {
  EXPECT_TRUE(agent.wait_for_runs("steady")) << agent.log();
  EXPECT_EQ(agent.state("steady"), "running");
  EXPECT_TRUE(agent.metrics().contains("sentinel_memory_usage"));
}

class HangsWhileItRuns : public ::testing::TestWithParam<Hang> {};

TEST_P(HangsWhileItRuns, IsSetAsideAndSigtermEndsTheAgent) {
  TempFolder folder;
  AgentProcess agent(folder, hanging(GetParam()));
  const std::string call = GetParam().call;
  if (call == "render") {
    ASSERT_TRUE(agent.wait_ready()) << agent.log();
    EXPECT_EQ(agent.get("/misbehaves").status, 503) << "the deadline of a sink's call passed";
  }
  ASSERT_TRUE(eventually([&] { return agent.state("stuck") == "quarantined"; })) << agent.log();
  ASSERT_TRUE(agent.wait_ready()) << agent.log();
  EXPECT_EQ(agent.instance("stuck").at("call").as_string(), call);
  EXPECT_THAT(agent.last_error("stuck"), HasSubstr("'" + call + "' overran its deadline"));
  EXPECT_TRUE(agent.logs("stuck: '" + call + "' overran its deadline")) << agent.log();
  expect_the_rest_goes_on(agent);
  expect_named_end(agent, call);
}

INSTANTIATE_TEST_SUITE_P(Hanging, HangsWhileItRuns,
                         ::testing::Values(Hang{"collector", "create"}, Hang{"collector", "start"},
                                           Hang{"collector", "collect"}, Hang{"sink", "create"}, Hang{"sink", "start"},
                                           Hang{"sink", "consume"}, Hang{"sink", "render"}),
                         name_of);

class HangsAtTheEnd : public ::testing::TestWithParam<Hang> {};

TEST_P(HangsAtTheEnd, IsLeftBehindByName) {
  TempFolder folder;
  AgentProcess agent(folder, hanging(GetParam()));
  ASSERT_TRUE(agent.wait_ready()) << agent.log();
  expect_the_rest_goes_on(agent);
  EXPECT_TRUE(eventually([&] { return agent.state("stuck") == "running"; })) << agent.log();
  expect_named_end(agent, GetParam().call);
}

INSTANTIATE_TEST_SUITE_P(Hanging, HangsAtTheEnd,
                         ::testing::Values(Hang{"collector", "drain"}, Hang{"collector", "stop"},
                                           Hang{"collector", "destroy"}, Hang{"sink", "drain"}, Hang{"sink", "stop"},
                                           Hang{"sink", "destroy"}),
                         name_of);

class HangsAtTheStart : public ::testing::TestWithParam<Hang> {};

TEST_P(HangsAtTheStart, SigtermEndsTheAgentBeforeTheDeadlineOfTheCall) {
  TempFolder folder;
  AgentProcess agent(folder, hanging(GetParam()));
  ASSERT_TRUE(eventually([&] {
    const auto stuck = agent.instance("stuck");
    return !stuck.empty() && stuck.at("call").as_string() == GetParam().call;
  })) << agent.log();
  expect_named_end(agent, GetParam().call);
}

// A sink's call has 10 s, longer than stop_timeout.
INSTANTIATE_TEST_SUITE_P(Hanging, HangsAtTheStart, ::testing::Values(Hang{"sink", "create"}, Hang{"sink", "start"}),
                         name_of);

TEST(Hanging, MoreThanThereAreWorkersLeaveTheRestRunning) {
  TempFolder folder;
  std::string collectors = "collectors:\n  steady: {plugin: proc_mem, every: 200ms, deadline: 30s}\n";
  for (int i = 0; i < 4; ++i) {
    const std::string name = "stuck_" + std::to_string(i);
    collectors += "  " + name + ": {plugin: test_misbehaves, every: 200ms, deadline: 500ms, labels: {at: '" +
                  std::to_string(i) + "'}, config: {in: collect, how: hang}}\n";
  }
  AgentProcess agent(folder, pipeline_file(collectors + R"(
pipelines:
  host: {to: [prometheus]}
sinks:
  prometheus: {plugin: prometheus}
)",
                                           "workers: 2"));
  ASSERT_TRUE(agent.wait_ready()) << agent.log();
  for (int i = 0; i < 4; ++i) {
    const auto stuck = "stuck_" + std::to_string(i);
    EXPECT_TRUE(eventually([&] { return agent.state(stuck) == "quarantined"; })) << agent.log();
  }
  expect_the_rest_goes_on(agent);
  agent.process().send(SIGTERM);
  const auto ended = agent.process().wait(std::chrono::seconds(2) + margin);
  ASSERT_TRUE(ended) << agent.log();
  EXPECT_EQ(ended->exit_code, 1);
  for (int i = 0; i < 4; ++i) {
    EXPECT_THAT(ended->err, HasSubstr("'stuck_" + std::to_string(i) + "' hangs in 'collect'"));
  }
}

TEST(Hanging, ACallThatOverrunsAndReturnsIsTakenBack) {
  TempFolder folder;
  AgentProcess agent(folder, pipeline_file(R"(
collectors:
  steady: {plugin: proc_mem, every: 200ms, deadline: 30s}
  late: {plugin: test_misbehaves, every: 200ms, deadline: 500ms, config: {in: collect, how: slow, for: 2s, after: 0}}
pipelines:
  host: {to: [prometheus]}
sinks:
  prometheus: {plugin: prometheus}
)"));
  ASSERT_TRUE(eventually([&] { return agent.state("late") == "quarantined"; })) << agent.log();
  ASSERT_TRUE(eventually([&] { return agent.logs("late: 'collect' returned after"); })) << agent.log();
  EXPECT_GT(agent.count("late", "overruns"), 0);
  EXPECT_GT(agent.count("late", "skipped"), 0) << "it is not called while a call of it runs";
  const auto runs = agent.count("late", "runs");
  EXPECT_TRUE(eventually([&] { return agent.count("late", "runs") > runs; })) << agent.log();
  expect_the_rest_goes_on(agent);
}

TEST(Hanging, ACreateThatReturnsLateIsNotUsed) {
  TempFolder folder;
  AgentProcess agent(folder, pipeline_file(R"(
collectors:
  steady: {plugin: proc_mem, every: 200ms, deadline: 30s}
  late: {plugin: test_misbehaves, every: 200ms, deadline: 500ms, config: {in: create, how: slow, for: 2s}}
pipelines:
  host: {to: [prometheus]}
sinks:
  prometheus: {plugin: prometheus}
)"));
  ASSERT_TRUE(agent.wait_ready()) << agent.log();
  ASSERT_TRUE(eventually([&] { return agent.state("late") == "failed"; })) << agent.log();
  expect_the_rest_goes_on(agent);
  EXPECT_EQ(agent.count("late", "runs"), 0);
  EXPECT_EQ(agent.stop().exit_code, 0) << agent.log();
}

}  // namespace
}  // namespace sentinel::testing
