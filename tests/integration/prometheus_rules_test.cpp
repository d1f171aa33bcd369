// A real Prometheus evaluates the running agent's rules, and a real Alertmanager brings what fires back to it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <filesystem>
#include <thread>

#include "tests/support/agent_process.hpp"
#include "tests/support/alertmanager.hpp"
#include "tests/support/memory.hpp"

namespace sentinel::testing {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// The alert of rules/seed.yaml that the tests have fire.
constexpr std::string_view alert = "high_memory_usage";

/// An agent with the shipped rules/seed.yaml, beside a Prometheus that has its rules.
class Beside : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(fs::exists(peer("prometheus"))) << "cmake/peers/fetch unpacks it; `make test` does that";
    set_threshold(90);
  }

  void set_threshold(int percent) const {
    write_text(folder_ / ".env.new", "MEM_THRESHOLD=" + std::to_string(percent) + "\n");
    fs::rename(folder_ / ".env.new", folder_ / ".env");
  }

  /// `tells`: the agent tells of its own alerts, to that Alertmanager.
  [[nodiscard]] std::string agent_file(bool tells, std::string_view join_window = "10m") const {
    const std::string body = "include: ['" + (fs::path(SENTINEL_SOURCE_DIR) / "rules" / "seed.yaml").string() +
                             "']\ncollectors:\n  memory: {plugin: proc_mem, every: 500ms, config: {procfs: '" +
                             memory_.procfs() + "'}}\nsinks:\n  prometheus: {plugin: prometheus}\n" +
                             "  incident: {plugin: webhook_snapshot, config: {directory: snapshots, " +
                             (tells ? "alertmanagers: ['" + alertmanager_.url() + "'], " : "") +
                             "join_window: " + std::string(join_window) + "}}\n" +
                             "pipelines:\n  host: {to: [prometheus]}\n" + "prometheus: {rules_file: '" +
                             rules_.string() + "', reload_url: '" + prometheus_.reload_url() + "'}\n";
    return pipeline_file(body, tells ? "alerts_to: [incident], labels: {instance: box}" : "labels: {instance: box}");
  }

  [[nodiscard]] Prometheus::Options scraping(AgentProcess& agent) const {
    return {.scrapes = agent.address(), .rules = rules_, .alertmanager = alertmanager_.url()};
  }

  /// The folders of snapshots.
  [[nodiscard]] std::vector<fs::path> snapshots() const {
    std::vector<fs::path> all;
    std::error_code absent;
    for (const auto& entry : fs::directory_iterator(folder_ / "snapshots", absent)) {
      // What is not whole yet has a name of its own.
      if (fs::exists(entry.path() / "alert.json") && entry.path().filename().string().front() != '.') {
        all.push_back(entry.path());
      }
    }
    return all;
  }

  TempFolder folder_;
  Memory memory_{50};
  fs::path rules_ = folder_ / "sentinel.rules.yml";
  Alertmanager alertmanager_;
  Prometheus prometheus_;
};

json::object alert_of(const fs::path& snapshot) {
  boost::system::error_code bad;
  const auto value = json::parse(read_text(snapshot / "alert.json"), bad);
  return bad || !value.is_object() ? json::object() : value.as_object();
}

/// Whether one that told of it, first or by joining, is of the origin and has the label `job` or not.
bool told_by(const json::object& file, std::string_view origin, bool with_job) {
  if (file.empty()) return false;
  const auto is = [&](const json::object& one) {
    return one.at("told_by").as_string() == origin && one.at("labels").as_object().contains("job") == with_job;
  };
  if (is(file)) return true;
  for (const auto& joined : file.at("joined").as_array()) {
    if (is(joined.as_object())) return true;
  }
  return false;
}

std::string threshold(int percent) {
  return " > " + std::to_string(percent);
}

