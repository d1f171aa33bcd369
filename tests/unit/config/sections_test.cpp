#include "core/config/sections.hpp"

#include "tests/unit/config/support.hpp"

namespace sentinel::config {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

Config load_text(const std::string& text) {
  const Folder folder;
  folder.write("a.yaml", text);
  auto loaded = load(folder / "a.yaml", {});
  EXPECT_THAT(folder.tell(loaded.diagnostics), IsEmpty());
  return loaded.config;
}

TEST(ParseListen, TakesTheFormsThatItNames) {
  for (const std::string_view text : {"127.0.0.1:8000", "[::1]:8000", "localhost:0", ":8000",
                                      "host-1.example.org:65535", "[fe80::1%eth0]:80", "[::]:8000"}) {
    const auto listen = parse_listen(text);
    ASSERT_TRUE(listen) << text << ": " << listen.error().message;
    EXPECT_EQ(*listen, text);
  }
  EXPECT_EQ(*parse_listen("none"), "");
}

TEST(ParseListen, RefusesTheRest) {
  for (const std::string_view text : {"",
                                      "8000",
                                      "127.0.0.1",
                                      "127.0.0.1:",
                                      "127.0.0.1:65536",
                                      "127.0.0.1:-1",
                                      "127.0.0.1:+1",
                                      "127.0.0.1:http",
                                      "::1:8000",
                                      "[::1]",
                                      "[]:80",
                                      "[x]:80",
                                      "[127.0.0.1]:80",
                                      "[::1:80",
                                      "::1]:80",
                                      "a b:80",
                                      "a/b:80",
                                      "None",
                                      "http://localhost:8000",
                                      "localhost:80 ",
                                      "localhost:99999999999999999999"}) {
    const auto listen = parse_listen(text);
    ASSERT_FALSE(listen) << text;
    EXPECT_THAT(listen.error().message, HasSubstr("write 127.0.0.1:8000, [::1]:8000"));
  }
}

TEST(Agent, HasDefaultsForAll) {
  const Folder folder;
  folder.write("a.yaml", with_agent(""));
  const auto loaded = load(folder / "a.yaml", {});
  ASSERT_TRUE(loaded.ok());
  const Agent& agent = loaded.config.agent;
  EXPECT_EQ(agent.listen, "127.0.0.1:8000");
  EXPECT_THAT(agent.plugin_path, ElementsAre(folder / "plugins"));
  EXPECT_EQ(agent.state_dir, folder / "state");
  EXPECT_EQ(agent.env_file, folder / ".env");
  EXPECT_EQ(agent.web_config, "");
  EXPECT_THAT(agent.labels, IsEmpty());
  EXPECT_EQ(agent.stop_timeout, 5s);
  EXPECT_EQ(agent.workers, 2U);
  EXPECT_EQ(agent.series_limit, 10'000U);
  EXPECT_EQ(agent.history.memory_bytes, 2U << 20U);
  EXPECT_EQ(agent.log.level, LogLevel::info);
  EXPECT_EQ(agent.log.format, LogFormat::text);
}

TEST(Agent, ReadsEveryKey) {
  const Folder folder;
  folder.write("e", "");
  folder.write("conf/a.yaml",
               with_agent("{listen: none, plugin_path: [p, /q], state_dir: ../s, env_file: ../e, web_config: w.yaml,"
                          " labels: {site: berlin, instance: ''}, stop_timeout: 1m, workers: 64, series_limit: 50,"
                          " history: {memory: 64KiB}, log: {level: debug, format: json}}"));
  const auto loaded = load(folder / "conf/a.yaml", {});
  EXPECT_THAT(folder.tell(loaded.diagnostics), IsEmpty());
  const Agent& agent = loaded.config.agent;
  EXPECT_EQ(agent.listen, "");
  EXPECT_THAT(agent.plugin_path, ElementsAre(folder / "conf/p", "/q"));
  EXPECT_EQ(agent.state_dir, folder / "conf/../s");
  EXPECT_EQ(agent.env_file, folder / "conf/../e");
  EXPECT_EQ(agent.web_config, folder / "conf/w.yaml");
  EXPECT_THAT(agent.labels, ElementsAre(Pair("instance", ""), Pair("site", "berlin")));
  EXPECT_EQ(agent.stop_timeout, 1min);
  EXPECT_EQ(agent.workers, 64U);
  EXPECT_EQ(agent.series_limit, 50U);
  EXPECT_EQ(agent.history.memory_bytes, 65536U);
  EXPECT_EQ(agent.log.level, LogLevel::debug);
  EXPECT_EQ(agent.log.format, LogFormat::json);
}

TEST(Agent, ReportsEachMistake) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"[a]", "a.yaml:2:8: agent must be a map such as {listen: 127.0.0.1:8000}, not a list"},
      {"{listne: x}",
       "a.yaml:2:9: agent: unknown key \"listne\" (did you mean \"listen\"?); known here: alerts_to, env_file, "},
      {"{listen: '8000'}", "a.yaml:2:17: agent: listen: \"8000\" has no port"},
      {"{listen: [a]}", "agent: listen: must be a single value, not a list"},
      {"{listen: }", "agent: listen: has no value"},
      {"{plugin_path: plugins}", "agent: plugin_path: must be a list: write [plugins]"},
      {"{plugin_path: []}", "agent: plugin_path: names no directory"},
      {"{plugin_path: [[a]]}", "agent: plugin_path: each item must be text, not a list"},
      {"{plugin_path: ['']}", "agent: plugin_path: an item is empty"},
      {"{state_dir: ''}", "agent: state_dir: is empty"},
      {"{state_dir: \"a\\0b\"}", "agent: state_dir: \"a\\x00b\" has control characters in it"},
      {"{labels: [a]}", "agent: labels: must be a map such as {site: berlin}, not a list"},
      {"{labels: {0a: b}}", "agent: labels: \"0a\" is no label name"},
      {"{labels: {a-b: c}}", "agent: labels: \"a-b\" is no label name"},
      {"{labels: {__a: b}}", "agent: labels: \"__a\" begins with __"},
      {"{labels: {a: [b]}}", "agent: labels: \"a\" must be text, not a list"},
      {"{labels: {a: \"b\\nc\"}}", "agent: labels: \"a\" must be at most 1024 bytes without control characters"},
      {"{stop_timeout: 5}", "agent: stop_timeout: \"5\" is a duration without a unit"},
      {"{stop_timeout: 2h}", "agent: stop_timeout: \"2h\" is not between 100ms and 1h"},
      {"{workers: 0}", "agent: workers: \"0\" is not between 1 and 64"},
      {"{workers: two}", "agent: workers: \"two\" is no whole number"},
      {"{series_limit: 0}", "agent: series_limit: \"0\" is not between 1 and 10000000"},
      {"{history: 2MiB}", "agent: history must be a map such as {memory: 2MiB}, not \"2MiB\""},
      {"{history: {memory: 1KiB}}", "agent: history: memory: \"1KiB\" is not between 64KiB and 1GiB"},
      {"{history: {memory: 2M}}", "agent: history: memory: \"2M\" has a unit that is none of"},
      {"{log: {level: warn}}", "agent: log: level: \"warn\" is none of \"debug\", \"info\", \"warning\" and \"error\""},
      {"{log: {format: jsn}}", "(did you mean \"json\"?)"},
      {"{log: {colour: true}}", "agent: log: unknown key \"colour\"; known here: format, level"},
  };
  for (const auto& [section, expected] : cases) {
    EXPECT_THAT(complaints(with_agent(section)), ElementsAre(HasSubstr(expected))) << section;
  }
}

