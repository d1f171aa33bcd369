#include "core/runtime/plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/support/process.hpp"

namespace sentinel::runtime {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

const std::filesystem::path program = SENTINEL_BINARY_DIR "/sentinel";

config::Config config_with(std::vector<config::Collector> collectors) {
  config::Config config;
  config.agent.plugin_path = {SENTINEL_BINARY_DIR "/plugins"};
  config.collectors = std::move(collectors);
  return config;
}

config::Collector collector(std::string name, std::string plugin, int line = 1) {
  config::Collector made;
  made.name = std::move(name);
  made.plugin = std::move(plugin);
  made.where.file = "test.yaml";
  made.where.line = line;
  made.where.column = 3;
  return made;
}

std::vector<std::string> mistakes(config::Config config) {
  std::vector<std::string> all;
  for (const auto& diagnostic : make_plan({}, std::move(config), program).diagnostics) {
    all.push_back(config::to_string(diagnostic));
  }
  return all;
}

TEST(Plan, KnowsWhatEachPluginIs) {
  const auto planned = make_plan({}, config_with({collector("cpu", "proc_cpu")}), program);
  ASSERT_TRUE(planned.ok());
  const auto* cpu = planned.plan.find(Kind::collector, "cpu");
  ASSERT_NE(cpu, nullptr);
  EXPECT_EQ(cpu->sha256.size(), 64U);
  EXPECT_FALSE(cpu->version.empty());
  EXPECT_FALSE(cpu->config.empty()) << "defaults of the schema are filled in";
  const auto* self = planned.plan.find(Kind::collector, "self");
  ASSERT_NE(self, nullptr);
  EXPECT_NE(self->built_in, nullptr);
}

TEST(Plan, ReportsEveryMistakeAtItsPlace) {
  EXPECT_THAT(mistakes(config_with({collector("a", "proc_cpuu", 4), collector("b", "prometheus", 5)})),
              ElementsAre(AllOf(HasSubstr("test.yaml:4:3: collector \"a\""), HasSubstr("proc_cpu")),
                          AllOf(HasSubstr("test.yaml:5:3: collector \"b\""), HasSubstr("under `sinks:`"))));
}

TEST(Plan, RefusesTwoProducersOfOneSeries) {
  EXPECT_THAT(mistakes(config_with({collector("a", "proc_cpu"), collector("b", "proc_cpu", 9)})),
              ElementsAre(AllOf(HasSubstr("test.yaml:9:3"), HasSubstr("`labels:`"))));
  auto labelled = config_with({collector("a", "proc_cpu"), collector("b", "proc_cpu")});
  labelled.collectors[0].labels = {{"source", "host"}};
  labelled.collectors[1].labels = {{"source", "guest"}};
  EXPECT_THAT(mistakes(labelled), IsEmpty());
}

TEST(Plan, NotesWhatAnOptionalOneLacks) {
  auto config = config_with({collector("a", "proc_missing")});
  config.collectors[0].optional = true;
  const auto planned = make_plan({}, config, program);
  ASSERT_TRUE(planned.ok());
  EXPECT_THAT(planned.plan.find(Kind::collector, "a")->unavailable, HasSubstr("proc_missing"));
}

/// What runs once a plan was applied.
Running running(const Plan& plan) {
  return {plan.config, plan.instances, {}};
}

std::vector<std::string> lines_to(const Running& from, const config::Config& wanted, Look look = Look::files_too) {
  const auto planned = make_plan(from, wanted, program, look);
  EXPECT_TRUE(planned.ok());
  return to_lines(planned.plan.steps);
}

/// Plugins in a folder of its own, which may be changed.
class PlanOfFiles : public ::testing::Test {
 protected:
  PlanOfFiles() {
    std::filesystem::copy(SENTINEL_BINARY_DIR "/plugins/proc_cpu.so", folder_ / "proc_cpu.so");
    std::filesystem::copy(SENTINEL_BINARY_DIR "/plugins/proc_tcp.so", folder_ / "proc_tcp.so");
    config_ = config_with({collector("cpu", "proc_cpu"), collector("tcp", "proc_tcp")});
    config_.agent.plugin_path = {folder_.path()};
  }
  /// Other content, as good as before.
  void change(const std::string& plugin) { std::ofstream(folder_ / (plugin + ".so"), std::ios::app) << "more"; }

