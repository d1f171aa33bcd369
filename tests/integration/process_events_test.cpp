// The shipped rules over events of processes, in the running agent with the real kernel: a storm of forks is one alert
// that names its process.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <string>

#include "tests/support/agent_process.hpp"
#include "tests/support/fault.hpp"
#include "tests/support/privilege.hpp"

namespace sentinel::testing {
namespace {

using ::testing::HasSubstr;

/// What the machine does beside the test is none of its business: only what processes named `comm` and their children
/// do is seen.
std::string file(const std::string& comm) {
  return pipeline_file("collectors:\n  processes: {plugin: ebpf_proc, every: 500ms, deadline: 10s, config: {comms: [" +
                       comm +
                       "]}}\nsinks: {prometheus: {plugin: prometheus}}\npipelines: {host: {from: [processes, self], "
                       "to: [prometheus]}}\ninclude: [" SENTINEL_SOURCE_DIR "/rules/default.yaml]\n");
}

TEST(ProcessEvents, AStormOfForksIsOneAlertThatNamesItsProcess) {
  SENTINEL_REQUIRE_BPF();
  constexpr int forks = 400;
  TempFolder folder;
  AgentProcess agent(folder, file("fork_storm"));
  ASSERT_TRUE(agent.wait_ready()) << agent.log();
  ASSERT_TRUE(agent.wait_for_runs("processes")) << agent.log() << agent.last_error("processes");
  Process storm({built_file("chaos/fork_storm"), "--rate", "120", "--count", std::to_string(forks)});
  ASSERT_TRUE(eventually([&] { return agent.fires("process_forks"); })) << agent.log();
  const auto ended = storm.wait();
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->exit_code, 0) << ended->err;
  ASSERT_TRUE(eventually([&] { return agent.metric("sentinel_process_forks_total") >= forks; }));
  const auto alerts = agent.alerts();
  ASSERT_EQ(alerts.size(), 1U) << alerts.size();
  const auto& alert = alerts[0];
  EXPECT_EQ(alert.at("labels").at("alertname"), "process_forks");
  EXPECT_EQ(alert.at("labels").at("pid"), boost::json::value(std::to_string(storm.pid())));
  EXPECT_EQ(alert.at("labels").at("comm"), "fork_storm");
  EXPECT_THAT(std::string(alert.at("context").at("exe").as_string()), HasSubstr("chaos/fork_storm"));
  EXPECT_FALSE(alert.at("context").at("symbols").as_array().empty());

  // Each event is accounted for, and few left the kernel one by one.
  const auto metrics = agent.metrics();
  const auto outcome = [&](const std::string& name) {
    return metrics.at("sentinel_bpf_events_total{plugin=\"ebpf_proc\",outcome=\"" + name + "\"}");
  };
  double sum = 0;
  for (const auto* name : {"filtered", "sampled_out", "folded", "submitted", "lost_ring", "lost_map", "lost_storage"}) {
    sum += outcome(name);
  }
  EXPECT_EQ(outcome("seen"), sum);
  EXPECT_LT(outcome("submitted"), forks / 4);
  // A leak checker forks processes of its own.
  EXPECT_GE(metrics.at("sentinel_process_exits_total"), forks + 1);
  EXPECT_EQ(metrics.at("sentinel_process_execs_total"), 1);
}

}  // namespace
}  // namespace sentinel::testing