TEST_F(Beside, WhatPrometheusFindsHasItsSnapshotTaken) {
  AgentProcess agent(folder_, agent_file(false));
  ASSERT_TRUE(agent.wait_ready()) << agent.log();
  alertmanager_.start({.post_to = "http://" + agent.address() + "/webhook"});
  prometheus_.start(scraping(agent));
  ASSERT_TRUE(alertmanager_.wait_ready()) << alertmanager_.log();
  ASSERT_TRUE(prometheus_.wait_ready()) << prometheus_.log();
  ASSERT_TRUE(eventually([&] { return prometheus_.rule(alert).is_object(); })) << read_text(rules_) << agent.log();
  EXPECT_THAT(snapshots(), IsEmpty());

  const Stopwatch since_fault;
  memory_.use(95);
  ASSERT_TRUE(eventually([&] { return !snapshots().empty(); })) << alertmanager_.log() << agent.log();
  since_fault.print("fault to the snapshot, by way of Prometheus and Alertmanager, `for: 5s`");
  const auto all = snapshots();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_THAT(all[0].filename().string(), HasSubstr("-high_memory_usage-"));
  EXPECT_THAT(read_text(all[0] / "report.md"), HasSubstr("high_memory_usage"));
  const auto file = alert_of(all[0]);
  EXPECT_EQ(file.at("name"), "high_memory_usage");
  EXPECT_EQ(file.at("told_by"), "webhook");
  EXPECT_EQ(file.at("labels").at("job"), "sentinel");
  EXPECT_EQ(file.at("labels").at("instance").as_string(), agent.address());
  EXPECT_EQ(file.at("labels").at("severity"), "warning");
  EXPECT_EQ(file.at("annotations").at("summary"), "Memory usage is 95.0 %");
  const auto listed = alertmanager_.alerts({"alertname=high_memory_usage"});
  ASSERT_EQ(listed.size(), 1U);
  EXPECT_EQ(file.at("fingerprint"), listed[0].at("fingerprint"));
}

TEST_F(Beside, TheAgentsOwnComesBackAndJoinsItsSnapshot) {
  // Nothing joins by its name and time: it must be the same alert.
  AgentProcess agent(folder_, agent_file(true, "0s"));
  ASSERT_TRUE(agent.wait_ready()) << agent.log();
  alertmanager_.start({.post_to = "http://" + agent.address() + "/webhook"});
  ASSERT_TRUE(alertmanager_.wait_ready()) << alertmanager_.log();
  memory_.use(95);
  ASSERT_TRUE(eventually([&] {
    const auto all = snapshots();
    return !all.empty() && told_by(alert_of(all[0]), "agent", false) && told_by(alert_of(all[0]), "webhook", false);
  })) << agent.log();
  const auto all = snapshots();
  ASSERT_EQ(all.size(), 1U);
  const auto file = alert_of(all[0]);
  ASSERT_EQ(file.at("joined").as_array().size(), 1U);
  const auto& joined = file.at("joined").at(0);
  EXPECT_EQ(joined.at("fingerprint"), file.at("fingerprint"));
  EXPECT_EQ(joined.at("labels"), file.at("labels"));

  // Its end comes back too, and is no reason for another.
  memory_.use(50);
  ASSERT_TRUE(eventually([&] { return alertmanager_.alerts().empty(); }));
  ASSERT_TRUE(eventually([&] {
    return samples(alertmanager_.exposition())["alertmanager_notifications_total{integration=\"webhook\"}"] >= 2;
  })) << alertmanager_.log();
  EXPECT_EQ(samples(alertmanager_.exposition()).at("alertmanager_notifications_failed_total{integration=\"webhook\"}"),
            0);
  EXPECT_EQ(snapshots().size(), 1U);
}

TEST_F(Beside, WhenBothTellThereIsOneSnapshot) {
  AgentProcess agent(folder_, agent_file(true));
  ASSERT_TRUE(agent.wait_ready()) << agent.log();
  alertmanager_.start({.post_to = "http://" + agent.address() + "/webhook"});
  prometheus_.start(scraping(agent));
  ASSERT_TRUE(alertmanager_.wait_ready()) << alertmanager_.log();
  ASSERT_TRUE(prometheus_.wait_ready()) << prometheus_.log();
  ASSERT_TRUE(eventually([&] { return prometheus_.rule(alert).is_object(); })) << agent.log();
  memory_.use(95);
  // The agent's own, the same by way of Alertmanager, and Prometheus', which has labels of its own.
  ASSERT_TRUE(eventually([&] {
    const auto all = snapshots();
    if (all.empty()) return false;
    const auto file = alert_of(all[0]);
    return told_by(file, "agent", false) && told_by(file, "webhook", false) && told_by(file, "webhook", true);
  })) << agent.log();
  EXPECT_EQ(alertmanager_.alerts({"alertname=high_memory_usage"}).size(), 2U);
  EXPECT_EQ(snapshots().size(), 1U);
}

