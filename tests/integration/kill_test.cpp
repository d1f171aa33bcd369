// What was told stays told: an agent that is killed again and again, and one that has thousands of alerts at once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>

#include "tests/support/agent_process.hpp"
#include "tests/unit/delivery/support.hpp"

namespace sentinel::testing {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using delivery::testing::always;
using delivery::testing::Server;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// An alert by its series, and one firing of it by its beginning.
using Firing = std::pair<std::string, std::string>;

struct Told {
  std::set<Firing> firing;
  std::set<Firing> resolved;
  std::vector<std::string> starts_of(const std::string& series) const {
    std::vector<std::string> all;
    for (const auto& each : firing) {
      if (each.first == series) all.push_back(each.second);
    }
    return all;
  }
};

/// To the millisecond, as the API has it; webhooks may have more digits, or fewer.
std::string in_ms(std::string_view time) {
  std::string text(time.substr(0, time.find_first_of(".Z")));
  std::string fraction;
  if (const auto dot = time.find('.'); dot != std::string_view::npos) {
    fraction = time.substr(dot + 1, time.find('Z') - dot - 1);
  }
  fraction.resize(3, '0');
  return text + "." + fraction + "Z";
}

/// All that the receiver was told, from its request \p from on.
void add_told(const Server& server, std::size_t& from, Told& told) {
  if (server.count() == from) return;
  const auto requests = server.received();
  for (; from < requests.size(); ++from) {
    const auto body = requests[from].json();
    for (const auto& alert : body.at("alerts").as_array()) {
      Firing which(alert.at("labels").at("kind").as_string(), in_ms(std::string(alert.at("startsAt").as_string())));
      (alert.at("status").as_string() == "firing" ? told.firing : told.resolved).insert(std::move(which));
    }
  }
}

/// A rule that fires for each of so many series while LIMIT in the env file is 1. After a restart a window must be
/// whole again before it speaks against an alert, so it is short.
std::string file_of(int series, const std::string& every, const Server& receiver) {
  std::string kinds;
  for (int i = 0; i < series; ++i) kinds += (i == 0 ? "s" : ", s") + std::to_string(i);
  return pipeline_file("collectors:\n  test: {plugin: test_collector, every: " + every + ", config: {kinds: [" + kinds +
                           "]}}\n"
                           "pipelines:\n"
                           "  host: {to: [prometheus]}\n"
                           "  many:\n"
                           "    filter: test_value\n"
                           "    window: {over: 5s, fn: last}\n"
                           "    alert: {when: \"> ${LIMIT:-Inf}\"}\n"
                           "sinks:\n"
                           "  prometheus: {plugin: prometheus}\n"
                           "  incident: {plugin: webhook_snapshot, config: {directory: snapshots, min_free_ratio: 0, "
                           "post_to: ['" +
                           receiver.url() + "']}}\n",
                       "alerts_to: [incident]");
}

class Killed : public ::testing::Test {
 protected:
  static constexpr int series = 8;

  void set_fault(bool stands) const { write_text(folder_ / ".env", stands ? "LIMIT=1\n" : "LIMIT=Inf\n"); }
  void start() { agent_.emplace(folder_, file_of(series, "500ms", server_)); }

  /// Notes what the API shows as firing; how many that are.
  std::size_t look() {
    std::size_t firing = 0;
    if (!agent_) return firing;
    for (const auto& alert : agent_->alerts("many")) {
      if (alert.at("state").as_string() != "firing") continue;
      ++firing;
      shown_.emplace(alert.at("labels").at("kind").as_string(), in_ms(std::string(alert.at("firedAt").as_string())));
    }
    return firing;
  }
  /// Looks until then.
  void look_until(steady_clock::time_point then) {
    const auto left = std::chrono::duration_cast<milliseconds>(then - steady_clock::now());
    (void)eventually([&] { return look(), steady_clock::now() >= then; }, std::max(left, milliseconds(0)));
  }

