#include "core/runtime/plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sentinel::runtime {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

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

TEST(Plan, StoppingRemovesEverything) {
  const auto running = config_with({collector("a", "proc_cpu")});
  const Plan plan = stop_plan(running);
  EXPECT_THAT(plan.instances, IsEmpty());
  ASSERT_EQ(plan.diff.collectors.size(), 1U);
  EXPECT_EQ(plan.diff.collectors[0].kind, config::ChangeKind::removed);
}

}  // namespace
}  // namespace sentinel::runtime