TEST_F(Beside, AnEditOfTheThresholdMovesBoth) {
  AgentProcess agent(folder_, agent_file(false));
  ASSERT_TRUE(agent.wait_ready()) << agent.log();
  prometheus_.start(scraping(agent));
  ASSERT_TRUE(prometheus_.wait_ready()) << prometheus_.log();
  const auto prometheus_has = [&](int percent) {
    const auto rule = prometheus_.rule(alert);
    return rule.is_object() && std::string(rule.at("query").as_string()).ends_with(threshold(percent));
  };
  ASSERT_TRUE(eventually([&] { return prometheus_has(90); })) << read_text(rules_);

  // Whoever reads the file finds a whole one: with the former threshold, or with the new one.
  const std::string before = read_text(rules_);
  std::string after = before;
  for (auto at = after.find(threshold(90)); at != std::string::npos; at = after.find(threshold(90), at)) {
    after.replace(at, threshold(90).size(), threshold(40));
  }
  for (auto at = after.find("above 90 %"); at != std::string::npos; at = after.find("above 90 %", at)) {
    after.replace(at, 10, "above 40 %");
  }
  std::atomic<bool> done = false;
  std::string torn;
  std::thread reader([&] {
    while (!done) {
      if (const auto text = read_text(rules_); text != before && text != after) torn = text;
    }
  });
  const Stopwatch since_edit;
  set_threshold(40);
  const bool moved = eventually([&] { return prometheus_has(40); });
  since_edit.print("edit of .env to the rule in Prometheus");
  done = true;
  reader.join();
  ASSERT_TRUE(moved) << read_text(rules_) << agent.log();
  EXPECT_THAT(torn, IsEmpty());
  const auto checked = run({peer("promtool"), "check", "rules", rules_});
  EXPECT_EQ(checked.exit_code, 0) << checked.out << checked.err;
  EXPECT_THAT(checked.err, IsEmpty());
  EXPECT_THAT(checked.out, HasSubstr("4 rules found"));

  // 50 % was fine before.
  ASSERT_TRUE(eventually([&] {
    const auto alerts = agent.get("/api/v1/alerts").body;
    return alerts.find("\"high_memory_usage\"") != std::string::npos &&
           alerts.find("\"state\":\"firing\"") != std::string::npos;
  })) << agent.log();
  since_edit.print("edit of .env to the alert of the agent, `for: 5s`");
  ASSERT_TRUE(eventually([&] {
    const auto found = prometheus_.alert(alert);
    return found.is_object() && found.at("state") == "firing";
  }));
  since_edit.print("edit of .env to the alert of Prometheus, `for: 5s`");
  EXPECT_EQ(agent.metric("sentinel_prometheus_rules_written"), 1);
  EXPECT_EQ(agent.metric("sentinel_config_last_reload_successful"), 1);
}

TEST_F(Beside, AReloadIsAskedForUntilItIsTaken) {
  const std::string pending = "sentinel_prometheus_reload_pending";
  AgentProcess agent(folder_, agent_file(false));
  ASSERT_TRUE(agent.wait_ready()) << agent.log();
  // It is down while the threshold moves.
  ASSERT_TRUE(eventually([&] { return agent.metric(pending) == 1; })) << agent.log();
  set_threshold(40);
  ASSERT_TRUE(eventually([&] { return read_text(rules_).find(threshold(40)) != std::string::npos; })) << agent.log();
  EXPECT_EQ(agent.metric(pending), 1);
  auto options = scraping(agent);
  prometheus_.start(options);
  ASSERT_TRUE(prometheus_.wait_ready()) << prometheus_.log();
  ASSERT_TRUE(eventually([&] { return agent.metric(pending) == 0; })) << agent.log();
  const auto has = [&](int percent) {
    const auto rule = prometheus_.rule(alert);
    return rule.is_object() && std::string(rule.at("query").as_string()).ends_with(threshold(percent));
  };
  EXPECT_TRUE(has(40));

  // It is up and refuses: somebody has broken its configuration. When that is whole again, it takes the rules.
  write_text(prometheus_.config_file(), "scrape_configs: broken\n");
  set_threshold(30);
  ASSERT_TRUE(eventually([&] { return agent.metric(pending) == 1; })) << agent.log();
  EXPECT_TRUE(has(40));
  prometheus_.configure(options);
  const Stopwatch since_repair;
  ASSERT_TRUE(eventually([&] { return agent.metric(pending) == 0; })) << agent.log();
  since_repair.print("repair of Prometheus' configuration to its taking the rules");
  EXPECT_TRUE(has(30));
  EXPECT_GE(agent.metric("sentinel_prometheus_reloads_total{result=\"success\"}").value_or(0), 2);
  EXPECT_GE(agent.metric("sentinel_prometheus_reloads_total{result=\"failure\"}").value_or(0), 2);
}

}  // namespace
}  // namespace sentinel::testing
