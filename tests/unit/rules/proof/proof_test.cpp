#include "rules/proof/proof.hpp"

#include "tests/unit/config/support.hpp"

namespace sentinel::rules {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view rules = R"(
pipelines:
  high_memory_usage:
    from: [memory]
    filter: sentinel_memory_usage
    window: {over: 15s, fn: avg}
    alert:
      when: "> ${MEM_THRESHOLD:-80}"
      for: 1m
      labels: {team: sre}
      summary: "{{ value | humanize }} % on {{ labels.instance }}"
  connection_storm:
    filter: sentinel_tcp_transition{newstate="close"}
    window: {over: 1s, fn: count, by: [pid, comm]}
    alert: {when: "> 50", severity: critical, keep_firing_for: 10s}
  retransmits:
    windows:
      again: {filter: again_total, over: 1m, fn: rate, agg: sum}
      sent: {filter: sent_total, over: 1m, fn: rate, agg: sum}
    alert: {when: "again / sent > 0.05"}
agent: {labels: {instance: host1}}
)";

struct Told {
  std::vector<std::string> diagnostics;
  std::vector<std::string> failures;
  Proof proof;
};

Told run(std::string_view tests, std::string_view rule_text = rules) {
  const config::Folder folder;
  folder.write("rules.yaml", rule_text);
  folder.write("t.yaml", "rule_files: [rules.yaml]\n" + std::string(tests));
  Told told;
  told.proof = prove(folder / "t.yaml");
  told.diagnostics = folder.tell(told.proof.diagnostics);
  for (const auto& failure : told.proof.failures) {
    EXPECT_EQ(failure.where.file, (folder / "t.yaml").string());
    told.failures.push_back(std::to_string(failure.where.line) + ": " + failure.message);
  }
  return told;
}

TEST(Proof, HoldsSamplesAgainstARule) {
  const auto told = run(R"(
tests:
  - name: memory
    interval: 5s
    input_series:
      - {series: sentinel_memory_usage, values: "70x5 90x60 70x60"}
    alert_rule_test:
      - {eval_time: 0s, alertname: high_memory_usage}
      - {eval_time: 45s, alertname: high_memory_usage, exp_alerts: []}
      - eval_time: 60s
        alertname: high_memory_usage
        exp_alerts: [{state: pending, exp_labels: {severity: warning, team: sre, instance: host1}}]
      - eval_time: 4m
        alertname: high_memory_usage
        exp_alerts:
          - exp_labels: {severity: warning, team: sre, instance: host1}
            exp_annotations: {summary: 90 % on host1}
      - {eval_time: 6m, alertname: high_memory_usage}
)");
  EXPECT_THAT(told.diagnostics, IsEmpty());
  EXPECT_THAT(told.failures, IsEmpty());
  EXPECT_TRUE(told.proof.ok());
  EXPECT_EQ(told.proof.tests, 1U);
  EXPECT_EQ(told.proof.checks, 5U);
}

TEST(Proof, HoldsEventsAgainstARule) {
  const auto told = run(R"(
tests:
  - name: storm
    events:
      - {event: 'sentinel_tcp_transition{newstate="close"}', at: 10100ms, over: 800ms, count: 60, context: {pid: 42, comm: ab}}
      - {event: 'sentinel_tcp_transition{newstate="close"}', at: 10100ms, over: 800ms, count: 40, context: {pid: 43, comm: ab}}
      - {event: 'sentinel_tcp_transition{newstate="open"}', at: 10100ms, over: 800ms, count: 60, context: {pid: 44, comm: ab}}
    alert_rule_test:
      - {eval_time: 10s, alertname: connection_storm}
      - eval_time: 11s
        alertname: connection_storm
        exp_alerts: [{exp_labels: {severity: critical, pid: "42", comm: ab, instance: host1}}]
      - {eval_time: 1m, alertname: connection_storm}
)");
  EXPECT_THAT(told.diagnostics, IsEmpty());
  EXPECT_THAT(told.failures, IsEmpty());
}

TEST(Proof, JoinsWindows) {
  const auto told = run(R"(
tests:
  - interval: 5s
    input_series:
      - {series: 'again_total{device="a"}', values: "0+6x100"}
      - {series: 'again_total{device="b"}', values: "0+0x100"}
      - {series: sent_total, values: "0+100x100"}
    alert_rule_test:
      - {eval_time: 5m, alertname: retransmits, exp_alerts: [{exp_labels: {severity: warning, instance: host1}}]}
  - interval: 5s
    input_series:
      - {series: again_total, values: "0+4x100"}
      - {series: sent_total, values: "0+100x100"}
    alert_rule_test:
      - {eval_time: 5m, alertname: retransmits}
)");
  EXPECT_THAT(told.diagnostics, IsEmpty());
  EXPECT_THAT(told.failures, IsEmpty());
  EXPECT_EQ(told.proof.tests, 2U);
}

