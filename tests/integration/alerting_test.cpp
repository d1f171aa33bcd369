// Real faults, through the running agent: the rule fires, every place shows it, the scene is kept, and it resolves.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "tests/support/agent_process.hpp"
#include "tests/support/fault.hpp"

namespace sentinel::testing {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using std::chrono::steady_clock;
using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

/// The shipped rules of this name, by include.
std::string shipped(std::string_view rules) {
  return "include: ['" SENTINEL_SOURCE_DIR "/rules/" + std::string(rules) + ".yaml']\n";
}

constexpr std::string_view sinks = R"(
sinks:
  prometheus: {plugin: prometheus}
  incident: {plugin: webhook_snapshot, config: {directory: snapshots, min_free_ratio: 0}}
)";

/// A rule over what test_collector says, which fires at once.
constexpr std::string_view test_rule = R"(
collectors:
  test: {plugin: test_collector, every: 500ms, config: {kinds: [one]}}
pipelines:
  host: {to: [prometheus]}
  always:
    filter: test_value
    window: {over: 10s, fn: last}
    alert: {when: "> 1", severity: info}
  later:
    filter: test_value
    window: {over: 10s, fn: last}
    alert: {when: "> ${LATER:-Inf}", severity: info}
)";

/// The number that follows these words; 0 when there is none.
double number_after(const std::string& text, std::string_view words) {
  const auto at = text.find(words);
  return at == std::string::npos ? 0 : std::strtod(text.c_str() + at + words.size(), nullptr);
}

std::string file_of(std::string_view body, std::string_view more) {
  return pipeline_file(std::string(body).append(more), "alerts_to: [incident]");
}

class Alerting : public ::testing::Test {
 protected:
  void run(const std::string& file) {
    agent_.emplace(folder_, file);
    ASSERT_TRUE(agent_->wait_ready()) << agent_->log();
  }

  void set_env(const std::string& text) const { write_text(folder_ / ".env", text); }

  /// Ids of published snapshots whose names hold the text.
  [[nodiscard]] std::vector<std::string> snapshots(const std::string& of) const {
    std::vector<std::string> ids;
    std::error_code none;
    for (const auto& entry : fs::directory_iterator(folder_ / "snapshots", none)) {
      const auto id = entry.path().filename().string();
      if (id.front() != '.' && id.find("-" + of + "-") != std::string::npos) ids.push_back(id);
    }
    return ids;
  }

  /// A file of the only snapshot of an alert.
  [[nodiscard]] std::string snapshot_file(const std::string& alert, std::string_view file) const {
    const auto ids = snapshots(alert);
    EXPECT_EQ(ids.size(), 1U);
    return ids.empty() ? std::string() : read_text(folder_ / "snapshots" / ids.front() / file);
  }

  [[nodiscard]] json::array listed_snapshots() {
    const auto response = agent_->get("/api/v1/snapshots");
    return response.status == 200 ? json::parse(response.body).at("snapshots").as_array() : json::array();
  }

  /// The alert fires and is shown everywhere; its snapshot is there.
  void expect_told(const std::string& name, const std::string& severity, steady_clock::time_point began) {
    const auto since = [&] { return std::chrono::duration<double>(steady_clock::now() - began).count(); };
    ASSERT_TRUE(eventually([&] { return agent_->fires(name); })) << agent_->log();
    const double fired = since();
    ASSERT_TRUE(eventually([&] { return !snapshots(name).empty(); })) << agent_->log();
    std::printf("%s: %.1f s from the fault to the alert, %.1f s to its snapshot\n", name.c_str(), fired, since());

    const std::string report = snapshot_file(name, "report.md");
    EXPECT_THAT(report, StartsWith("# " + name + " (" + severity + ") on "));
    EXPECT_THAT(agent_->get("/api/v1/alerts").body, HasSubstr("\"alertname\":\"" + name + "\""));
    const auto table = sentinel({"alerts", "--config", agent_->file()});
    EXPECT_EQ(table.exit_code, 0) << table.err;
    EXPECT_THAT(table.out, ContainsRegex("\n" + name + " +" + severity + " +firing "));
    EXPECT_TRUE(eventually([&] { return agent_->metric(series(name, severity)).value_or(0) >= 1; })) << name;
  }

  void expect_resolved(const std::string& name, const std::string& severity) {
    EXPECT_TRUE(eventually([&] { return agent_->alerts(name).empty(); })) << agent_->log();
    EXPECT_TRUE(eventually([&] { return !agent_->metric(series(name, severity)); })) << name;
    EXPECT_EQ(snapshots(name).size(), 1U) << "one fault, one snapshot";
  }

  static std::string series(const std::string& name, const std::string& severity) {
    return "sentinel_alerts{alertname=\"" + name + "\",severity=\"" + severity + "\",state=\"firing\"}";
  }

