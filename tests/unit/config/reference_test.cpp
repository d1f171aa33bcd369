#include "core/config/references.hpp"

#include "tests/unit/config/support.hpp"

namespace sentinel::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string with_pipelines(std::string_view pipelines) {
  return "version: 1\ncollectors:\n  cpu: {plugin: p}\n  memory: {plugin: p}\nsinks:\n  prometheus: {plugin: p}\n"
         "pipelines:\n" +
         std::string(pipelines);
}

TEST(References, WithoutFromAPipelineTakesEverythingAndSelf) {
  const Folder folder;
  folder.write("a.yaml", with_pipelines("  host: {to: [prometheus]}\n  own: {from: [self], to: [prometheus]}\n"));
  const auto loaded = load(folder / "a.yaml", {});
  EXPECT_THAT(folder.tell(loaded.diagnostics), IsEmpty());
  ASSERT_EQ(loaded.config.pipelines.size(), 2U);
  EXPECT_THAT(loaded.config.pipelines[0].from, ElementsAre("cpu", "memory", "self"));
  EXPECT_THAT(loaded.config.pipelines[0].to, ElementsAre("prometheus"));
  EXPECT_THAT(loaded.config.pipelines[1].from, ElementsAre("self"));
  EXPECT_EQ(loaded.config.find_pipeline("own"), &loaded.config.pipelines[1]);
  EXPECT_EQ(loaded.config.find_pipeline("other"), nullptr);
  EXPECT_NE(loaded.config.find_collector("memory"), nullptr);
  EXPECT_NE(loaded.config.find_sink("prometheus"), nullptr);
}

TEST(References, ReportsNamesThatNothingBears) {
  EXPECT_THAT(
      complaints(
          with_pipelines("  host: {from: [cup, prometheus, disk, cpu, memory], to: [promtheus, cpu, prometheus]}\n")),
      ElementsAre(
          "a.yaml:8:17: pipeline \"host\": from: there is no collector named \"cup\" (did you mean \"cpu\"?)",
          "a.yaml:8:22: pipeline \"host\": from: \"prometheus\" is a sink; only a collector can stand here",
          "a.yaml:8:34: pipeline \"host\": from: there is no collector named \"disk\"",
          "a.yaml:8:59: pipeline \"host\": to: there is no sink named \"promtheus\" (did you mean \"prometheus\"?)",
          "a.yaml:8:70: pipeline \"host\": to: \"cpu\" is a collector; only a sink can stand here"));
}

TEST(References, ReportsMistakesOfPipelines) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"  host: {}\n", "a.yaml:8:3: pipeline \"host\": to: is missing; name the sinks, as in to: [prometheus]"},
      {"  host:\n", "pipeline \"host\": to: is missing"},
      {"  host: {to: []}\n", "a.yaml:8:14: pipeline \"host\": to: names no sink"},
      {"  host: {to: }\n", "pipeline \"host\": to: names no sink"},
      {"  host: {to: prometheus}\n", "pipeline \"host\": to: must be a list: write [prometheus]"},
      {"  host: {from: [], to: [prometheus]}\n",
       "pipeline \"host\": from: names no collector; leave it out to take all"},
      {"  host: {from: [cpu, memory, cpu], to: [prometheus]}\n",
       "a.yaml:8:30: pipeline \"host\": from: \"cpu\" stands here twice"},
      {"  host: [a]\n", "pipeline \"host\" must be a map such as {from: [cpu], to: [prometheus]}, not a list"},
      {"  host: {to: [prometheus], fliter: x}\n",
       "pipeline \"host\": unknown key \"fliter\" (did you mean \"filter\"?); known here: alert, alerts_to, filter, "
       "from, to, window, windows"},
      {"  Host: {to: [prometheus]}\n", "\"Host\" is no name for a pipeline"},
      {"  - host\n", "a.yaml:8:3: pipelines: must be a map from names to their settings, not a list"},
  };
  for (const auto& [pipelines, expected] : cases) {
    // What is then unused is told as a warning beside it.
    EXPECT_THAT(complaints(with_pipelines(pipelines)), testing::Contains(HasSubstr(expected))) << pipelines;
  }
}

TEST(References, WarnsOfWhatNoPipelineUses) {
  const Folder folder;
  folder.write("a.yaml",
               "version: 1\ncollectors:\n  cpu: {plugin: p}\n  memory: {plugin: p}\nsinks:\n  a: {plugin: p}\n"
               "  b: {plugin: p}\npipelines: {host: {from: [cpu], to: [a]}}\n");
  const auto loaded = load(folder / "a.yaml", {});
  EXPECT_TRUE(loaded.ok());
  EXPECT_THAT(folder.tell(loaded.diagnostics),
              ElementsAre("a.yaml:4:3: warning: collector \"memory\" is in no pipeline's from: it runs for nobody",
                          "a.yaml:7:3: warning: sink \"b\" is in no pipeline's to or alerts_to: it runs for nobody"));
}

TEST(References, RefusesOneNameForTwoThings) {
  EXPECT_THAT(
      complaints("version: 1\ncollectors: {cpu: {plugin: p}}\nsinks: {cpu: {plugin: p}}\n"
                 "pipelines: {cpu: {to: [cpu]}}\n"),
      ElementsAre("a.yaml:3:9: sink \"cpu\" has the name of the collector at a.yaml:2:14; one name means one thing"));
}

TEST(References, AreNotFollowedWhenAFileIsMissing) {
  EXPECT_THAT(complaints(with_pipelines("  host: {from: [elsewhere], to: [prometheus]}\ninclude: [absent.yaml]\n")),
              ElementsAre("a.yaml:9:11: include: \"absent.yaml\": does not exist"));
}

}  // namespace
}  // namespace sentinel::config
