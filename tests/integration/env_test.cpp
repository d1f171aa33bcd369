// Edits of the env file while the agent runs: they apply at once, whole or not at all, and nothing starts anew.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <cstdio>
#include <functional>
#include <map>
#include <optional>

#include "tests/support/agent_process.hpp"

namespace sentinel::testing {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using std::chrono::steady_clock;
using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;

/// test_value is 50 all the time; thresholds are what moves.
constexpr std::string_view body = R"(
collectors:
  test: {plugin: test_collector, every: 500ms, config: {value: 50, kinds: [one]}}
  processes: {plugin: proc_zombie, every: 1s}
pipelines:
  host: {to: [prometheus]}
  high:
    filter: test_value
    window: {over: 10s, fn: last}
    alert: {when: "> ${LIMIT:-100}"}
  patient:
    filter: test_value
    window: {over: 10s, fn: last}
    alert: {when: "> ${PATIENT_LIMIT:-10}", for: 1h}
  counted:
    filter: test_value
    window: {over: 10m, fn: count}
    alert: {when: "> ${COUNT_LIMIT:-0}"}
  constant:
    filter: test_value
    window: {over: 10s, fn: last}
    alert: {when: "> 1000"}
sinks:
  prometheus: {plugin: prometheus}
)";

constexpr const char* reload_ok = "sentinel_config_last_reload_successful";

class Env : public ::testing::Test {
 protected:
  /// \p env is more of `agent:`, such as where its env file is.
  void run(const std::string& env = {}) {
    file_ = pipeline_file(body, env);
    agent_.emplace(folder_, file_);
    ASSERT_TRUE(agent_->wait_ready()) << agent_->log();
  }

  void in_place(const std::string& text) const { write_text(folder_ / ".env", text); }
  void by_rename(const std::string& text) const {
    write_text(folder_ / ".env.new", text);
    fs::rename(folder_ / ".env.new", folder_ / ".env");
  }
  /// As a kubelet updates a ConfigMap's volume: mount/.env -> ..data/.env, ..data -> a folder that is new each time.
  void by_symlink(const std::string& text) {
    const fs::path mount = folder_ / "mount";
    const std::string version = "..version_" + std::to_string(++version_);
    fs::create_directories(mount / version);
    write_text(mount / version / ".env", text);
    fs::create_directory_symlink(version, mount / "..data_tmp");
    fs::rename(mount / "..data_tmp", mount / "..data");
    if (version_ == 1) fs::create_symlink("..data/.env", mount / ".env");
    fs::remove_all(mount / ("..version_" + std::to_string(version_ - 1)));
  }

  /// What a rule compares with, as the agent has it now.
  [[nodiscard]] std::string expression(std::string_view rule) {
    const auto rules = json::parse(agent_->get("/api/v1/rules").body);
    for (const auto& each : rules.at("data").at("rules").as_array()) {
      if (each.at("name").as_string() == rule) return std::string(each.at("expression").as_string());
    }
    return {};
  }
  [[nodiscard]] bool applied(std::string_view rule, std::string_view end) {
    return eventually([&] { return expression(rule).ends_with(end); });
  }

  [[nodiscard]] std::map<std::string, std::string> generations() const {
    std::map<std::string, std::string> all;
    const auto status = agent_->status();
    for (const auto& each : status.at("instances").as_array()) {
      all[std::string(each.at("name").as_string())] = json::serialize(each.at("generation"));
    }
    return all;
  }

  /// Edits by \p edit until the alert fires and until it is gone, and prints how long each took.
  void expect_edits_apply(const char* way, const std::function<void(const std::string&)>& edit) {
    const auto took = [](steady_clock::time_point from) {
      return std::chrono::duration<double>(steady_clock::now() - from).count();
    };
    const auto before = generations();
    EXPECT_FALSE(agent_->fires("high"));
    auto began = steady_clock::now();
    edit("LIMIT=40\n");
    ASSERT_TRUE(applied("high", "> 40")) << agent_->log();
    const double rule = took(began);
    ASSERT_TRUE(eventually([&] { return agent_->fires("high"); })) << agent_->log();
    const double alert = took(began);
    began = steady_clock::now();
    edit("LIMIT=60\n");
    ASSERT_TRUE(eventually([&] { return agent_->alerts("high").empty(); })) << agent_->log();
    std::printf("%s: %.2f s from the edit to the rule, %.2f s to its alert, %.2f s to its end\n", way, rule, alert,
                took(began));
    EXPECT_EQ(generations(), before) << "an instance began anew";
    EXPECT_EQ(agent_->metric(reload_ok), 1);
  }

  TempFolder folder_;
  std::string file_;
  int version_ = 0;
  std::optional<AgentProcess> agent_;
};

TEST_F(Env, AnEditInPlaceMovesAThreshold) {
  in_place("LIMIT=100\n");
  run();
  expect_edits_apply("in place", [this](const std::string& text) { in_place(text); });
}

