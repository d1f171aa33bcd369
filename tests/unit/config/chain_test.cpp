#include "core/config/chain.hpp"

#include "core/config/diff.hpp"
#include "tests/unit/config/support.hpp"

namespace sentinel::config {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::UnorderedElementsAre;

/// A file whose pipeline `r` has \p keys, the first of which stands in line 4.
std::string with_rule(std::string_view keys) {
  return "version: 1\nsinks: {out: {plugin: p}, incident: {plugin: p}}\npipelines: {h: {to: [out, incident]}, r: {\n" +
         std::string(keys) + "\n}}\n";
}

Pipeline good(const std::string& text, const Variables& environment = {}) {
  const Folder folder;
  folder.write("a.yaml", text);
  auto loaded = load(folder / "a.yaml", environment);
  EXPECT_THAT(folder.tell(loaded.diagnostics), IsEmpty());
  const auto* pipeline = loaded.config.find_pipeline("r");
  EXPECT_NE(pipeline, nullptr);
  return pipeline == nullptr ? Pipeline() : *pipeline;
}

TEST(Chain, ReadsEveryKeyOfAWindowAndAnAlert) {
  const auto rule = good(with_rule(
      R"(from: [self], filter: m, window: {over: 15s, fn: quantile, q: 0.99, agg: sum, by: [pid, comm], every: 5s,
groups: 9, as: p99}, alerts_to: [incident], alert: {when: "p99 > 5", for: 0s, keep_firing_for: 0, cooldown: 1m,
severity: critical, labels: {team: sre}, summary: a, description: b, runbook_url: c, annotations: {d: e}})"));
  EXPECT_TRUE(rule.is_rule());
  EXPECT_TRUE(rule.from_given);
  EXPECT_THAT(rule.from, ElementsAre("self"));
  EXPECT_THAT(rule.to, IsEmpty());
  EXPECT_THAT(rule.alerts_to, ElementsAre("incident"));
  ASSERT_TRUE(rule.filter);
  EXPECT_EQ(rule.filter->text, "m");
  EXPECT_FALSE(rule.named_windows);
  ASSERT_EQ(rule.windows.size(), 1U);
  const auto& window = rule.windows[0];
  EXPECT_EQ(window.name, "p99");
  EXPECT_EQ(window.over, 15s);
  EXPECT_EQ(window.every, 5s);
  EXPECT_EQ(window.fn, "quantile");
  EXPECT_EQ(window.quantile, 0.99);
  EXPECT_EQ(window.agg, "sum");
  EXPECT_THAT(*window.by, ElementsAre("pid", "comm"));
  EXPECT_EQ(window.groups, 9U);
  ASSERT_TRUE(rule.alert);
  EXPECT_EQ(rule.alert->when.text, "p99 > 5");
  EXPECT_EQ(rule.alert->hold, 0s);
  EXPECT_EQ(rule.alert->keep_firing_for, 0s);
  EXPECT_EQ(rule.alert->cooldown, 1min);
  EXPECT_EQ(rule.alert->severity, "critical");
  EXPECT_THAT(rule.alert->labels, ElementsAre(Pair("team", "sre")));
  std::map<std::string, std::string> texts;
  for (const auto& [name, text] : rule.alert->annotations) texts[name] = text.text;
  EXPECT_THAT(texts, UnorderedElementsAre(Pair("summary", "a"), Pair("description", "b"), Pair("runbook_url", "c"),
                                          Pair("d", "e")));
}

TEST(Chain, HasDefaults) {
  const auto rule = good(with_rule(R"(filter: m, window: {over: 15s, fn: avg}, alert: {when: "> 5"})"));
  EXPECT_FALSE(rule.from_given);
  EXPECT_FALSE(rule.windows[0].every);
  EXPECT_FALSE(rule.windows[0].by);
  EXPECT_EQ(rule.windows[0].groups, 10'000U);
  EXPECT_EQ(rule.alert->hold, 0s);
  EXPECT_FALSE(rule.alert->keep_firing_for);
  EXPECT_FALSE(rule.alert->cooldown);
  EXPECT_EQ(rule.alert->severity, "warning");
  EXPECT_THAT(rule.alerts_to, IsEmpty());
}

TEST(Chain, TakesEachFormThatEmitsSomething) {
  EXPECT_EQ(good(with_rule("filter: m, to: [out]")).filter->text, "m");
  EXPECT_EQ(good(with_rule("filter: m, window: {over: 1s, fn: last, as: x}, to: [out]")).windows[0].name, "x");
  const auto named = good(with_rule(R"(windows: {a: {filter: m, over: 1m, fn: rate}, b: {filter: n, over: 1m, fn: rate,
by: []}}, alert: {when: "a / b > 1"})"));
  EXPECT_TRUE(named.named_windows);
  ASSERT_EQ(named.windows.size(), 2U);
  EXPECT_EQ(named.windows[1].name, "b");
  EXPECT_EQ(named.windows[1].filter.text, "n");
  EXPECT_THAT(*named.windows[1].by, IsEmpty());
}

TEST(Chain, ReportsEachMistake) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"alert: {when: \"> 1\"}", "a.yaml:4:8: pipeline \"r\": alert: judges a window, and there is none; add filter:"},
      {"filter: m, alert: {when: \"> 1\"}",
       "a.yaml:4:19: pipeline \"r\": alert: judges a window, and there is none; add window:"},
      {"window: {over: 1s, fn: avg, as: x}, to: [out]", "window: has nothing to look at; add filter:"},
      {"filter: m, window: {over: 1s, fn: avg}, to: [out]", "window: goes to a sink, for which its value needs a name"},
      {"filter: m", "a.yaml:3:39: pipeline \"r\": to: is missing"},
      {"filter: m, window: {over: 1s, fn: avg}, alert: {when: \"> 1\"}, to: [out]",
       "to: takes records and window values; this pipeline's alerts go to alerts_to:"},
      {"filter: m, to: [out], alerts_to: [out]", "alerts_to: is for alerts, and this pipeline has no alert:"},
      {"filter: m, window: {over: 1s, fn: avg}, windows: {a: {filter: m, over: 1s, fn: avg}}, alert: {when: \"> 1\"}",
       "windows: stands beside window:"},
      {"filter: m, windows: {a: {filter: m, over: 1s, fn: avg}}, alert: {when: \"> 1\"}",
       "filter: cannot stand beside windows:"},
      {"windows: {a: {filter: m, over: 1s, fn: avg}}, to: [out]",
       "windows: are joined by alert: when:, and there is none"},
      {"windows: {}, alert: {when: \"> 1\"}", "windows must be a map from names to windows"},
      {"windows: [a], alert: {when: \"> 1\"}", "windows must be a map from names to windows"},
      {"windows: {a: {over: 1s, fn: avg}}, alert: {when: \"> 1\"}",
       "a.yaml:4:11: pipeline \"r\": windows: a: filter: is missing"},
      {"windows: {and: {filter: m, over: 1s, fn: avg}}, alert: {when: \"> 1\"}", "no window may be named \"and\""},
      {"windows: {A: {filter: m, over: 1s, fn: avg}}, alert: {when: \"> 1\"}", "\"A\" is no name for a window"},
      {"windows: {a: {filter: m, over: 1s, fn: avg, as: b}}, alert: {when: \"> 1\"}", "unknown key \"as\""},
      {"filter: m, window: 5, alert: {when: \"> 1\"}", "window must be a map such as {over: 15s, fn: avg}, not \"5\""},
      {"filter: m, window: {}, alert: {when: \"> 1\"}", "window: over: is missing"},
      {"filter: m, window: {}, alert: {when: \"> 1\"}", "window: fn: is missing; write one of \"count\", \"sum\""},
      {"filter: m, window: {over: 1ms, fn: avg}, alert: {when: \"> 1\"}", "over: \"1ms\" is not between 1s and 1d"},
      {"filter: m, window: {over: 25h, fn: avg}, alert: {when: \"> 1\"}", "over: \"25h\" is not between 1s and 1d"},
      {"filter: m, window: {over: 15s, fn: avg, every: 4s}, alert: {when: \"> 1\"}",
       "a.yaml:4:48: pipeline \"r\": window: every: the window is made of panes of this length, and over: 15s is no "
       "multiple of 4s"},
      {"filter: m, window: {over: 15s, fn: avg, every: 30s}, alert: {when: \"> 1\"}", "is no multiple of 30s"},
      {"filter: m, window: {over: 15s, fn: average}, alert: {when: \"> 1\"}", "fn: \"average\" is none of"},
      {"filter: m, window: {over: 15s, fn: avgg}, alert: {when: \"> 1\"}", "(did you mean \"avg\"?)"},
      {"filter: m, window: {over: 15s, fn: avg, q: 0.5}, alert: {when: \"> 1\"}",
       "a.yaml:4:44: pipeline \"r\": window: q: belongs to fn: quantile; fn: avg has none"},
      {"filter: m, window: {over: 15s, fn: quantile}, alert: {when: \"> 1\"}", "q: is missing; fn: quantile needs it"},
      {"filter: m, window: {over: 15s, fn: quantile, q: 99}, alert: {when: \"> 1\"}",
       "q: \"99\" is not between 0 and 1"},
      {"filter: m, window: {over: 15s, fn: count, of: comm}, alert: {when: \"> 1\"}", "of: belongs to fn: distinct"},
      {"filter: m, window: {over: 15s, fn: distinct}, alert: {when: \"> 1\"}", "of: is missing; fn: distinct needs it"},
      {"filter: m, window: {over: 15s, fn: distinct, of: a-b}, alert: {when: \"> 1\"}", "of: \"a-b\" is no name"},
      {"filter: m, window: {over: 15s, fn: avg, agg: som}, alert: {when: \"> 1\"}", "agg: \"som\" is none of \"sum\""},
      {"filter: m, window: {over: 15s, fn: avg, by: pid}, alert: {when: \"> 1\"}", "by: must be a list: write [pid]"},
      {"filter: m, window: {over: 15s, fn: avg, by: [a-b]}, alert: {when: \"> 1\"}", "by: \"a-b\" is no name"},
      {"filter: m, window: {over: 15s, fn: avg, by: [pid, pid]}, alert: {when: \"> 1\"}", "\"pid\" stands here twice"},
      {"filter: m, window: {over: 15s, fn: avg, groups: 0}, alert: {when: \"> 1\"}", "groups: \"0\" is not between"},
      {"filter: m, window: {over: 15s, fn: avg, as: A}, alert: {when: \"> 1\"}", "as: \"A\" is no name for a window"},
      {"filter: m, window: {over: 15s, fn: avg}, alert: {}", "alert: when: is missing"},
      {"filter: m, window: {over: 15s, fn: avg}, alert: {when: \"\"}", "alert: when: is empty"},
      {"filter: m, window: {over: 15s, fn: avg}, alert: {when: \"> 1\", fro: 5s}", "\"fro\" (did you mean \"for\"?)"},
      {"filter: m, window: {over: 15s, fn: avg}, alert: {when: \"> 1\", for: 5}",
       "for: \"5\" is a duration without a unit"},
      {"filter: m, window: {over: 15s, fn: avg}, alert: {when: \"> 1\", severity: crit}",
       "severity: \"crit\" is none of"},
      {"filter: m, window: {over: 15s, fn: avg}, alert: {when: \"> 1\", labels: {alertname: x}}",
       "labels: \"alertname\" is the pipeline's name"},
      {"filter: m, window: {over: 15s, fn: avg}, alert: {when: \"> 1\", labels: {severity: x}}",
       "labels: \"severity\" has a key of its own"},
      {"filter: m, window: {over: 15s, fn: avg}, alert: {when: \"> 1\", labels: {a: \"{{ value }}\"}}",
       "labels: \"a\" has {{ in it"},
      {"filter: m, window: {over: 15s, fn: avg}, alert: {when: \"> 1\", summary: a, annotations: {summary: b}}",
       "annotations: summary: stands also beside annotations:"},
      {"filter: m, window: {over: 15s, fn: avg}, alert: {when: \"> 1\", annotations: {a-b: b}}",
       "annotations: a-b: is no name for an annotation"},
      {"filter: m, window: {over: 15s, fn: avg}, alert: {when: \"> 1\", annotations: [b]}",
       "annotations must be a map such as"},
      {"filter: m, window: {over: 15s, fn: avg}, alert: {when: \"> 1\"}, alerts_to: [inciden]",
       "alerts_to: there is no sink named \"inciden\" (did you mean \"incident\"?)"},
      {"filter: m, window: {over: 15s, fn: avg}, alert: {when: \"> 1\"}, alerts_to: []", "alerts_to: names no sink"},
      {"filter: [m], to: [out]", "filter: must be a single value, not a list"},
      {"filter: , to: [out]", "filter: has no value"},
  };
  for (const auto& [keys, expected] : cases) {
    EXPECT_THAT(complaints(with_rule(keys)), Contains(HasSubstr(expected))) << keys;
  }
}

