#include "rules/prometheus.hpp"

#include <filesystem>

#include "tests/support/process.hpp"
#include "tests/unit/rules/support.hpp"

namespace sentinel::rules {
namespace {

using namespace std::chrono_literals;
using sentinel::testing::TempFolder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// cmake/peers/fetch unpacks it.
const std::filesystem::path promtool =
    std::filesystem::path(SENTINEL_SOURCE_DIR) / "build" / "peers" / "usr" / "bin" / "promtool";

struct Exported {
  std::string text;
  std::vector<std::string> refused;
};

Exported export_pipelines(std::string_view pipelines, const ScrapeOptions& options = {}) {
  const auto compiled = compile_pipelines(pipelines);
  EXPECT_THAT(compiled.said, IsEmpty()) << pipelines;
  Exported out;
  out.text = to_prometheus(compiled.rules, {"sentinel_tcp_transition", "sentinel_process_event"}, out.refused, options);
  return out;
}

/// The expression of the one rule of \p keys.
std::string expr(std::string_view keys, const ScrapeOptions& options = {}) {
  const auto exported = export_pipelines("  r: {" + std::string(keys) + "}\n", options);
  EXPECT_THAT(exported.refused, IsEmpty()) << keys;
  const auto begin = exported.text.find("expr: \"");
  if (begin == std::string::npos) return exported.text;
  const auto end = exported.text.find("\"\n", begin);
  return exported.text.substr(begin + 7, end - begin - 7);
}

std::string why_not(std::string_view keys) {
  const auto exported = export_pipelines("  r: {" + std::string(keys) + "}\n");
  EXPECT_THAT(exported.text, HasSubstr("groups: []")) << keys;
  return exported.refused.empty() ? std::string() : exported.refused[0];
}

void check_with_promtool(const std::string& text, std::size_t rules) {
  ASSERT_TRUE(std::filesystem::exists(promtool)) << "cmake/peers/fetch unpacks it; `make test` does that";
  const TempFolder folder;
  sentinel::testing::write_text(folder / "rules.yml", text);
  const auto ended = sentinel::testing::run({promtool, "check", "rules", folder / "rules.yml"});
  EXPECT_EQ(ended.exit_code, 0) << ended.out << ended.err << text;
  EXPECT_THAT(ended.out, HasSubstr("SUCCESS: " + std::to_string(rules) + " rules found")) << text;
}

constexpr std::string_view samples = R"(
  high_time_wait:
    filter: sentinel_tcp_connections{state="time_wait"}
    window: {over: 15s, fn: avg}
    alert:
      when: "> 80"
      for: 90s
      keep_firing_for: 5m
      severity: critical
      labels: {team: "a \"b\" \\"}
      summary: '{{ value | printf "%.2f" }} on {{ labels.instance }} {{ "{{" }} 100%'
      description: "two\nlines\t\u2028 \u0085"
      runbook_url: https://example.org/
  retransmits:
    windows:
      again: {filter: sentinel_tcp_retransmitted_segments_total, over: 1m, fn: rate, agg: sum}
      sent: {filter: sentinel_tcp_sent_segments_total, over: 30s, fn: rate, agg: sum}
    alert: {when: "again / sent > 0.05", for: 2m}
)";

TEST(Prometheus, IsToldTheSameRules) {
  const auto exported = export_pipelines(samples);
  EXPECT_THAT(exported.refused, IsEmpty());
  EXPECT_EQ(
      exported.text,
      R"-(# The alerting rules of sentinel's pipeline file, for Prometheus 2.42 or newer. Written by sentinel; edits are
# lost. Ranges suit a scrape_interval of up to 15s: they are at least that long, those of rate() four times.
groups:
  - name: sentinel
    rules:
      - alert: high_time_wait
        expr: "avg_over_time(sentinel_tcp_connections{state=\"time_wait\"}[15s]) > 80"
        for: 1m30s
        keep_firing_for: 5m
        labels:
          team: "a \"b\" \\"
          severity: critical
        annotations:
          description: "two\nlines\x09\u2028 \x85"
          runbook_url: "https://example.org/"
          summary: "{{ $value | printf \"%.2f\" }} on {{ $labels.instance }} {{ \"{\" }}{ 100%"
      # a range is 1m instead of 30s, to hold two samples
      - alert: retransmits
        expr: "sum by (instance) (rate(sentinel_tcp_retransmitted_segments_total[1m])) / sum by (instance) (rate(sentinel_tcp_sent_segments_total[1m])) > 0.05"
        for: 2m
        labels:
          severity: warning
)-");
  check_with_promtool(exported.text, 2);
}

TEST(Prometheus, ComputesWhatTheAgentDoes) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"fn: avg", "avg_over_time(m[1m]) > 5"},
      {"fn: min", "min_over_time(m[1m]) > 5"},
      {"fn: max", "max_over_time(m[1m]) > 5"},
      {"fn: last", "last_over_time(m[1m]) > 5"},
      {"fn: sum", "sum_over_time(m[1m]) > 5"},
      {"fn: count", "count_over_time(m[1m]) > 5"},
      {"fn: rate", "rate(m[1m]) > 5"},
      {"fn: quantile, q: 0.99", "quantile_over_time(0.99, m[1m]) > 5"},
      {"fn: avg, agg: max", "max by (instance) (avg_over_time(m[1m])) > 5"},
      {"fn: rate, agg: sum, by: [device, instance]", "sum by (device, instance) (rate(m[1m])) > 5"},
      {"fn: rate, agg: count, by: []", "count by (instance) (rate(m[1m])) > 5"},
      {"fn: sum, by: [a]", "sum by (a, instance) (sum_over_time(m[1m])) > 5"},
      {"fn: max, by: [a]", "max by (a, instance) (max_over_time(m[1m])) > 5"},
      {"fn: avg, by: [a]",
       "(sum by (a, instance) (sum_over_time(m[1m])) / sum by (a, instance) (count_over_time(m[1m]))) > 5"},
  };
  std::string all;
  for (const auto& [window, expected] : cases) {
    const std::string keys = "filter: m, window: {over: 1m, " + std::string(window) + "}, alert: {when: \"> 5\"}";
    EXPECT_EQ(expr(keys), expected);
    all += "  r" + std::to_string(all.size()) + ": {" + keys + "}\n";
  }
  EXPECT_EQ(expr("filter: 'm > 3', window: {over: 1m, fn: max}, alert: {when: '> 5'}"),
            "max_over_time((m > 3)[1m:]) > 5");
  EXPECT_EQ(expr("filter: m, window: {over: 1m, fn: max, as: x}, alert: {when: '-(x + 1) * 2 >= 5 - 3'}"),
            "-(max_over_time(m[1m]) + 1) * 2 >= 5 - 3");
  all += "  f: {filter: 'm > 3', window: {over: 1m, fn: max}, alert: {when: '> 5'}}\n";
  check_with_promtool(export_pipelines(all).text, std::size(cases) + 1);
}

