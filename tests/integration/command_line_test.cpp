// What the commands print, and the exit codes that scripts rely on: 0 good, 2 a bad file, 1 else.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/agent_process.hpp"

namespace sentinel::testing {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

constexpr std::string_view good_body = R"(
collectors:
  memory: {plugin: proc_mem, every: 1s}
pipelines:
  host: {to: [prometheus]}
sinks:
  prometheus: {plugin: prometheus}
)";

class CommandLine : public ::testing::Test {
 protected:
  std::string write(std::string_view text) {
    const auto file = folder_ / "sentinel.yaml";
    write_text(file, text);
    return file;
  }

  TempFolder folder_;
};

TEST_F(CommandLine, SaysItsVersionAndItsCommands) {
  const auto version = sentinel({"--version"});
  EXPECT_EQ(version.exit_code, 0);
  EXPECT_THAT(version.out, ContainsRegex("^[0-9]+\\.[0-9]+\\.[0-9]+"));
  const auto help = sentinel({"--help"});
  EXPECT_EQ(help.exit_code, 0);
  for (const char* command : {"run", "check", "plugin", "status", "top", "trace"})
    EXPECT_THAT(help.out, HasSubstr(command));
}

TEST_F(CommandLine, AWrongCommandLineIsNoBadFile) {
  for (const auto& words :
       {std::vector<std::string>{}, {"fly"}, {"run", "--twice"}, {"plugin"}, {"plugin", "inspect"}}) {
    const auto ended = sentinel(words);
    EXPECT_EQ(ended.exit_code, 1);
    EXPECT_THAT(ended.err, Not(IsEmpty()));
  }
}

TEST_F(CommandLine, AGoodFileIsGood) {
  const auto ended = sentinel({"check", write(pipeline_file(good_body))});
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_THAT(ended.out, HasSubstr("good: 1 collectors, 1 sinks, 1 pipelines"));
  EXPECT_THAT(ended.err, IsEmpty());
}

TEST_F(CommandLine, EveryMistakeOfAFileIsReportedAtOnceWithItsPlace) {
  const std::string file = write(pipeline_file(R"(collectors:
  memory: {plugin: proc_memm}
  cpu: {plugin: proc_cpu, every: 1 parsec, config: {procsf: /proc}}
  cpu: {plugin: proc_cpu}
  screen: {plugin: prometheus}
pipelines:
  host: {from: [memory, cqu], to: [prometheus]}
sinks:
  prometheus: {plugin: proc_tcp}
)",
                                               "lissten: x"));
  for (const char* command : {"check", "run"}) {
    const auto ended = sentinel({command, file});
    EXPECT_EQ(ended.exit_code, 2) << command;
    EXPECT_THAT(ended.out, IsEmpty());
    const auto says = [&](const std::string& place, const std::string& what) {
      EXPECT_THAT(ended.err, ContainsRegex("(^|\n)" + file + ":" + place + ": [^\n]*" + what)) << command;
    };
    says("2:[0-9]+", "unknown key \"lissten\" \\(did you mean \"listen\"\\?\\)");
    says("4:3", "plugin 'proc_memm' is not there[^\n]*did you mean \"proc_mem\"");
    says("5:34", "every[^\n]*1 parsec");
    says("5:[0-9]+", "unknown key \"procsf\" \\(did you mean \"procfs\"\\?\\)");
    says("6:3", "key \"cpu\" stands here twice, first in line 5");
    says("7:3", "plugin 'prometheus' is a sink: name it under `sinks:`");
    says("9:25", "no collector named \"cqu\" \\(did you mean \"cpu\"\\?\\)");
    says("11:3", "plugin 'proc_tcp' is a collector: name it under `collectors:`");
  }
}

TEST_F(CommandLine, AFileThatCannotBeReadIsABadFile) {
  const std::string missing = folder_ / "none.yaml";
  for (const char* command : {"check", "run"}) {
    const auto ended = sentinel({command, missing});
    EXPECT_EQ(ended.exit_code, 2);
    EXPECT_EQ(ended.err, missing + ": does not exist\n");
  }
  const auto text = sentinel({"check", write("version: 1\nagent: {listen: [\n")});
  EXPECT_EQ(text.exit_code, 2);
  EXPECT_THAT(text.err, ContainsRegex("sentinel.yaml:[0-9]+:[0-9]+: "));
}