  TempFolder folder_;
  std::optional<AgentProcess> agent_;
};

TEST_F(Alerting, ZombiesFireAndTheirParentIsNamed) {
  // The host may have some of its own, so the threshold stands above those.
  constexpr int made = 60;
  set_env("ZOMBIE_THRESHOLD=Inf\n");
  run(file_of(R"(
collectors:
  processes: {plugin: proc_zombie, every: 1s}
pipelines:
  host: {to: [prometheus]}
)",
              std::string(sinks) + shipped("seed")));
  const auto before = agent_->metric("sentinel_process_count{state=\"zombie\"}");
  ASSERT_TRUE(before);
  set_env("ZOMBIE_THRESHOLD=" + std::to_string(static_cast<int>(*before) + made / 2) + "\n");

  const auto began = steady_clock::now();
  Fault fault("zombie_maker", {"--count", std::to_string(made), "--lifetime", "10m"});
  expect_told("zombie_processes", "warning", began);
  EXPECT_THAT(
      snapshot_file("zombie_processes", "report.md"),
      HasSubstr("> **zombie_maker (pid " + std::to_string(fault.pid()) + "): does not wait for 60 dead children**"));
  fault.stop();
  expect_resolved("zombie_processes", "warning");
}

TEST_F(Alerting, SocketsInTimeWaitFire) {
  // In a network of its own: on a busy host hundreds come and go, and only the threshold that ships is of interest.
  const PrivateNetwork network;
  if (!network.problem().empty()) GTEST_SKIP() << network.problem();
  run(file_of(R"(
collectors:
  tcp: {plugin: proc_tcp, every: 1s}
pipelines:
  host: {to: [prometheus]}
)",
              std::string(sinks) + shipped("seed")));
  EXPECT_THAT(agent_->alerts("high_time_wait"), IsEmpty());

  const auto began = steady_clock::now();
  const auto fault =
      testing::run({built_file("chaos/short_conn"), "--rate", "5000", "--workers", "2", "--count", "500"});
  ASSERT_EQ(fault.exit_code, 0) << fault.err;
  constexpr double threshold = 80;
  const double made = number_after(fault.out, "\ndone: ");
  ASSERT_GT(made, 2 * threshold) << fault.out;
  expect_told("high_time_wait", "warning", began);
  // The kernel gives the port of a socket in TIME_WAIT out again after a second, so a slow run leaves a few less.
  const std::string report = snapshot_file("high_time_wait", "report.md");
  const double left = number_after(report, "called by this host | ");
  EXPECT_GT(left, threshold) << report;
  EXPECT_LE(left, made) << report;
  // They stay for 60 s, so it is the threshold that goes.
  set_env("TIME_WAIT_THRESHOLD=Inf\n");
  expect_resolved("high_time_wait", "warning");
}

TEST_F(Alerting, AnOomKillFiresAndTheKernelsWordIsKept) {
  constexpr std::uint64_t limit = std::uint64_t{20} << 20U;
  const MemoryCgroup cgroup(limit);
  if (!cgroup.problem().empty()) GTEST_SKIP() << cgroup.problem();
  run(file_of(R"(
collectors:
  memory: {plugin: proc_mem, every: 1s}
pipelines:
  host: {to: [prometheus]}
  oom_kills:
    filter: sentinel_oom_kills_total
    window: {over: 10m, fn: rate}
    alert: {when: "> ${OOM_THRESHOLD:-0}", severity: critical, summary: The OOM killer ended a process}
)",
              sinks));
  ASSERT_TRUE(agent_->wait_for_runs("memory"));

  const auto began = steady_clock::now();
  Process eater(cgroup.inside({built_file("chaos/memory_eater"), "--ceiling", "100", "--fast", "--lifetime", "10m"}));
  const auto ended = eater.wait();
  ASSERT_TRUE(ended);
  ASSERT_EQ(ended->signal, SIGKILL) << ended->out << ended->err;
  expect_told("oom_kills", "critical", began);

  const auto log = snapshot_file("oom_kills", "evidence/kernel.log");
  const auto report = snapshot_file("oom_kills", "report.md");
  if (log.empty()) {
    EXPECT_THAT(report, ContainsRegex("kernel.log[^\n]*(denied|permitted|dmesg_restrict|No such)"));
  } else {
    EXPECT_THAT(log, ContainsRegex("[Kk]illed process [0-9]+ \\(memory_eater\\)"));
    EXPECT_THAT(report, ContainsRegex("The OOM killer ended [^\n]*memory"));
    EXPECT_THAT(report, ContainsRegex("\n> \\*\\*memory[^\n]*ended by the OOM killer")) << "the victim leads";
  }
  // It would stand for the 10 minutes of its window, so it is the threshold that goes.
  set_env("OOM_THRESHOLD=Inf\n");
  expect_resolved("oom_kills", "critical");
}

