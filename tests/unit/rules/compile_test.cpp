#include "tests/unit/rules/support.hpp"

namespace sentinel::rules {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

TEST(Compile, MakesARuleOfAPipeline) {
  const auto compiled = compile_pipelines(R"(
  high_time_wait:
    filter: sentinel_tcp_connections{state="time_wait"}
    window: {over: 15s, fn: avg, by: [b, a]}
    alert: {when: "> ${T:-80}", for: 1m, cooldown: 2m, severity: critical, labels: {team: net}, summary: "{{ value }}"}
)",
                                          {{"T", "90"}});
  EXPECT_THAT(compiled.said, IsEmpty());
  ASSERT_THAT(compiled.rules, SizeIs(1));
  const Rule& rule = *compiled.rules[0];
  EXPECT_EQ(rule.name, "high_time_wait");
  EXPECT_EQ(rule.expression(), R"(avg over 15s by (a, b) of sentinel_tcp_connections{state="time_wait"} > 90)");
  EXPECT_THAT(rule.from, IsEmpty());
  EXPECT_THAT(rule.to, IsEmpty());
  EXPECT_THAT(rule.alerts_to, ElementsAre("incident"));
  EXPECT_EQ(rule.where.line, 6);
  ASSERT_TRUE(rule.alert);
  EXPECT_EQ(rule.alert->when_text, "> 90");
  EXPECT_EQ(rule.alert->hold, 1min);
  EXPECT_EQ(rule.alert->cooldown, 2min);
  EXPECT_EQ(rule.alert->severity, Severity::critical);
  EXPECT_EQ(rule.alert->labels.at("team"), "net");
  EXPECT_EQ(rule.alert->annotations.at("summary").pieces().size(), 1U);
}

TEST(Compile, KeepsWhatEventsFireForFiveMinutesUnlessTold) {
  const auto keep = [](std::string_view key) {
    const auto compiled = compile_pipelines("  r: {filter: m, window: {over: 1s, fn: count}, alert: {when: \"> 1\"" +
                                            std::string(key) + "}}\n");
    EXPECT_THAT(compiled.rules, SizeIs(1));
    return std::pair(compiled.rules.at(0)->alert->keep_firing_for(true),
                     compiled.rules.at(0)->alert->keep_firing_for(false));
  };
  EXPECT_EQ(keep(""), std::pair(std::chrono::nanoseconds(5min), std::chrono::nanoseconds(0)));
  EXPECT_EQ(keep(", keep_firing_for: 0s"), std::pair(std::chrono::nanoseconds(0), std::chrono::nanoseconds(0)));
  EXPECT_EQ(keep(", keep_firing_for: 1m"), std::pair(std::chrono::nanoseconds(1min), std::chrono::nanoseconds(1min)));
}

TEST(Compile, MakesEachKindOfRule) {
  const auto compiled = compile_pipelines(R"(
  ratio:
    from: [self]
    windows:
      again: {filter: a, over: 1m, fn: rate, agg: sum}
      sent: {filter: b, over: 1m, fn: quantile, q: 0.5, agg: max, by: [x], every: 10s, groups: 7}
    alert: {when: "again / sent > 0.05"}
    alerts_to: [out]
  value: {filter: m > 5, window: {over: 1m, fn: distinct, of: comm, as: v}, to: [out]}
  records: {filter: "m > 5", to: [out]}
)");
  EXPECT_THAT(compiled.said, IsEmpty());
  ASSERT_THAT(compiled.rules, SizeIs(3));
  const Rule& ratio = *compiled.rules[0];
  EXPECT_THAT(ratio.from, ElementsAre("self"));
  EXPECT_THAT(ratio.alerts_to, ElementsAre("out"));
  ASSERT_THAT(ratio.windows, SizeIs(2));
  EXPECT_EQ(ratio.windows[0].function, Function::rate);
  EXPECT_EQ(ratio.windows[0].aggregation, Aggregation::sum);
  EXPECT_EQ(ratio.windows[1].function, Function::quantile);
  EXPECT_EQ(ratio.windows[1].quantile, 0.5);
  EXPECT_EQ(ratio.windows[1].every, 10s);
  EXPECT_EQ(ratio.windows[1].groups, 7U);
  EXPECT_FALSE(ratio.filter);
  const Rule& value = *compiled.rules[1];
  EXPECT_FALSE(value.alert);
  EXPECT_EQ(value.windows.at(0).name, "v");
  EXPECT_EQ(value.windows.at(0).distinct_of, "comm");
  EXPECT_TRUE(value.windows.at(0).filter.comparison);
  EXPECT_THAT(value.to, ElementsAre("out"));
  const Rule& records = *compiled.rules[2];
  EXPECT_THAT(records.windows, IsEmpty());
  EXPECT_EQ(to_string(*records.filter), "m > 5");
}