TEST(Collector, HasDefaults) {
  const auto config = load_text(with_collector("{plugin: proc_cpu}"));
  ASSERT_EQ(config.collectors.size(), 1U);
  const Collector& cpu = config.collectors[0];
  EXPECT_EQ(cpu.name, "cpu");
  EXPECT_EQ(cpu.plugin, "proc_cpu");
  EXPECT_EQ(cpu.every, 5s);
  EXPECT_EQ(cpu.deadline, 5s);
  EXPECT_FALSE(cpu.optional);
  EXPECT_FALSE(cpu.series_limit);
  EXPECT_EQ(cpu.config.kind, Value::Kind::null);
  EXPECT_EQ(cpu.where.line, 3);
  EXPECT_EQ(cpu.where.column, 3);
  EXPECT_EQ(cpu.config.where.line, 3);
}

TEST(Collector, ReadsEveryKey) {
  const auto config =
      load_text(with_collector("{plugin: proc_cpu, every: 1m, deadline: 2s, optional: true, labels: {disk: sda},"
                               " series_limit: 10, config: {a: [1], b: {c: d}}}"));
  const Collector& cpu = config.collectors.at(0);
  EXPECT_EQ(cpu.every, 1min);
  EXPECT_EQ(cpu.deadline, 2s);
  EXPECT_TRUE(cpu.optional);
  EXPECT_THAT(cpu.labels, ElementsAre(Pair("disk", "sda")));
  EXPECT_EQ(cpu.series_limit, 10U);
  EXPECT_EQ(cpu.config.find("b")->find("c")->text, "d");
}