TEST_F(CommandLine, TwoCollectorsOfOneSeriesNeedLabelsThatTellThemApart) {
  const auto body = [](std::string_view labels) {
    return "collectors:\n  one: {plugin: proc_mem}\n  two: {plugin: proc_mem" + std::string(labels) +
           "}\npipelines:\n  host: {to: [prometheus]}\nsinks:\n  prometheus: {plugin: prometheus}\n";
  };
  const auto same = sentinel({"check", write(pipeline_file(body("")))});
  EXPECT_EQ(same.exit_code, 2);
  EXPECT_THAT(same.err, AllOf(HasSubstr("sentinel.yaml:5:3: "), HasSubstr("would both produce the series of"),
                              HasSubstr("labels: {source: two}")));
  // A label on one alone is not enough: the other's series is the same without it, to who sums them.
  EXPECT_EQ(sentinel({"check", write(pipeline_file(body(", labels: {source: two}")))}).exit_code, 2);
  const auto apart = sentinel({"check", write(pipeline_file("collectors:\n"
                                                            "  one: {plugin: proc_mem, labels: {source: one}}\n"
                                                            "  two: {plugin: proc_mem, labels: {source: two}}\n"
                                                            "pipelines:\n  host: {to: [prometheus]}\n"
                                                            "sinks:\n  prometheus: {plugin: prometheus}\n"))});
  EXPECT_EQ(apart.exit_code, 0) << apart.err;
}

TEST_F(CommandLine, OncePrintsWhatAScrapeWouldShow) {
  const std::string file = write(pipeline_file(good_body));
  const auto once = sentinel({"run", "--once", file});
  ASSERT_EQ(once.exit_code, 0) << once.err;
  AgentProcess agent(folder_, pipeline_file(good_body));
  ASSERT_TRUE(agent.wait_ready()) << agent.log();
  const auto scraped = agent.metrics();
  const auto printed = samples(once.out);
  EXPECT_GT(printed.size(), 50U);
  const auto of_collector = [](const std::string& series) { return series.starts_with("sentinel_memory"); };
  for (const auto& [series, value] : printed) {
    EXPECT_TRUE(!of_collector(series) || scraped.contains(series)) << series;
  }
  for (const auto& [series, value] : scraped) {
    EXPECT_TRUE(!of_collector(series) || printed.contains(series)) << series;
  }
  EXPECT_EQ(printed.at("sentinel_memory_total_bytes"), scraped.at("sentinel_memory_total_bytes"));
  EXPECT_EQ(printed.at("sentinel_collector_up{collector=\"memory\"}"), 1);
}

TEST_F(CommandLine, PluginsAreListed) {
  const auto listed = sentinel({"plugin", "list", "--config", write(pipeline_file(good_body))});
  EXPECT_EQ(listed.exit_code, 0);
  EXPECT_THAT(listed.out, StartsWith("NAME"));
  EXPECT_THAT(listed.out, ContainsRegex("\nproc_mem +collector +[0-9.]+ +[A-Z]"));
  EXPECT_THAT(listed.out, ContainsRegex("\nprometheus +sink +[0-9.]+ +[A-Z]"));
  EXPECT_THAT(listed.out, ContainsRegex("\ntest_abi_major +- +- +refused: [^\n]*ABI"));
}

TEST_F(CommandLine, APluginIsInspected) {
  const auto text = sentinel({"plugin", "inspect", plugin_file("proc_mem")});
  EXPECT_EQ(text.exit_code, 0) << text.err;
  EXPECT_THAT(text.out, StartsWith("proc_mem "));
  EXPECT_THAT(text.out, ContainsRegex("\nkind +collector\n"));
  EXPECT_THAT(text.out, ContainsRegex("\nlicence +Apache-2.0\n"));
  EXPECT_THAT(text.out, ContainsRegex("\nsha256 +[0-9a-f]{64}\n"));
  EXPECT_THAT(text.out, ContainsRegex("\n  procfs +.*default: /proc"));
  EXPECT_THAT(text.out, ContainsRegex("\n  sentinel_memory_usage +gauge +"));

  const auto as_json = sentinel({"plugin", "inspect", "--json", plugin_file("proc_mem")});
  EXPECT_EQ(as_json.exit_code, 0);
  EXPECT_THAT(as_json.out, AllOf(StartsWith("{"), HasSubstr("\"name\":\"sentinel_memory_usage\"")));

  const auto none = sentinel({"plugin", "inspect", folder_ / "none.so"});
  EXPECT_EQ(none.exit_code, 2);
  EXPECT_THAT(none.err, HasSubstr("none.so"));
}

TEST_F(CommandLine, StatusWithoutAnAgentSaysSo) {
  const auto ended = sentinel({"status", "--socket", folder_ / "none.sock"});
  EXPECT_EQ(ended.exit_code, 1);
  EXPECT_THAT(ended.err, AllOf(HasSubstr("none.sock"), HasSubstr("is it running?")));
}

}  // namespace
}  // namespace sentinel::testing