TEST(Compile, PointsAtTheColumnInTheFile) {
  const auto compiled = compile_pipelines(R"(
  one:
    filter: sentinel_tcp{state=="x"}
    window: {over: 15s, fn: avg}
    alert:
      when: "> 80 >"
      summary: "a {{ valeu }}"
  two:
    windows:
      sent: {filter: "a b", over: 1m, fn: rate}
      again: {filter: 'b', over: 1m, fn: rate}
    alert: {when: again / snet > 0.05}
)");
  EXPECT_THAT(
      compiled.said,
      ElementsAre(
          HasSubstr(R"(a.yaml:7:31: pipeline "one": filter: "==" matches no label)"),
          HasSubstr(R"(a.yaml:10:19: pipeline "one": alert: when: a second comparison cannot stand here)"),
          HasSubstr(
              R"(a.yaml:11:22: pipeline "one": alert: summary: "valeu" is nothing that a text can show (did you mean "value"?))"),
          HasSubstr(R"(a.yaml:14:25: pipeline "two": windows: sent: filter: "b" cannot stand here)"),
          HasSubstr(
              R"(a.yaml:16:27: pipeline "two": alert: when: there is no window named "snet" (did you mean "sent"?))")));
  EXPECT_THAT(compiled.rules, IsEmpty());
}

TEST(Compile, ShowsTheExpandedTextWhereTheFileHasAnother) {
  const auto when = [](std::string_view text, const config::Variables& environment) {
    return compile_pipelines("  r:\n    filter: m\n    window: {over: 15s, fn: avg}\n    alert:\n      when: " +
                                 std::string(text) + "\n",
                             environment)
        .said;
  };
  EXPECT_THAT(
      when("'> ${T}'", {{"T", "8O"}}),
      ElementsAre(R"(a.yaml:9:13: pipeline "r": alert: when: at column 4 of "> 8O": a number stands here without )"
                  R"(a unit; "O" cannot follow "8")"));
  EXPECT_THAT(when("'> ${T}'", {{"T", std::string(300, '1') + "x"}}),
              ElementsAre(HasSubstr("at column 303 of …\"1111")));
  EXPECT_THAT(when("\"> \\x38O\"", {}),
              ElementsAre(HasSubstr("a.yaml:9:13: pipeline \"r\": alert: when: at column 4 of \"> 8O\"")));
}

TEST(Compile, AddsNothingToWhatLoadSaid) {
  for (const std::string_view keys :
       {"window: {over: 1s, fn: avg}, alert: {when: \"> 1\"}", "filter: m, window: {fn: avg}, alert: {when: \"> 1\"}",
        "filter: m, window: {over: 1s}, alert: {when: \"> 1\"}", "filter: m, window: {over: 1s, fn: avg}, alert: {}",
        "filter: m, alert: {when: \"> 1\"}", "filter: \"${UNSET}\", to: [out]",
        "windows: {a: {over: 1s, fn: avg}}, alert: {when: \"a > 1\"}"}) {
    const auto compiled = compile_pipelines("  r: {" + std::string(keys) + "}\n");
    EXPECT_THAT(compiled.said, SizeIs(1)) << keys;
    EXPECT_THAT(compiled.rules, IsEmpty()) << keys;
  }
}

TEST(Compile, WarnsOfWhatIsProbablyNotMeant) {
  EXPECT_THAT(
      compile_pipelines("  r: {windows: {a: {filter: m, over: 1s, fn: avg}, b: {filter: m, over: 1s, fn: avg}}, "
                        "alert: {when: \"a > 1\"}}\n")
          .said,
      ElementsAre(HasSubstr(R"(warning: pipeline "r": windows: "b" is computed for nobody)")));
  const auto shown = [](std::string_view window, std::string_view label) {
    return compile_pipelines("  r: {filter: m, window: {over: 1s, fn: avg" + std::string(window) +
                             "}, alert: {when: \"> 1\", labels: {team: x}, summary: \"{{ labels." + std::string(label) +
                             " }}\"}}\n")
        .said;
  };
  EXPECT_THAT(shown(", by: [pid]", "pdi"),
              ElementsAre(HasSubstr(R"(no alert of this rule has the label "pdi" (did you mean "pid"?))")));
  EXPECT_THAT(shown(", agg: sum", "device"), ElementsAre(HasSubstr(R"(no alert of this rule has the label "device")")));
  for (const std::string_view label : {"pid", "team", "instance", "alertname", "severity"}) {
    EXPECT_THAT(shown(", by: [pid]", label), IsEmpty()) << label;
  }
  EXPECT_THAT(shown("", "device"), IsEmpty());
}

TEST(Compile, RefusesTwoWindowsOfOneName) {
  EXPECT_THAT(compile_pipelines("  a: {filter: m, window: {over: 1s, fn: avg, as: v}, to: [out]}\n"
                                "  b: {filter: n, window: {over: 1s, fn: avg, as: v}, to: [out]}\n")
                  .said,
              ElementsAre(HasSubstr(R"(pipeline "b": window: as: pipeline "a" makes the metric "v" too)")));
}

}  // namespace
}  // namespace sentinel::rules