TEST(Collector, WaitsTenSecondsAtMostUnlessTold) {
  EXPECT_EQ(load_text(with_collector("{plugin: p, every: 1h}")).collectors.at(0).deadline, 10s);
  EXPECT_EQ(load_text(with_collector("{plugin: p, every: 100ms}")).collectors.at(0).deadline, 100ms);
  EXPECT_EQ(load_text(with_collector("{plugin: p, every: 100ms, deadline: 1m}")).collectors.at(0).deadline, 1min);
}

TEST(Collector, ReportsEachMistake) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"proc_cpu",
       "a.yaml:3:8: collector \"cpu\" must be a map such as {plugin: proc_cpu, every: 5s}, not \"proc_cpu\""},
      {"", "a.yaml:3:3: collector \"cpu\": plugin: is missing; name the plugin"},
      {"{every: 5s}", "a.yaml:3:3: collector \"cpu\": plugin: is missing"},
      {"{plugin: }", "collector \"cpu\": plugin: has no value"},
      {"{plugin: ./proc_cpu.so}", "\"./proc_cpu.so\" is no plugin name"},
      {"{plugin: p, evry: 5s}", "a.yaml:3:20: collector \"cpu\": unknown key \"evry\" (did you mean \"every\"?)"},
      {"{plugin: p, every: 5}", "every: \"5\" is a duration without a unit; write for example 5s"},
      {"{plugin: p, every: 99ms}", "every: \"99ms\" is not between 100ms and 1h"},
      {"{plugin: p, every: 61m}", "every: \"61m\" is not between 100ms and 1h"},
      {"{plugin: p, every: {over: 5s}}", "every: must be a single value, not a map"},
      {"{plugin: p, deadline: 1ms}", "deadline: \"1ms\" is not between 10ms and 1m"},
      {"{plugin: p, optional: yes}", "optional: \"yes\" is neither true nor false"},
      {"{plugin: p, config: [a]}", "config: must be a map such as {procfs: /proc}, not a list"},
      {"{plugin: p, config: x}", "config: must be a map such as {procfs: /proc}, not \"x\""},
      {"{plugin: p, labels: {__name__: x}}", "labels: \"__name__\" begins with __"},
      {"{plugin: p, series_limit: -1}", "series_limit: \"-1\" is not between 1 and 10000000"},
  };
  for (const auto& [settings, expected] : cases) {
    EXPECT_THAT(complaints(with_collector(settings)), ElementsAre(HasSubstr(expected))) << settings;
  }
}

TEST(Sink, ReadsEveryKeyAndReportsMistakes) {
  const auto text = [](std::string_view settings) {
    return "version: 1\npipelines: {host: {to: [out]}}\nsinks:\n  out: " + std::string(settings) + "\n";
  };
  const auto config = load_text(text("{plugin: file, optional: true, queue: 7, config: {a: b}}"));
  EXPECT_EQ(config.sinks.at(0).plugin, "file");
  EXPECT_TRUE(config.sinks.at(0).optional);
  EXPECT_EQ(config.sinks.at(0).queue, 7U);
  EXPECT_EQ(config.sinks.at(0).config.find("a")->text, "b");
  EXPECT_EQ(load_text(text("{plugin: file}")).sinks.at(0).queue, 64U);

  EXPECT_THAT(complaints(text("{queue: 7}")), ElementsAre(HasSubstr("a.yaml:4:3: sink \"out\": plugin: is missing")));
  EXPECT_THAT(complaints(text("{plugin: p, queue: 0}")),
              ElementsAre(HasSubstr("queue: \"0\" is not between 1 and 65536")));
  EXPECT_THAT(complaints(text("{plugin: p, every: 5s}")),
              ElementsAre(HasSubstr("unknown key \"every\"; known here: config, optional, plugin, queue")));
}

TEST(Names, AreHeldToTheirPattern) {
  const auto text = [](const std::string& name) {
    return "version: 1\ncollectors: {" + name +
           ": {plugin: p}}\nsinks: {out: {plugin: p}}\npipelines: {p: {to: [out]}}\n";
  };
  for (const auto& name : std::vector<std::string>{"a", "a_1", "z9", std::string(47, 'a')})
    EXPECT_THAT(complaints(text(name)), IsEmpty());
  for (const auto& name :
       std::vector<std::string>{"A", "1a", "_a", "a-b", "a.b", "ä", "''", "a b", std::string(48, 'a')}) {
    EXPECT_THAT(complaints(text(name)), ElementsAre(HasSubstr("is no name for a collector"))) << name;
  }
  EXPECT_THAT(complaints(text("self")), ElementsAre(HasSubstr("a.yaml:2:14: no collector may be named \"self\"")));
}

}  // namespace
}  // namespace sentinel::config
