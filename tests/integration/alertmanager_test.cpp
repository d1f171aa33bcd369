// The running agent tells real Alertmanagers: one, one that comes late or starts anew, and a cluster.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <boost/json/parse.hpp>
#include <filesystem>
#include <optional>

#include "tests/support/agent_process.hpp"
#include "tests/support/alertmanager.hpp"
#include "tests/support/memory.hpp"
#include "tests/unit/delivery/support.hpp"

namespace sentinel::testing {
namespace {

namespace json = boost::json;
using delivery::testing::always;
using delivery::testing::Server;
using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A sample is a sample for as long as the window is: a machine that is late resolves nothing.
constexpr std::string_view memory_full = R"(
  memory_full:
    filter: sentinel_memory_usage
    window: {over: 10s, fn: last}
    alert: {when: "> 90", severity: critical, summary: "{{ value }} %"}
)";
constexpr std::string_view memory_high = R"(
  memory_high:
    filter: sentinel_memory_usage
    window: {over: 10s, fn: last}
    alert: {when: "> 60", severity: warning}
)";

/// A list of the sink's configuration, with its comma.
std::string urls(std::string_view key, const std::vector<std::string>& all) {
  std::string text = std::string(key) + ": [";
  for (const auto& url : all) text.append("'").append(url).append("', ");
  return text + "], ";
}

/// An agent `instance` that looks at that memory five times a second, has these rules, and a sink so configured.
std::string agent_file(const Memory& memory, std::string_view instance, std::string_view receivers,
                       std::string_view rules) {
  const std::string body = "collectors:\n  memory: {plugin: proc_mem, every: 200ms, config: {procfs: '" +
                           memory.procfs() + "'}}\nsinks:\n  prometheus: {plugin: prometheus}\n" +
                           "  incident: {plugin: webhook_snapshot, config: {" + std::string(receivers) +
                           "directory: snapshots}}\npipelines:\n  host: {to: [prometheus]}\n" + std::string(rules);
  return pipeline_file(body, "alerts_to: [incident], labels: {instance: '" + std::string(instance) + "'}");
}

/// The names of the alerts that the agent has, with their states: "memory_full firing".
std::vector<std::string> alerts_of(AgentProcess& agent) {
  std::vector<std::string> all;
  boost::system::error_code bad;
  const auto answer = json::parse(agent.get("/api/v1/alerts").body, bad);
  if (bad) return all;
  for (const auto& alert : answer.at("data").at("alerts").as_array()) {
    all.push_back(std::string(alert.at("labels").at("alertname").as_string()) + " " +
                  std::string(alert.at("state").as_string()));
  }
  return all;
}

template <class List, class Element>
bool has(const List& list, const Element& element) {
  return std::find(list.begin(), list.end(), element) != list.end();
}

class ToldByTheAgent : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(std::filesystem::exists(peer("prometheus-alertmanager")))
        << "cmake/peers/fetch unpacks it; `make test` does that";
  }

  TempFolder folder_;
  Memory memory_{20};
  Server hook_{always(200)};  // behind the Alertmanager
  Alertmanager alertmanager_;
};

TEST_F(ToldByTheAgent, AnAlertArrivesWithItsLabelsAndResolvesByItself) {
  alertmanager_.start({.post_to = hook_.url()});
  ASSERT_TRUE(alertmanager_.wait_ready()) << alertmanager_.log();
  AgentProcess agent(folder_, agent_file(memory_, "box", urls("alertmanagers", {alertmanager_.url()}), memory_full));
  ASSERT_TRUE(agent.wait_ready()) << agent.log();
  EXPECT_THAT(alertmanager_.alerts(), IsEmpty());

  const Stopwatch since_fault;
  memory_.use(95);
  ASSERT_TRUE(eventually([&] { return hook_.count() > 0; })) << agent.log();
  since_fault.print("fault to the notification of Alertmanager's receiver");
  const auto listed = alertmanager_.alerts({"alertname=memory_full", "severity=critical", "instance=box"});
  ASSERT_EQ(listed.size(), 1U);
  EXPECT_EQ(listed[0].at("labels"),
            (json::object{{"alertname", "memory_full"}, {"severity", "critical"}, {"instance", "box"}}));
  EXPECT_EQ(listed[0].at("annotations").at("summary"), "95 %");
  EXPECT_EQ(listed[0].at("status").at("state"), "active");
  // Told again with the place of the snapshot, which is there by then, and no other alert.
  std::string place;
  ASSERT_TRUE(eventually([&] {
    const auto all = alertmanager_.alerts();
    if (all.size() != 1) return false;
    const auto* snapshot = all[0].at("annotations").as_object().if_contains("snapshot");
    if (snapshot != nullptr) place = snapshot->as_string();
    return snapshot != nullptr;
  })) << agent.log();
  EXPECT_TRUE(std::filesystem::exists(std::filesystem::path(place) / "report.md")) << place;
  // A snapshot is named by the fingerprint that Alertmanager has for the alert.
  EXPECT_THAT(place, HasSubstr(std::string(listed[0].at("fingerprint").as_string())));

  const Stopwatch since_end;
  memory_.use(20);
  ASSERT_TRUE(eventually([&] { return has(hook_.told(), "memory_full resolved"); })) << agent.log();
  since_end.print("end of the fault to the notification");
  EXPECT_THAT(alertmanager_.alerts(), IsEmpty());
  EXPECT_THAT(hook_.told(), ElementsAre("memory_full firing", "memory_full resolved"));
}