TEST(Prometheus, HasRangesThatHoldItsScrapes) {
  const std::string_view rate = "filter: m, window: {over: 10s, fn: rate}, alert: {when: '> 5'}";
  const std::string_view avg = "filter: m, window: {over: 10s, fn: avg}, alert: {when: '> 5'}";
  EXPECT_EQ(expr(rate), "rate(m[1m]) > 5");
  EXPECT_EQ(expr(rate, {30s}), "rate(m[2m]) > 5");
  EXPECT_EQ(expr(rate, {1s}), "rate(m[10s]) > 5");
  EXPECT_EQ(expr(avg), "avg_over_time(m[15s]) > 5");
  EXPECT_EQ(expr(avg, {5s}), "avg_over_time(m[10s]) > 5");
}

TEST(Prometheus, IsNotToldWhatItCannotSee) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"filter: 'sentinel_tcp_transition{newstate=\"close\"}', window: {over: 1s, fn: count}, alert: {when: '> 5'}",
       "r: sentinel_tcp_transition is an event"},
      {"filter: '{__name__=~\"sentinel_.*\"}', window: {over: 1s, fn: count}, alert: {when: '> 5'}", "is an event"},
      {"filter: 'm{comm=\"x\"}', window: {over: 1s, fn: count}, alert: {when: '> 5'}",
       "r: comm is known of events alone"},
      {"filter: m, window: {over: 1s, fn: count, by: [pid]}, alert: {when: '> 5'}", "r: pid is known of events alone"},
      {"filter: m, window: {over: 1s, fn: distinct, of: state}, alert: {when: '> 5'}", "r: fn: distinct"},
      {"filter: '{__name__=~\"x.*\"}', window: {over: 1s, fn: avg}, alert: {when: '> 5'}",
       "r: it selects several metrics"},
      {"filter: 'm > 1', window: {over: 1m, fn: count}, alert: {when: '> 5'}", "r: its filter compares values"},
      {"filter: m, window: {over: 1m, fn: last, by: [a]}, alert: {when: '> 5'}", "r: by: without agg:"},
      {"windows: {a: {filter: m, over: 1m, fn: avg}, b: {filter: m, over: 1m, fn: avg, agg: sum}}, alert: {when: 'a > "
       "b'}",
       "r: its windows keep different labels"},
  };
  for (const auto& [keys, reason] : cases) EXPECT_THAT(why_not(keys), HasSubstr(reason)) << keys;

  const auto mixed =
      export_pipelines(std::string(samples) +
                       "  burst: {filter: sentinel_process_event, window: {over: 1s, fn: count}, alert: "
                       "{when: '> 5'}}\n  value: {filter: m, window: {over: 1s, fn: avg, as: v}, to: [out]}\n");
  EXPECT_THAT(mixed.refused, ElementsAre("burst: sentinel_process_event is an event, which never appears as a sample"));
  EXPECT_THAT(mixed.text, HasSubstr("# burst: sentinel_process_event is an event"));
  check_with_promtool(mixed.text, 2);
  check_with_promtool(export_pipelines("  v: {filter: m, to: [out]}\n").text, 0);
}