TEST(Chain, SaysOneThingOnce) {
  EXPECT_THAT(complaints(with_rule("filter: m, window: {over: 15s, fn: avgg}, alert: {when: \"> 1\"}")),
              ElementsAre(HasSubstr("did you mean \"avg\"?")));
  EXPECT_THAT(
      complaints(with_rule(R"(filter: "${X}", window: {over: 15s, fn: "${Y}"}, alert: {when: "> ${Z}"})")).size(), 3U);
}

TEST(Chain, KnowsTheColumnsOfATextThatStandsInTheFile) {
  const auto rule = [](std::string_view filter) {
    return "version: 1\nsinks: {out: {plugin: p}}\npipelines:\n  r:\n    to: [out]\n    filter: " +
           std::string(filter) + "\n";
  };
  struct Case {
    std::string_view written;
    std::string_view text;
    bool verbatim;
    int column;
  };
  const Case cases[] = {
      {"m{a=\"b\"} > 1", "m{a=\"b\"} > 1", true, 13},
      {"'m{a=\"b\"}'", "m{a=\"b\"}", true, 14},
      {"\"m > 1\"", "m > 1", true, 14},
      {"&x m", "m", true, 16},
      {"&x 'm'", "m", true, 17},
      {"\"m{a='b'} > 1\" # why", "m{a='b'} > 1", true, 14},
      {"m{a=\"\u00e9\"} > 1", "m{a=\"\u00e9\"} > 1", true, 13},
      {"m{a=\"$b\"}", "m{a=\"$b\"}", true, 13},
      {"'m{a=''b''}'", "m{a='b'}", false, 13},
      {"\"m{a=\\\"b\\\"}\"", "m{a=\"b\"}", false, 13},
      {"m{a=\"${X}\"}", "m{a=\"v\"}", false, 13},
      {"m{a=\"$$b\"}", "m{a=\"$b\"}", false, 13},
      {"m\n      > 1", "m > 1", false, 13},
      {"|\n      m > 1", "m > 1\n", false, 13},
  };
  for (const auto& test : cases) {
    const auto pipeline = good(rule(test.written), {{"X", "v"}});
    ASSERT_TRUE(pipeline.filter) << test.written;
    EXPECT_EQ(pipeline.filter->text, test.text);
    EXPECT_EQ(pipeline.filter->verbatim, test.verbatim) << test.written;
    EXPECT_EQ(pipeline.filter->where.line, 6) << test.written;
    EXPECT_EQ(pipeline.filter->where.column, test.column) << test.written;
  }
}