TEST_F(ToldByTheAgent, TwoAgentsWithOneRuleAreTwoAlerts) {
  alertmanager_.start({.post_to = hook_.url()});
  ASSERT_TRUE(alertmanager_.wait_ready()) << alertmanager_.log();
  const auto receivers = urls("alertmanagers", {alertmanager_.url()});
  const TempFolder other_folder;
  const Memory other_memory(20);
  AgentProcess a(folder_, agent_file(memory_, "a", receivers, memory_full));
  AgentProcess b(other_folder, agent_file(other_memory, "b", receivers, memory_full));
  ASSERT_TRUE(a.wait_ready() && b.wait_ready()) << a.log() << b.log();

  memory_.use(95);
  other_memory.use(96);
  ASSERT_TRUE(eventually([&] { return alertmanager_.alerts().size() == 2; })) << a.log() << b.log();
  memory_.use(20);
  ASSERT_TRUE(eventually([&] { return alertmanager_.alerts({"instance=a"}).empty(); })) << a.log();
  const auto left = alertmanager_.alerts({"alertname=memory_full"});
  ASSERT_EQ(left.size(), 1U);
  EXPECT_EQ(left[0].at("labels").at("instance"), "b");
  EXPECT_EQ(left[0].at("annotations").at("summary"), "96 %");
}

TEST_F(ToldByTheAgent, WhatComesUpLateGetsTheStateAndAWebhookTheHistory) {
  const Server webhook(always(200));
  AgentProcess agent(
      folder_,
      agent_file(memory_, "box", urls("post_to", {webhook.url()}) + urls("alertmanagers", {alertmanager_.url()}),
                 std::string(memory_full) + std::string(memory_high)));
  ASSERT_TRUE(agent.wait_ready()) << agent.log();
  memory_.use(95);
  const std::string up = "sentinel_delivery_up{receiver=\"alertmanager " + alertmanager_.url() + "/api/v2/alerts\"}";
  ASSERT_TRUE(eventually([&] { return agent.metric(up) == 0; })) << agent.get("/metrics").body;
  ASSERT_TRUE(eventually([&] {
    return has(webhook.told(), "memory_full firing") && has(webhook.told(), "memory_high firing");
  })) << agent.log();
  memory_.use(70);
  // The sink tells the webhook first: by now the Alertmanager's part waits as well.
  ASSERT_TRUE(eventually([&] { return has(webhook.told(), "memory_full resolved"); })) << agent.log();
  EXPECT_THAT(alerts_of(agent), ElementsAre("memory_high firing"));

  const Stopwatch since_start;
  alertmanager_.start({.post_to = hook_.url()});
  ASSERT_TRUE(alertmanager_.wait_ready()) << alertmanager_.log();
  ASSERT_TRUE(eventually([&] { return !alertmanager_.alerts().empty(); })) << agent.log();
  since_start.print("start of the Alertmanager to its having the state");
  const auto listed = alertmanager_.alerts();
  ASSERT_EQ(listed.size(), 1U);
  EXPECT_EQ(listed[0].at("labels").at("alertname"), "memory_high");
  ASSERT_TRUE(eventually([&] { return agent.metric(up) == 1; }));

  memory_.use(20);
  ASSERT_TRUE(eventually([&] { return has(hook_.told(), "memory_high resolved"); })) << agent.log();
  EXPECT_THAT(hook_.told(), ElementsAre("memory_high firing", "memory_high resolved"));
}