TEST(Prometheus, ShowsTextsAsTheAgentDoes) {
  // promtool expands the annotations of an alert that fires; the agent's own text is what it must come to.
  const std::string_view annotation =
      "{{ value }}|{{ value | humanize }}|{{ value | humanize1024 }}|{{ value | humanizePercentage }}|"
      "{{ value | humanizeDuration }}|{{ value | printf \"%08.3f\" }}|{{ value | printf \"%g\" }}|"
      "{{ value | printf \"%.3e\" }}|{{ labels.a }}|{{ \"{{\" }}|{{ labels.size | humanize1024 }}";
  for (const std::string_view value : {"81", "0.012345678", "1234567.125", "1e15", "-3.5", "100000", "86461"}) {
    auto compiled =
        compile_pipelines("  r: {filter: m, window: {over: 15s, fn: last}, alert: {when: '!= 0', summary: '" +
                          std::string(annotation) + "'}}\n");
    ASSERT_EQ(compiled.rules.size(), 1U);
    std::vector<std::string> refused;
    const TempFolder folder;
    sentinel::testing::write_text(folder / "rules.yml", to_prometheus(compiled.rules, {}, refused));
    const auto number = std::stod(std::string(value));
    const auto expected = compiled.rules[0]->alert->annotations.at("summary").render(
        number, [](std::string_view label) -> std::string_view { return label == "size" ? "1536" : "x y"; });
    sentinel::testing::write_text(
        folder / "test.yml",
        "rule_files: [rules.yml]\nevaluation_interval: 15s\ntests:\n- interval: 15s\n  input_series:\n  - series: "
        "'m{a=\"x y\",size=\"1536\"}'\n    values: '" +
            std::string(value) +
            "'\n  alert_rule_test:\n  - eval_time: 0s\n    alertname: r\n    exp_alerts:\n"
            "    - exp_labels: {a: \"x y\", size: \"1536\", severity: warning}\n      exp_annotations: {summary: '" +
            expected + "'}\n");
    const auto ended = sentinel::testing::run({promtool, "test", "rules", folder / "test.yml"});
    EXPECT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  }
}

}  // namespace
}  // namespace sentinel::rules