TEST_F(Env, AnEditByRenameMovesAThreshold) {
  in_place("LIMIT=100\n");
  run();
  expect_edits_apply("by rename", [this](const std::string& text) { by_rename(text); });
}

TEST_F(Env, AConfigMapsUpdateMovesAThreshold) {
  by_symlink("LIMIT=100\n");
  run("env_file: mount/.env");
  expect_edits_apply("ConfigMap", [this](const std::string& text) { by_symlink(text); });
}

TEST_F(Env, AFileThatAppearsAndGoesCountsToo) {
  run();
  expect_edits_apply("a new file", [this](const std::string& text) { in_place(text); });
  fs::remove(folder_ / ".env");
  EXPECT_TRUE(applied("high", "> 100")) << agent_->log();
}

TEST_F(Env, WindowsAndAlertStatesStay) {
  constexpr double enough = 5;
  const auto value = [this] {
    const auto all = agent_->alerts("counted");
    return all.empty() ? 0 : std::stod(std::string(all[0].at("value").as_string()));
  };
  run();
  ASSERT_TRUE(eventually([&] { return value() >= enough && !agent_->alerts("patient").empty(); })) << agent_->log();
  const auto pending = agent_->alerts("patient").at(0);
  ASSERT_EQ(pending.at("state").as_string(), "pending");
  const auto firing = agent_->alerts("counted").at(0);
  ASSERT_EQ(firing.at("state").as_string(), "firing");
  const double counted = value();

  // All three still hold.
  in_place("PATIENT_LIMIT=20\nCOUNT_LIMIT=1\n");
  ASSERT_TRUE(applied("patient", "> 20")) << agent_->log();
  EXPECT_THAT(expression("counted"), HasSubstr("> 1"));
  const auto threshold = [this](std::string_view name) {
    const auto all = agent_->alerts(name);
    return all.empty() ? std::string() : std::string(all[0].at("threshold").as_string());
  };
  ASSERT_TRUE(eventually([&] { return threshold("patient") == "20" && threshold("counted") == "1"; }));
  const auto still_pending = agent_->alerts("patient").at(0);
  EXPECT_EQ(still_pending.at("state").as_string(), "pending");
  EXPECT_EQ(still_pending.at("activeAt"), pending.at("activeAt"));
  const auto still_firing = agent_->alerts("counted").at(0);
  EXPECT_EQ(still_firing.at("state").as_string(), "firing");
  EXPECT_EQ(still_firing.at("activeAt"), firing.at("activeAt"));
  EXPECT_EQ(still_firing.at("firedAt"), firing.at("firedAt"));
  EXPECT_GE(value(), counted) << "its window began anew";
}

TEST_F(Env, AMistakeIsRefusedWithItsLineAndTheOldStaysInForce) {
  in_place("LIMIT=40\n");
  run();
  ASSERT_TRUE(eventually([&] { return agent_->fires("high"); })) << agent_->log();
  const auto since = agent_->alerts("high").at(0).at("activeAt");

  const auto expect_refused = [&](const std::string& text, const std::string& said) {
    in_place(text);
    ASSERT_TRUE(eventually([&] { return agent_->metric(reload_ok) == 0; })) << agent_->log();
    EXPECT_THAT(agent_->log(), AllOf(ContainsRegex(said), HasSubstr("what ran before goes on")));
    EXPECT_THAT(expression("high"), HasSubstr("> 40"));
    EXPECT_TRUE(agent_->fires("high"));
    EXPECT_EQ(agent_->alerts("high").at(0).at("activeAt"), since);
  };
  const auto expect_taken = [&](const std::string& text) {
    in_place(text);
    EXPECT_TRUE(eventually([&] { return agent_->metric(reload_ok) == 1; })) << agent_->log();
    EXPECT_TRUE(agent_->fires("high"));
  };

  expect_refused("LIMIT=abc\n", "sentinel.yaml:12:[0-9]+: pipeline \"high\"[^\n]*abc");
  expect_taken("LIMIT=40\n# good again\n");
  expect_refused("LIMIT=40\nthis is no assignment\n", "/.env:2:[0-9]+: ");
  expect_taken("LIMIT=40\n");
}

TEST_F(Env, AnEditOfThePipelineFileWaitsForItsOwnSignal) {
  in_place("LIMIT=100\n");
  run();
  std::string edited = file_;
  edited.replace(edited.find("> 1000"), 6, "> 1   ");
  edited.replace(edited.find("  processes:"), 0, "  second: {plugin: proc_cpu, every: 1s}\n");
  write_text(agent_->file(), edited);
  in_place("LIMIT=40\n");
  ASSERT_TRUE(eventually([&] { return agent_->fires("high"); })) << agent_->log();
  ASSERT_TRUE(agent_->wait_for_runs("test", 4));
  EXPECT_THAT(expression("constant"), HasSubstr("> 1000"));
  EXPECT_TRUE(agent_->alerts("constant").empty());
  EXPECT_TRUE(agent_->instance("second").empty());
  EXPECT_EQ(agent_->metric(reload_ok), 1);
}

}  // namespace
}  // namespace sentinel::testing