// A running agent tells an Alertmanager again once a minute, which the unit tests prove; one that starts does at once.
TEST_F(ToldByTheAgent, AfterARestartOfBothTheAlertIsToldAtOnceAndIsTheSame) {
  alertmanager_.start({.post_to = hook_.url()});
  ASSERT_TRUE(alertmanager_.wait_ready()) << alertmanager_.log();
  const auto file = agent_file(memory_, "box", urls("alertmanagers", {alertmanager_.url()}), memory_full);
  std::optional<AgentProcess> agent;
  agent.emplace(folder_, file);
  ASSERT_TRUE(agent->wait_ready()) << agent->log();
  memory_.use(95);
  ASSERT_TRUE(eventually([&] { return !alertmanager_.alerts().empty(); })) << agent->log();
  const auto before = alertmanager_.alerts();

  EXPECT_EQ(agent->stop().exit_code, 0);
  alertmanager_.stop();
  alertmanager_.start({.post_to = hook_.url()});
  ASSERT_TRUE(alertmanager_.wait_ready()) << alertmanager_.log();
  EXPECT_THAT(alertmanager_.alerts(), IsEmpty());
  const Stopwatch since_start;
  agent.emplace(folder_, file);
  ASSERT_TRUE(eventually([&] { return !alertmanager_.alerts().empty(); })) << agent->log();
  since_start.print("start of the agent to the Alertmanager's knowing");
  const auto after = alertmanager_.alerts();
  ASSERT_EQ(after.size(), 1U);
  EXPECT_EQ(after[0].at("startsAt"), before[0].at("startsAt"));
  EXPECT_EQ(after[0].at("fingerprint"), before[0].at("fingerprint"));

  memory_.use(20);
  ASSERT_TRUE(eventually([&] { return has(hook_.told(), "memory_full resolved"); })) << agent->log();
  EXPECT_THAT(hook_.told(), ElementsAre("memory_full firing", "memory_full resolved"))
      << "what it stored of its notifications outlives it";
}

TEST_F(ToldByTheAgent, AClusterNotifiesOnceAndOfABurstThatIsOver) {
  // They differ in whether they fire on for longer than the receiver waits for further alerts.
  constexpr std::string_view rules = R"(
  kept:
    filter: sentinel_memory_usage
    window: {over: 10s, fn: last}
    alert: {when: "> 90", keep_firing_for: 20s}
  brief:
    filter: sentinel_memory_usage
    window: {over: 10s, fn: last}
    alert: {when: "> 90"}
)";
  Alertmanager second;
  Alertmanager third;
  Alertmanager::Options options{.post_to = hook_.url(),
                                .group_wait = milliseconds(4'000),
                                .group_interval = milliseconds(1'000),
                                .clustered = true};
  alertmanager_.start(options);
  ASSERT_TRUE(alertmanager_.wait_ready()) << alertmanager_.log();
  options.peers = {alertmanager_.cluster_address()};
  second.start(options);
  third.start(options);
  const std::array<Alertmanager*, 3> cluster = {&alertmanager_, &second, &third};
  std::vector<std::string> all;
  for (auto* each : cluster) {
    ASSERT_TRUE(each->wait_ready()) << each->log();
    ASSERT_TRUE(eventually([&] { return each->is_one_of(cluster.size()); })) << each->log();
    all.push_back(each->url());
  }
  AgentProcess agent(folder_, agent_file(memory_, "box", urls("alertmanagers", all), rules));
  ASSERT_TRUE(agent.wait_ready()) << agent.log();

  const Stopwatch since_fault;
  memory_.use(95);
  ASSERT_TRUE(eventually([&] {
    const auto alerts = alerts_of(agent);
    return has(alerts, "kept firing") && has(alerts, "brief firing");
  })) << agent.log();
  memory_.use(20);
  // amtool's list has it until its end is told.
  ASSERT_TRUE(eventually([&] { return third.alerts({"alertname=kept"}).size() == 1; })) << agent.log();
  ASSERT_TRUE(eventually([&] { return alertmanager_.alerts({"alertname=brief"}).empty(); })) << agent.log();
  since_fault.print("length of the burst, as its alert has it");
  const bool was_brief = since_fault.elapsed() < options.group_wait;

  ASSERT_TRUE(eventually([&] { return has(hook_.told(), "kept firing"); })) << agent.log();
  since_fault.print("fault to the notification by a cluster that waits 4 s for further alerts");
  // Each looks up who was notified when it is about to notify: when all did so for both alerts, none will any more.
  for (auto* each : cluster) {
    ASSERT_TRUE(eventually([&] { return samples(each->exposition())["alertmanager_nflog_queries_total"] >= 2; }));
    EXPECT_EQ(each->alerts({"alertname=kept"}).size(), 1U);
  }
  since_fault.print("fault to the decision of the last of the cluster");
  const auto told = hook_.told();
  EXPECT_EQ(std::count(told.begin(), told.end(), "kept firing"), 1);
  if (was_brief) {
    EXPECT_THAT(told, ElementsAre("kept firing")) << "what ends within group_wait is never told";
  }

  ASSERT_TRUE(eventually([&] { return has(hook_.told(), "kept resolved"); })) << agent.log();
}

}  // namespace
}  // namespace sentinel::testing
