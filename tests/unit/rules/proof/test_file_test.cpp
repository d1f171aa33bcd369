#include "rules/proof/test_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sentinel::rules {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::SizeIs;

std::vector<std::string> tell(const std::vector<config::Diagnostic>& diagnostics) {
  std::vector<std::string> out;
  for (const auto& each : diagnostics) out.push_back(config::to_string(each));
  return out;
}

TEST(TestFile, IsReadWhole) {
  std::vector<config::Diagnostic> diagnostics;
  const auto file = parse_test_file(R"(
rule_files: [a.yaml, /b.yaml]
evaluation_interval: 5s
env: {A: "1", B: "2"}
tests:
  - name: storm
    interval: 15s
    env: {B: 3}
    input_series:
      - {series: 'm{a="b"}', values: "1+1x2"}
    events:
      - event: e{newstate="close"}
        at: 10s
        over: 1s
        count: 60
        context: {pid: 42, comm: curl, parent_comm: sh, ppid: 1, cgroup_id: 7, container_id: abc, start_time_ns: 5}
    alert_rule_test:
      - eval_time: 5m
        alertname: x
        exp_alerts:
          - exp_labels: {severity: warning, alertname: x, empty: ""}
            exp_annotations: {summary: s}
          - state: pending
  - alert_rule_test: []
)",
                                    "dir/t.yaml", diagnostics);
  EXPECT_THAT(tell(diagnostics), IsEmpty());
  ASSERT_THAT(file.rule_files, SizeIs(2));
  EXPECT_EQ(file.rule_files[0].path, "dir/a.yaml");
  EXPECT_EQ(file.rule_files[1].path, "/b.yaml");
  ASSERT_THAT(file.tests, SizeIs(2));
  const auto& test = file.tests[0];
  EXPECT_EQ(test.name, "storm");
  EXPECT_EQ(test.interval, 15s);
  EXPECT_THAT(test.environment, ElementsAre(Pair("A", "1"), Pair("B", "3")));
  ASSERT_THAT(test.series, SizeIs(1));
  EXPECT_EQ(test.series[0].name.metric, "m");
  EXPECT_THAT(test.series[0].name.labels, ElementsAre(Pair("a", "b")));
  EXPECT_THAT(test.series[0].values, SizeIs(3));
  ASSERT_THAT(test.events, SizeIs(1));
  EXPECT_EQ(test.events[0].at, 10s);
  EXPECT_EQ(test.events[0].over, 1s);
  EXPECT_EQ(test.events[0].count, 60U);
  EXPECT_EQ(test.events[0].context.pid, 42U);
  EXPECT_EQ(test.events[0].context.tid, 42U);
  EXPECT_EQ(test.events[0].context.comm, "curl");
  EXPECT_EQ(test.events[0].context.cgroup_id, 7U);
  ASSERT_THAT(test.checks, SizeIs(1));
  EXPECT_EQ(test.checks[0].eval_time, 5min);
  EXPECT_EQ(test.checks[0].where.line, 18);
  ASSERT_THAT(test.checks[0].expected, SizeIs(2));
  EXPECT_THAT(test.checks[0].expected[0].labels, ElementsAre(Pair("severity", "warning")));
  EXPECT_TRUE(test.checks[0].expected[0].annotations.has_value());
  EXPECT_FALSE(test.checks[0].expected[0].pending);
  EXPECT_FALSE(test.checks[0].expected[1].annotations.has_value());
  EXPECT_TRUE(test.checks[0].expected[1].pending);
  EXPECT_EQ(file.tests[1].interval, 5s);
}

TEST(TestFile, ReportsEveryMistake) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"", "a file of rule tests is a map"},
      {"[]", "a file of rule tests is a map"},
      {"tests: []", "t:1:1: rule_files is missing"},
      {"{rule_files: [a], test: []}", "(did you mean \"tests\"?)"},
      {"{rule_files: [a], tests: {}}", "tests: must be a list, not a map"},
      {"{rule_files: [a], tests: [{}]}", "test 1: alert_rule_test: is missing"},
      {"{rule_files: [a], tests: [{alert_rule_test: [{}]}]}", "test 1: alert_rule_test: eval_time: is missing"},
      {"{rule_files: [a], tests: [{alert_rule_test: [{}]}]}", "test 1: alert_rule_test: alertname: is missing"},
      {"{rule_files: [a], tests: [{name: n, alert_rule_test: [], promql_expr_test: []}]}",
       "n: unknown key \"promql_expr_test\""},
      {"{rule_files: [a], tests: [{alert_rule_test: [], input_series: [{series: m, values: 1 x}]}]}",
       "t:1:86: test 1: input_series: values: \"x\" is no value"},
      {"{rule_files: [a], tests: [{alert_rule_test: [], input_series: [{series: 'm{a=~\"b\"}', values: 1}]}]}",
       "is no series; write for example m{a=\"b\"}"},
      {"{rule_files: [a], tests: [{alert_rule_test: [], input_series: [{series: m > 1, values: 1}]}]}", "is no series"},
      {"{rule_files: [a], tests: [{alert_rule_test: [], input_series: [{series: 'm{a=b}', values: 1}]}]}",
       "t:1:78: test 1: input_series: series: \"b\" is no text"},
      {"{rule_files: [a], tests: [{alert_rule_test: [], input_series: [{values: 1}]}]}", "series: is missing"},
      {"{rule_files: [a], tests: [{alert_rule_test: [], input_series: [{series: m}]}]}", "values: is missing"},
      {"{rule_files: [a], tests: [{alert_rule_test: [], events: [{event: m}]}]}", "events: at: is missing"},
      {"{rule_files: [a], tests: [{alert_rule_test: [], events: [{event: m, at: 1s, count: 0}]}]}",
       "count: \"0\" is not between"},
      {"{rule_files: [a], tests: [{alert_rule_test: [], events: [{event: m, at: 1s, count: 600000}, {event: m, at: 1s, "
       "count: 600000}]}]}",
       "there are more than 1000000 events"},
      {"{rule_files: [a], tests: [{alert_rule_test: [], events: [{event: m, at: 1s, context: {pdi: 1}}]}]}",
       "(did you mean \"pid\"?)"},
      {"{rule_files: [a], tests: [{alert_rule_test: [{eval_time: 1s, alertname: a, exp_alerts: [{state: "
       "resolved}]}]}]}",
       "state: \"resolved\" is none of \"firing\" and \"pending\""},
      {"{rule_files: [a], tests: [{alert_rule_test: [{eval_time: 1s, alertname: a, exp_alerts: [{exp_labels: {a: "
       "[]}}]}]}]}",
       "a: must be text, not a list"},
      {"rule_files: [a\x01]", "t:1:15: "},
  };
  for (const auto& [text, expected] : cases) {
    std::vector<config::Diagnostic> diagnostics;
    static_cast<void>(parse_test_file(text, "t", diagnostics));
    EXPECT_THAT(tell(diagnostics), Contains(HasSubstr(expected))) << text;
  }
}

}  // namespace
}  // namespace sentinel::rules