  TempFolder folder_;
  Server server_{always(200)};
  std::optional<AgentProcess> agent_;
  std::set<Firing> shown_;
};

/// How often, unless the environment asks for more (`make soak-alerts`).
int often(const char* variable, int in_the_suite) {
  const char* wanted = std::getenv(variable);
  return wanted == nullptr ? in_the_suite : std::stoi(wanted);
}

TEST_F(Killed, AtAnyMomentItLosesNoAlertAndTellsNoneAsNew) {
  const int rounds = often("SENTINEL_SOAK_KILLS", 30) / 10;
  constexpr int kills_of_a_fault = 7;
  constexpr int kills_after_it = 3;
  constexpr unsigned seed = 20240501;
  std::mt19937 random(seed);

  // How long it takes here, from its start to its alerts: kills come before and after that.
  set_fault(true);
  auto began = steady_clock::now();
  start();
  ASSERT_TRUE(eventually([&] { return look() == series; })) << agent_->log();
  const auto usual = std::chrono::duration_cast<milliseconds>(steady_clock::now() - began);
  std::uniform_int_distribution<milliseconds::rep> moment(0, usual.count() * 3 / 2);

  int killed = 0;
  const auto kill_and_start = [&] {
    look_until(steady_clock::now() + milliseconds(moment(random)));
    agent_->process().send(SIGKILL);
    ASSERT_TRUE(agent_->process().wait());
    ++killed;
    start();
  };
  for (int round = 0; round < rounds; ++round) {
    for (int i = 0; i < kills_of_a_fault; ++i) kill_and_start();
    ASSERT_TRUE(eventually([&] { return look() == series; })) << agent_->log();
    set_fault(false);
    for (int i = 0; i < kills_after_it; ++i) kill_and_start();
    ASSERT_TRUE(eventually([&] { return agent_->wait_ready() && agent_->wait_for_runs("test") && look() == 0; }))
        << agent_->log();
    if (round < rounds - 1) set_fault(true);
  }

  Told told;
  std::size_t seen = 0;
  const auto all_resolved = [&] {
    add_told(server_, seen, told);
    return !told.firing.empty() && told.firing == told.resolved &&
           std::includes(told.firing.begin(), told.firing.end(), shown_.begin(), shown_.end());
  };
  EXPECT_TRUE(eventually(all_resolved)) << agent_->log();
  for (const auto& [which, start] : shown_) {
    EXPECT_TRUE(told.firing.count({which, start}) > 0) << which << " of " << start << " was shown and never told";
  }
  for (const auto& [which, start] : told.firing) {
    EXPECT_TRUE(told.resolved.count({which, start}) > 0) << which << " of " << start << " was never resolved";
  }
  for (const auto& [which, start] : told.resolved) {
    EXPECT_TRUE(told.firing.count({which, start}) > 0) << which << " of " << start << " was resolved and never told";
  }
  for (int i = 0; i < series; ++i) {
    const auto starts = told.starts_of("s" + std::to_string(i));
    EXPECT_EQ(starts.size(), static_cast<std::size_t>(rounds)) << "a fault that went on was told as new";
  }
  std::printf("%d kills, a start to alerts takes %lld ms: %zu firings shown, %zu told, %zu requests\n", killed,
              static_cast<long long>(usual.count()), shown_.size(), told.firing.size(), seen);
}

TEST(Many, AlertsAtOnceAllArriveAndTheAgentAnswers) {
  const auto series = static_cast<std::size_t>(often("SENTINEL_SOAK_ALERTS", 2000));
  constexpr std::uint64_t most_snapshots = 3;  // of one name within half a minute all join
  const TempFolder folder;
  const Server server(always(200));
  AgentProcess agent(folder, file_of(series, "1s", server));
  ASSERT_TRUE(agent.wait_ready()) << agent.log();
  ASSERT_TRUE(agent.wait_for_runs("test"));

  write_text(folder / ".env", "LIMIT=1\n");
  const auto began = steady_clock::now();
  const auto since = [&] { return std::chrono::duration<double>(steady_clock::now() - began).count(); };
  Told told;
  std::size_t seen = 0;
  double slowest = 0;
  ASSERT_TRUE(eventually([&] {
    // It answers all the while.
    const auto asked = steady_clock::now();
    EXPECT_FALSE(agent.status().empty());
    slowest = std::max(slowest, std::chrono::duration<double>(steady_clock::now() - asked).count());
    add_told(server, seen, told);
    return told.firing.size() == series;
  })) << told.firing.size()
      << " told\n"
      << agent.log();
  std::printf("%zu alerts: all told %.1f s after the fault in %zu requests, the slowest status took %.2f s\n", series,
              since(), seen, slowest);
  EXPECT_EQ(agent.alerts("many").size(), series);

  std::uint64_t whole = 0;
  std::uint64_t covered = 0;
  const auto all_covered = [&] {
    const auto listed = json::parse(agent.get("/api/v1/snapshots").body).at("snapshots").as_array();
    whole = covered = 0;
    for (const auto& each : listed) {
      whole += each.at("state").as_string() == "whole" ? 1 : 0;
      covered += 1 + each.at("joined").to_number<std::uint64_t>();
    }
    return covered == series && whole == listed.size();
  };
  EXPECT_TRUE(eventually(all_covered)) << whole << " snapshots of " << covered << " alerts\n" << agent.log();
  EXPECT_LE(whole, most_snapshots);

  write_text(folder / ".env", "LIMIT=Inf\n");
  EXPECT_TRUE(eventually([&] {
    add_told(server, seen, told);
    return told.resolved.size() == series;
  })) << told.resolved.size()
      << " resolved\n"
      << agent.log();
  EXPECT_EQ(told.resolved, told.firing);
  EXPECT_EQ(agent.stop().exit_code, 0);
}

}  // namespace
}  // namespace sentinel::testing
