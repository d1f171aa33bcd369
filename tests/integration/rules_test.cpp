// Rules proven and exported by the real program, and taken by the real promtool.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/agent_process.hpp"

namespace sentinel::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// cmake/peers/fetch unpacks it.
const std::filesystem::path promtool =
    std::filesystem::path(SENTINEL_SOURCE_DIR) / "build" / "peers" / "usr" / "bin" / "promtool";

constexpr std::string_view body = R"(
collectors:
  memory: {plugin: proc_mem, every: 5s}
sinks:
  prometheus: {plugin: prometheus}
pipelines:
  host: {to: [prometheus]}
  high_memory_usage:
    filter: sentinel_memory_usage
    window: {over: 15s, fn: avg}
    alert: {when: "> ${MEM_THRESHOLD:-80}", for: 1m, summary: "{{ value | humanize }} %"}
  burst:
    filter: sentinel_memory_usage{comm="x"}
    window: {over: 15s, fn: count}
    alert: {when: "> 5"}
)";

constexpr std::string_view tests = R"(
rule_files: [sentinel.yaml]
tests:
  - name: memory
    interval: 5s
    input_series: [{series: sentinel_memory_usage, values: "90x60"}]
    alert_rule_test:
      - {eval_time: 30s, alertname: high_memory_usage}
      - {eval_time: 2m, alertname: high_memory_usage, exp_alerts: [{exp_labels: {severity: warning}}]}
)";

class Rules : public ::testing::Test {
 protected:
  std::string write(std::string_view name, std::string_view text) {
    write_text(folder_ / name, text);
    return folder_ / name;
  }
  TempFolder folder_;
};

TEST_F(Rules, AreProvenWithoutAHost) {
  write("sentinel.yaml", pipeline_file(body));
  const auto file = write("good.yaml", tests);
  const auto good = sentinel({"rules", "test", file});
  EXPECT_EQ(good.exit_code, 0) << good.err;
  EXPECT_EQ(good.out, file + ": good: 1 tests, 2 checks\n");
  EXPECT_THAT(good.err, IsEmpty());

  auto other = std::string(tests);
  other.replace(other.find("90x60"), 5, "70x60");
  const auto failing = write("failing.yaml", other);
  const auto failed = sentinel({"rules", "test", file, failing});
  EXPECT_EQ(failed.exit_code, 1);
  EXPECT_EQ(failed.out, file + ": good: 1 tests, 2 checks\n" + failing + ": 1 of 2 checks failed\n");
  EXPECT_THAT(failed.err, AllOf(HasSubstr(failing + ":9:9: memory: high_memory_usage at 2m:"),
                                HasSubstr("expected: firing {severity=\"warning\"}"), HasSubstr("got:      no alert")));
}

TEST_F(Rules, ABadFileIsToldFromAFailure) {
  write("sentinel.yaml", pipeline_file(body));
  const auto file = write("bad.yaml", std::string(tests) + "  - {alert_rule_tests: []}\n");
  const auto bad = sentinel({"rules", "test", file});
  EXPECT_EQ(bad.exit_code, 2);
  EXPECT_THAT(bad.err, HasSubstr("(did you mean \"alert_rule_test\"?)"));
  EXPECT_EQ(sentinel({"rules", "test", folder_ / "absent.yaml"}).exit_code, 2);
  EXPECT_EQ(sentinel({"rules", "test"}).exit_code, 1);
  EXPECT_EQ(sentinel({"rules"}).exit_code, 1);
}

TEST_F(Rules, AreExportedForPrometheus) {
  ASSERT_TRUE(std::filesystem::exists(promtool)) << "cmake/peers/fetch unpacks it; `make test` does that";
  const auto file = write("sentinel.yaml", pipeline_file(body));
  const auto exported = sentinel({"rules", "export", "--prometheus", file});
  EXPECT_EQ(exported.exit_code, 0) << exported.err;
  EXPECT_EQ(exported.err, "not exported: burst: comm is known of events alone, which never appear as samples\n");
  EXPECT_THAT(exported.out, HasSubstr("expr: \"avg_over_time(sentinel_memory_usage[15s]) > 80\""));
  const auto rules = write("rules.yml", exported.out);
  const auto checked = run({promtool, "check", "rules", rules});
  EXPECT_EQ(checked.exit_code, 0) << checked.out << checked.err;
  EXPECT_THAT(checked.out, HasSubstr("1 rules found"));

  EXPECT_THAT(sentinel({"rules", "export", "--prometheus", "--scrape-interval", "1m", file}).out,
              HasSubstr("sentinel_memory_usage[1m]"));
  EXPECT_EQ(sentinel({"rules", "export", "--prometheus", "--scrape-interval", "1", file}).exit_code, 1);
  EXPECT_EQ(sentinel({"rules", "export", file}).exit_code, 1);
  write("sentinel.yaml", pipeline_file(std::string(body) + "  bad: {filter: 'm{', to: [prometheus]}\n"));
  const auto bad = sentinel({"rules", "export", "--prometheus", file});
  EXPECT_EQ(bad.exit_code, 2);
  EXPECT_THAT(bad.err, HasSubstr("pipeline \"bad\": filter: the end is no label's name"));
}

}  // namespace
}  // namespace sentinel::testing