TEST_F(Alerting, ACollectorThatFailsFires) {
  const auto began = steady_clock::now();
  run(file_of(R"(
collectors:
  broken: {plugin: test_misbehaves, every: 500ms, config: {in: collect, how: fail, after: 2}}
  test: {plugin: test_collector, every: 500ms}
pipelines:
  host: {to: [prometheus]}
  collector_fails:
    filter: sentinel_collector_up
    window: {over: 10s, fn: last}
    alert: {when: "< 1", severity: critical, summary: "{{ labels.collector }} fails"}
)",
              sinks));
  expect_told("collector_fails", "critical", began);
  const auto all = agent_->alerts("collector_fails");
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].at("labels").at("collector").as_string(), "broken");
  EXPECT_EQ(all[0].at("annotations").at("summary").as_string(), "broken fails");
  EXPECT_THAT(snapshot_file("collector_fails", "report.md"), HasSubstr("broken fails"));
}

TEST_F(Alerting, ASnapshotByHand) {
  run(file_of("collectors:\n  test: {plugin: test_collector, every: 1s}\npipelines:\n  host: {to: [prometheus]}",
              sinks));
  const auto asked = sentinel({"snapshot", "--reason", "the users say it is slow", "--config", agent_->file()});
  EXPECT_EQ(asked.exit_code, 0) << asked.err;
  ASSERT_THAT(asked.out, ContainsRegex("^20[0-9TZ.-]+-manual-[0-9a-f]+\n$"));
  const fs::path snapshot = folder_ / "snapshots" / asked.out.substr(0, asked.out.size() - 1);
  ASSERT_TRUE(eventually([&] { return fs::exists(snapshot); })) << agent_->log();
  EXPECT_THAT(read_text(snapshot / "report.md"), HasSubstr("the users say it is slow"));
}

TEST_F(Alerting, WithoutASinkThatTakesSnapshotsTheCommandSaysWhatToAdd) {
  run(
      pipeline_file("collectors:\n  test: {plugin: test_collector, every: 1s}\n"
                    "pipelines:\n  host: {to: [prometheus]}\nsinks:\n  prometheus: {plugin: prometheus}\n"));
  const auto asked = sentinel({"snapshot", "--reason", "x", "--config", agent_->file()});
  EXPECT_EQ(asked.exit_code, 1);
  EXPECT_EQ(asked.out, "");
  EXPECT_THAT(asked.err, HasSubstr("add `incident: {plugin: webhook_snapshot}` to `sinks:`"));
}

/// What an agent does whose snapshots cannot be written.
class BadDisk : public Alerting {
 protected:
  void SetUp() override {
    if (!disk_.problem().empty()) GTEST_SKIP() << disk_.problem();
  }

  void expect_it_goes_on_without(const std::string& why) {
    ASSERT_TRUE(eventually([&] { return agent_->fires("always"); })) << agent_->log();
    const std::string failed = R"(sentinel_sink_counter_total{sink="incident",counter="snapshots_failed"})";
    EXPECT_TRUE(eventually([&] { return agent_->metric(failed).value_or(0) >= 1; })) << agent_->log();
    EXPECT_THAT(agent_->log(), ContainsRegex("snapshot [^ ]*-always-[0-9a-f]+ was not taken: [^\n]*" + why));
    const auto listed = listed_snapshots();
    ASSERT_EQ(listed.size(), 1U);
    EXPECT_EQ(listed[0].at("state").as_string(), "failed");
    EXPECT_THAT(std::string(listed[0].at("problem").as_string()), ContainsRegex(why));
    EXPECT_TRUE(agent_->fires("always"));
    EXPECT_TRUE(agent_->wait_for_runs("test"));
    EXPECT_EQ(agent_->get("/-/healthy").status, 200);
    EXPECT_TRUE(fs::is_empty(folder_ / "disk" / "snapshots")) << "something half written stays";
  }

  /// The next alert's is taken again.
  void expect_it_recovers() {
    set_env("LATER=1\n");
    ASSERT_TRUE(eventually([&] { return agent_->fires("later"); })) << agent_->log();
    EXPECT_TRUE(eventually([&] { return agent_->logs("-later-") && !fs::is_empty(folder_ / "disk" / "snapshots"); }))
        << agent_->log();
  }

  static std::string on_disk() {
    std::string text(sinks);
    return text.replace(text.find("snapshots,"), 9, "disk/snapshots");
  }

  SmallDisk disk_{folder_ / "disk", "32m"};
};

TEST_F(BadDisk, AFullDiskCostsTheSnapshotAlone) {
  fs::create_directory(folder_ / "disk" / "snapshots");
  disk_.fill();
  run(file_of(test_rule, on_disk()));
  expect_it_goes_on_without("No space left on device");
  disk_.clear();
  expect_it_recovers();
}