TEST(Chain, TextsMayHaveLinesButNoControlCharacters) {
  const auto rule = good(
      with_rule("filter: m, window: {over: 15s, fn: avg}, alert: {when: \"> 1\", description: \"one\\ntwo\\tthree\"}"));
  EXPECT_EQ(rule.alert->annotations.at("description").text, "one\ntwo\tthree");
  EXPECT_THAT(complaints(with_rule("filter: \"m\\e\", to: [out]")),
              Contains(HasSubstr("has control characters in it")));
}

TEST(Chain, TellsWhereAComparisonNeedsQuotes) {
  const auto block = [](std::string_view when) {
    return complaints(
        "version: 1\nsinks: {out: {plugin: p}}\npipelines:\n  r:\n    filter: m\n"
        "    window: {over: 15s, fn: avg}\n    alert:\n      when: " +
        std::string(when) + "\n      for: 0s\n");
  };
  EXPECT_THAT(block("> 80"), Contains(HasSubstr("put a text that begins with > in quotes")));
  EXPECT_THAT(block("'> 80'"), Not(Contains(HasSubstr("quotes"))));
}

TEST(Agent, NamesTheSinksOfAlerts) {
  const Folder folder;
  folder.write("a.yaml",
               "version: 1\nagent: {alerts_to: [a]}\nsinks: {a: {plugin: p}, b: {plugin: p}}\n"
               "pipelines: {h: {to: [b]}}\n");
  const auto loaded = load(folder / "a.yaml", {});
  EXPECT_THAT(folder.tell(loaded.diagnostics), IsEmpty());
  EXPECT_THAT(loaded.config.agent.alerts_to, ElementsAre("a"));
  EXPECT_THAT(
      complaints("version: 1\nagent: {alerts_to: [a, cpu, a]}\ncollectors: {cpu: {plugin: p}}\n"
                 "sinks: {b: {plugin: p}}\npipelines: {h: {to: [b]}}\n"),
      ElementsAre(HasSubstr("a.yaml:2:21: agent: alerts_to: there is no sink named \"a\""),
                  HasSubstr("a.yaml:2:24: agent: alerts_to: \"cpu\" is a collector; only a sink can stand here"),
                  HasSubstr("a.yaml:2:29: agent: alerts_to: \"a\" stands here twice")));
}