  sentinel::testing::TempFolder folder_;
  config::Config config_;
};

TEST_F(PlanOfFiles, KeepsWhatIsAsItWas) {
  const auto first = make_plan({}, config_, program);
  ASSERT_TRUE(first.ok());
  EXPECT_FALSE(first.plan.changes_nothing());
  EXPECT_THAT(to_lines(first.plan.steps),
              ElementsAre("collector cpu: added: new in the file", "collector tcp: added: new in the file"));
  const auto again = make_plan(running(first.plan), config_, program);
  EXPECT_TRUE(again.plan.changes_nothing());
  EXPECT_THAT(to_lines(again.plan.steps), ElementsAre("kept: collector cpu, collector tcp"));
}

TEST_F(PlanOfFiles, ATouchedFileOfTheSameContentIsKept) {
  const auto first = make_plan({}, config_, program).plan;
  std::filesystem::last_write_time(folder_ / "proc_cpu.so", std::filesystem::file_time_type::clock::now());
  EXPECT_TRUE(make_plan(running(first), config_, program).plan.changes_nothing());
}

TEST_F(PlanOfFiles, OtherContentIsASwapWhereItIsLookedFor) {
  const auto first = make_plan({}, config_, program).plan;
  const auto before = first.find(Kind::collector, "cpu")->sha256;
  change("proc_cpu");
  const auto planned = make_plan(running(first), config_, program);
  ASSERT_TRUE(planned.ok());
  const auto after = planned.plan.find(Kind::collector, "cpu")->sha256;
  EXPECT_NE(after, before);
  EXPECT_THAT(to_lines(planned.plan.steps),
              ElementsAre("collector cpu: swapped: content " + before.substr(0, 12) + " -> " + after.substr(0, 12),
                          "kept: collector tcp"));
  EXPECT_THAT(lines_to(running(first), config_, Look::configuration),
              ElementsAre("kept: collector cpu, collector tcp"));
}

TEST_F(PlanOfFiles, ReasonsOfConfigurationAndContentAreBothTold) {
  const auto first = make_plan({}, config_, program).plan;
  auto wanted = config_;
  wanted.collectors[0].every = std::chrono::seconds(1);
  EXPECT_THAT(lines_to(running(first), wanted),
              ElementsAre("collector cpu: reconfigured: every: 5s -> 1s", "kept: collector tcp"));
  change("proc_cpu");
  EXPECT_THAT(lines_to(running(first), wanted),
              ElementsAre(StartsWith("collector cpu: swapped: every: 5s -> 1s, content "), "kept: collector tcp"));
}

TEST_F(PlanOfFiles, WhatIsAddedAndRemovedIsNamed) {
  const auto first = make_plan({}, config_, program).plan;
  auto wanted = config_;
  wanted.collectors.clear();
  EXPECT_THAT(lines_to(running(first), wanted), ElementsAre("collector cpu: removed: no longer in the file",
                                                            "collector tcp: removed: no longer in the file"));
}

TEST_F(PlanOfFiles, AnotherPluginUnderTheNameIsASwap) {
  const auto first = make_plan({}, config_, program).plan;
  auto wanted = config_;
  wanted.collectors[0].plugin = "proc_tcp";
  wanted.collectors[0].labels = {{"source", "one"}};
  wanted.collectors[1].labels = {{"source", "two"}};
  EXPECT_THAT(lines_to(running(first), wanted),
              Contains(AllOf(StartsWith("collector cpu: swapped: "), HasSubstr("plugin: proc_cpu -> proc_tcp"))));
}

TEST_F(PlanOfFiles, AFileThatIsGoneIsAMistakeEvenOfAnOptionalOneThatRuns) {
  config_.collectors[0].optional = true;
  const auto first = make_plan({}, config_, program).plan;
  std::filesystem::remove(folder_ / "proc_cpu.so");
  const auto planned = make_plan(running(first), config_, program);
  EXPECT_FALSE(planned.ok());
  EXPECT_THAT(config::to_string(planned.diagnostics.at(0)), HasSubstr("proc_cpu"));
}

TEST_F(PlanOfFiles, WhatNeverRanIsTriedAgainOnlyOnAReload) {
  config_.collectors[0].optional = true;
  std::filesystem::rename(folder_ / "proc_cpu.so", folder_ / "aside");
  auto now = running(make_plan({}, config_, program).plan);
  now.broken[{Kind::collector, "cpu"}] = "not there";
  EXPECT_THAT(lines_to(now, config_), ElementsAre("kept: collector cpu, collector tcp")) << "unavailable as before";
  std::filesystem::rename(folder_ / "aside", folder_ / "proc_cpu.so");
  EXPECT_THAT(lines_to(now, config_, Look::configuration), ElementsAre("kept: collector cpu, collector tcp"));
  EXPECT_THAT(lines_to(now, config_),
              ElementsAre("collector cpu: swapped: did not run: not there", "kept: collector tcp"));
}

TEST_F(PlanOfFiles, SaysWhatOfTheAgentWaitsForTheNextStart) {
  const auto first = make_plan({}, config_, program).plan;
  auto wanted = config_;
  wanted.agent.workers = 9;
  wanted.agent.stop_timeout = std::chrono::seconds(9);
  EXPECT_THAT(lines_to(running(first), wanted),
              ElementsAre("agent stop_timeout: reconfigured: stop_timeout: 5s -> 9s",
                          "agent workers: reconfigured: workers: 2 -> 9; applies at the next start",
                          "kept: collector cpu, collector tcp"));
}

}  // namespace
}  // namespace sentinel::runtime
