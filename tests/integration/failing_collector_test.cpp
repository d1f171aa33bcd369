// A collector whose source is not there: seen everywhere, harmless to the others, and back when the source is.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/agent_process.hpp"

namespace sentinel::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(FailingCollector, SaysItsReasonUntilItsTreeAppears) {
  TempFolder folder;
  const std::filesystem::path tree = folder / "proc";
  AgentProcess agent(folder, pipeline_file(R"(
collectors:
  here: {plugin: proc_mem, every: 200ms, deadline: 30s, labels: {source: here}}
  lost: {plugin: proc_mem, every: 200ms, deadline: 30s, labels: {source: lost}, config: {procfs: ')" +
                                           tree.string() + R"('}}
  cpu: {plugin: proc_cpu, every: 200ms, deadline: 30s}
pipelines:
  host: {to: [prometheus]}
sinks:
  prometheus: {plugin: prometheus}
)"));
  ASSERT_TRUE(agent.wait_ready()) << agent.log();

  EXPECT_EQ(agent.state("lost"), "failing");
  EXPECT_THAT(agent.last_error("lost"), AllOf(HasSubstr(tree.string()), HasSubstr("No such file or directory")));
  const auto up = [&](const char* name) {
    return agent.metric("sentinel_collector_up{collector=\"" + std::string(name) + "\"}");
  };
  EXPECT_EQ(up("lost"), 0);
  EXPECT_EQ(up("here"), 1);
  EXPECT_EQ(up("cpu"), 1);
  const auto without = agent.metrics();
  EXPECT_TRUE(without.contains("sentinel_memory_usage{source=\"here\"}"));
  EXPECT_FALSE(without.contains("sentinel_memory_usage{source=\"lost\"}"));
  EXPECT_TRUE(without.contains("sentinel_loadavg{interval=\"load1\"}"));

  ASSERT_TRUE(agent.wait_for_runs("lost", 3));
  const std::string log = agent.log();
  const auto first = log.find("lost: collect failed");
  ASSERT_NE(first, std::string::npos) << log;
  EXPECT_EQ(log.find("lost: collect failed", first + 1), std::string::npos) << "one line, not one per collection\n"
                                                                            << log;
  EXPECT_GT(agent.count("lost", "errors"), 3);
  EXPECT_EQ(agent.count("here", "errors"), 0);

  std::filesystem::copy(std::filesystem::path(SENTINEL_FIXTURES) / "procfs" / "debian12", folder / "new",
                        std::filesystem::copy_options::recursive);
  std::filesystem::rename(folder / "new", tree);
  EXPECT_TRUE(eventually([&] { return agent.state("lost") == "running"; })) << agent.log();
  EXPECT_TRUE(agent.logs("lost: collect succeeds again"));
  EXPECT_TRUE(eventually([&] { return agent.metrics().contains("sentinel_memory_usage{source=\"lost\"}"); }));
  EXPECT_TRUE(eventually([&] { return up("lost") == 1; })) << "the agent's own collector runs every 5 s";
  EXPECT_EQ(agent.stop().exit_code, 0);
}

}  // namespace
}  // namespace sentinel::testing