TEST(Prometheus, IsAFileAndAnAddress) {
  const std::string rest = "sinks: {a: {plugin: p}}\npipelines: {h: {to: [a]}}\n";
  const Folder folder;
  folder.write("a.yaml",
               "version: 1\nprometheus: {rules_file: rules.yml, reload_url: \"http://[::1]:9090/-/reload\"}\n" + rest);
  const auto loaded = load(folder / "a.yaml", {});
  EXPECT_THAT(folder.tell(loaded.diagnostics), IsEmpty());
  EXPECT_EQ(loaded.config.prometheus.rules_file, folder / "rules.yml");
  EXPECT_EQ(loaded.config.prometheus.reload_url, "http://[::1]:9090/-/reload");

  const auto complain = [&](std::string_view section) {
    return complaints("version: 1\nprometheus: " + std::string(section) + "\n" + rest);
  };
  EXPECT_THAT(complain("{reload_url: http://x/}"), ElementsAre(HasSubstr("stands without rules_file:")));
  for (const std::string_view url : {"x", "ftp://x", "http://", "http:///x", "'http://x y'", "h"}) {
    EXPECT_THAT(complain("{rules_file: a, reload_url: " + std::string(url) + "}"), ElementsAre(HasSubstr("is no URL")))
        << url;
  }
  EXPECT_THAT(complain("{rule_file: a}"), ElementsAre(HasSubstr("(did you mean \"rules_file\"?)")));
  EXPECT_THAT(complain("5"), ElementsAre(HasSubstr("prometheus must be a map")));
}