TEST(Proof, PutsInTheVariablesOfATest) {
  const auto told = run(R"(
env: {MEM_THRESHOLD: "50"}
tests:
  - interval: 5s
    input_series: [{series: sentinel_memory_usage, values: "70x60"}]
    alert_rule_test:
      - {eval_time: 5m, alertname: high_memory_usage, exp_alerts: [{exp_labels: {severity: warning, team: sre, instance: host1}}]}
  - interval: 5s
    env: {MEM_THRESHOLD: "75"}
    input_series: [{series: sentinel_memory_usage, values: "70x60"}]
    alert_rule_test:
      - {eval_time: 5m, alertname: high_memory_usage}
)");
  EXPECT_THAT(told.diagnostics, IsEmpty());
  EXPECT_THAT(told.failures, IsEmpty());
}

TEST(Proof, TellsWhatWasExpectedAndWhatCame) {
  const auto told = run(R"(
tests:
  - name: memory
    interval: 5s
    input_series: [{series: sentinel_memory_usage, values: "90x60"}]
    alert_rule_test:
      - {eval_time: 5m, alertname: high_memory_usage}
      - {eval_time: 10s, alertname: high_memory_usage, exp_alerts: [{exp_labels: {a: b}}]}
      - {eval_time: 30s, alertname: high_memory_usage, exp_alerts: [{state: pending, exp_labels: {a: b}}]}
      - eval_time: 5m
        alertname: high_memory_usage
        exp_alerts:
          - exp_labels: {severity: warning, team: sre, instance: host1}
            exp_annotations: {summary: 91 %}
)");
  EXPECT_THAT(told.diagnostics, IsEmpty());
  EXPECT_FALSE(told.proof.ok());
  EXPECT_THAT(
      told.failures,
      ElementsAre(
          "9: memory: high_memory_usage at 10s:\n    expected: firing {a=\"b\"}\n    got:      no alert",
          "10: memory: high_memory_usage at 30s:\n    expected: pending {a=\"b\"}\n    got:      pending "
          "{instance=\"host1\", severity=\"warning\", team=\"sre\"}",
          "8: memory: high_memory_usage at 5m:\n    got:      firing {instance=\"host1\", severity=\"warning\", "
          "team=\"sre\"}",
          "11: memory: high_memory_usage at 5m:\n    expected: firing {instance=\"host1\", severity=\"warning\", "
          "team=\"sre\"} with {summary=\"91 %\"}\n    got:      firing {instance=\"host1\", severity=\"warning\", "
          "team=\"sre\"} with {summary=\"90 % on host1\"}"));
}

TEST(Proof, RunsNothingOnABrokenFile) {
  EXPECT_THAT(run("tests:\n  - alert_rule_test: [{eval_time: 5m, alertname: high_memory}]\n").diagnostics,
              ElementsAre("t.yaml:3:50: test 1: alert_rule_test: no rule file has an alert named \"high_memory\""));
  EXPECT_THAT(run("tests:\n  - alert_rule_test: [{eval_time: 5m, alertname: retransmit}]\n").diagnostics,
              ElementsAre(HasSubstr("(did you mean \"retransmits\"?)")));
  const auto broken = run("tests:\n  - alert_rule_test: [{eval_time: 5m, alertname: r}]\n",
                          "pipelines:\n  r: {filter: 'm{', window: {over: 1s, fn: avg}, alert: {when: '> 1'}}\n");
  EXPECT_THAT(broken.diagnostics,
              ElementsAre(HasSubstr("rules.yaml:2:18: pipeline \"r\": filter: the end is no label's name")));
  EXPECT_EQ(broken.proof.tests, 0U);
  EXPECT_FALSE(broken.proof.ok());
  EXPECT_THAT(run("tests:\n  - alert_rule_test: [{eval_time: 5m, alertname: r}]\n",
                  "pipelines:\n  r: {filter: m, window: {over: 1s, fn: avg}, alert: {when: '> ${UNSET}'}}\n")
                  .diagnostics,
              ElementsAre(HasSubstr("${UNSET} is not set")));
  EXPECT_EQ(config::to_string(prove("/nowhere/t.yaml").diagnostics.at(0)), "/nowhere/t.yaml: does not exist");
}

}  // namespace
}  // namespace sentinel::rules