TEST_F(BadDisk, AReadOnlyDirectoryCostsTheSnapshotAlone) {
  fs::create_directory(folder_ / "disk" / "snapshots");
  ASSERT_TRUE(disk_.set_read_only(true));
  run(file_of(test_rule, on_disk()));
  expect_it_goes_on_without("Read-only file system");
  ASSERT_TRUE(disk_.set_read_only(false));
  expect_it_recovers();
}

TEST_F(Alerting, AlertmanagersPostsAreTaken) {
  run(file_of("collectors:\n  test: {plugin: test_collector, every: 1s}\npipelines:\n  host: {to: [prometheus]}",
              sinks));
  const auto body = [](const std::string& status) {
    const std::string one = R"({"status":")" + status +
                            R"(","labels":{"alertname":"Elsewhere","severity":"critical","instance":"db-1:9100"},)"
                            R"("annotations":{"summary":"it is said"},"startsAt":"2024-05-01T10:00:00.123Z",)"
                            R"("endsAt":"0001-01-01T00:00:00Z","generatorURL":"http://am.example/graph",)"
                            R"("fingerprint":"00000000deadbeef"})";
    return R"({"version":"4","groupKey":"{}:{}","truncatedAlerts":0,"status":")" + status +
           R"(","receiver":"sentinel","groupLabels":{},"commonLabels":{},"commonAnnotations":{},)"
           R"("externalURL":"http://am.example","alerts":[)" +
           one + "]}";
  };

  const auto taken = agent_->post("/webhook", body("firing"));
  ASSERT_TRUE(taken);
  ASSERT_EQ(taken->status, 202) << taken->body;
  const auto answer = json::parse(taken->body);
  EXPECT_EQ(answer.at("status").as_string(), "accepted");
  const std::string id(answer.at("snapshot").as_string());
  ASSERT_TRUE(eventually([&] { return fs::exists(folder_ / "snapshots" / id); })) << agent_->log();
  EXPECT_THAT(read_text(folder_ / "snapshots" / id / "report.md"), StartsWith("# Elsewhere (critical) on "));

  const auto again = agent_->post("/webhook", body("firing"));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->status, 202);
  EXPECT_EQ(json::parse(again->body).at("status").as_string(), "joined");
  EXPECT_EQ(json::parse(again->body).at("snapshot").as_string(), id);

  const auto resolved = agent_->post("/webhook", body("resolved"));
  ASSERT_TRUE(resolved);
  EXPECT_EQ(resolved->status, 200);
  EXPECT_EQ(json::parse(resolved->body).at("status").as_string(), "ignored");
  EXPECT_EQ(json::parse(resolved->body).at("reason").as_string(), "resolved");

  std::string wrong = body("firing");
  wrong.replace(wrong.find("\"db-1:9100\""), 11, "7");
  const auto refused = agent_->post("/webhook", wrong);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 400);
  EXPECT_EQ(json::parse(refused->body).at("at").as_string(), "/alerts/0/labels/instance") << refused->body;
  const auto broken = agent_->post("/webhook", body("firing").substr(0, 40));
  ASSERT_TRUE(broken);
  EXPECT_EQ(broken->status, 400);
  EXPECT_THAT(broken->body, HasSubstr("no JSON"));
  const auto large = agent_->post("/webhook", body("firing") + std::string((1U << 20U) + 1, ' '));
  ASSERT_TRUE(large);
  EXPECT_EQ(large->status, 413);
  EXPECT_EQ(listed_snapshots().size(), 1U);
}

TEST_F(Alerting, ARestartGoesOnWhereItWas) {
  const std::string file = file_of(test_rule, sinks);
  run(file);
  expect_told("always", "info", steady_clock::now());
  const auto before = agent_->alerts("always");
  ASSERT_EQ(before.size(), 1U);
  EXPECT_EQ(agent_->stop().exit_code, 0);

  run(file);
  // Judged anew, by samples of this process.
  ASSERT_TRUE(agent_->wait_for_runs("test", 4));
  const auto after = agent_->alerts("always");
  ASSERT_EQ(after.size(), 1U) << agent_->log();
  EXPECT_EQ(after[0].at("state").as_string(), "firing");
  EXPECT_EQ(after[0].at("activeAt"), before[0].at("activeAt"));
  EXPECT_EQ(after[0].at("firedAt"), before[0].at("firedAt"));

  // Snapshots are taken one after the other: were there another of it, it would be there before this one.
  const auto asked = agent_->post("/api/v1/snapshots", R"({"reason":"afterwards"})");
  ASSERT_TRUE(asked);
  ASSERT_EQ(asked->status, 202);
  ASSERT_TRUE(eventually([&] { return !snapshots("manual").empty(); })) << agent_->log();
  EXPECT_EQ(snapshots("always").size(), 1U);
}

}  // namespace
}  // namespace sentinel::testing