TEST(Diff, NamesTheKeysOfARuleThatChanged) {
  const auto load_rule = [](std::string_view keys) {
    const Folder folder;
    folder.write("a.yaml", with_rule(keys));
    auto loaded = load(folder / "a.yaml", {});
    EXPECT_TRUE(loaded.ok()) << keys;
    return loaded.config;
  };
  const std::string_view base = R"(filter: m, window: {over: 15s, fn: avg}, alert: {when: "> 1", summary: a})";
  const std::pair<std::string_view, std::string_view> edits[] = {
      {R"(filter: n, window: {over: 15s, fn: avg}, alert: {when: "> 1", summary: a})", "filter: m -> n"},
      {R"(filter: m, window: {over: 15s, fn: quantile, q: 0.25}, alert: {when: "> 1", summary: a})",
       "window: [{over: 15s, fn: avg, groups: 10000}] -> [{over: 15s, fn: quantile, q: 0.25, groups: 10000}]"},
      {R"(filter: m, window: {over: 15s, fn: avg}, alert: {when: "> 2", summary: a})", "alert.when: > 1 -> > 2"},
      {R"(filter: m, window: {over: 15s, fn: avg}, alert: {when: "> 1", summary: b})", "alert.summary: a -> b"},
      {R"(filter: m, window: {over: 15s, fn: avg}, alert: {when: "> 1"})", "alert.summary: a -> none"},
      {R"(filter: m, window: {over: 15s, fn: avg}, alert: {when: "> 1", summary: a, for: 5m, cooldown: 1m})",
       "alert.for: 0s -> 5m, alert.cooldown: none -> 1m"},
      {R"(filter: m, window: {over: 15s, fn: avg}, alert: {when: "> 1", summary: a, keep_firing_for: 0s, severity: info})",
       "alert.keep_firing_for: none -> 0s, alert.severity: warning -> info"},
      {R"(filter: m, window: {over: 15s, fn: avg}, alert: {when: "> 1", summary: a, labels: {a: b}}, alerts_to: [out])",
       "alerts_to: [] -> [out], alert.labels: {} -> {a: b}"},
      {R"(from: [self], filter: m, window: {over: 15s, fn: avg}, alert: {when: "> 1", summary: a})",
       "from: [whatever feeds it] -> [self]"},
      {R"(windows: {w: {filter: m, over: 15s, fn: avg}}, alert: {when: "> 1", summary: a})",
       "filter: m -> none, windows:"},
      {R"(filter: m, to: [out])", "alert: true -> false"},
  };
  for (const auto& [keys, reason] : edits) {
    const auto change = diff(load_rule(base), load_rule(keys)).pipelines.at(1);
    EXPECT_EQ(change.kind, ChangeKind::changed) << keys;
    EXPECT_THAT(change.reason, HasSubstr(reason)) << keys;
  }
  const auto same = load_rule(base);
  EXPECT_TRUE(diff(same, same).empty());
}

}  // namespace
}  // namespace sentinel::config
