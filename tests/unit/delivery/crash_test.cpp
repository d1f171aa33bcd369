// kill -9 at random moments: nothing that was submitted is lost, nothing that was delivered is told as new.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/array.hpp>
#include <csignal>
#include <random>
#include <sstream>
#include <thread>

#include "support.hpp"

namespace sentinel::delivery {
namespace {

using namespace delivery::testing;
using namespace std::chrono_literals;
using sentinel::testing::Process;
using ::testing::IsEmpty;

const std::string program = SENTINEL_BINARY_DIR "/tests/delivery_submitter";
constexpr int kills = 100;
constexpr long numbers_per_run = 100'000;

/// Everything that a receiver was told, with the process that told it.
class Ledger {
 public:
  Reaction take(const Received& request) {
    const auto body = request.json();
    const std::string process(body.at("externalURL").as_string());
    const std::scoped_lock lock(mutex_);
    ++posts_;
    for (auto& each : told(request)) told_[each].emplace_back(process, posts_);
    last_of_[process] = posts_;
    return {};
  }
  /// What was told more than once, but for posts that were on their way when their process was killed: a process waits
  /// for the answer to each, so that is its last.
  [[nodiscard]] std::vector<std::string> told_again() const {
    const std::scoped_lock lock(mutex_);
    std::vector<std::string> again;
    for (const auto& [what, times] : told_) {
      std::set<std::string> processes;
      std::size_t settled = 0;
      for (const auto& [process, post] : times) {
        processes.insert(process);
        settled += post == last_of_.at(process) ? 0 : 1;
      }
      if (settled > 1 || processes.size() != times.size()) again.push_back(what);
    }
    return again;
  }
  [[nodiscard]] bool knows(const std::string& what) const {
    const std::scoped_lock lock(mutex_);
    return told_.contains(what);
  }

 private:
  mutable std::mutex mutex_;
  int posts_ = 0;
  std::map<std::string, std::vector<std::pair<std::string, int>>> told_;
  std::map<std::string, int> last_of_;
};

TEST(Crash, KilledAtAHundredMomentsLosesNothingAndTellsNothingAgain) {
  Ledger ledger;
  std::atomic<int> posts = 0;
  // Every seventh post fails, so that there is always something that waits.
  const Server server(
      [&](const Received& request) { return ++posts % 7 == 0 ? Reaction{.status = 503} : ledger.take(request); });
  Rig rig;
  std::set<std::string> fired;
  std::set<std::string> ended;
  std::minstd_rand random(std::random_device{}());
  for (int run = 0; run < kills; ++run) {
    Process process({program, rig.options.spool, "webhook", server.url(), std::to_string(run * numbers_per_run + 1)});
    ASSERT_TRUE(eventually([&] { return !process.out().empty() || !process.running(); }));
    ASSERT_TRUE(process.running()) << process.err();
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 20'000));  // the random moment
    process.send(SIGKILL);
    ASSERT_TRUE(process.wait());
    std::istringstream lines(process.out());
    for (std::string what, number; lines >> what >> number;) (what == "f" ? fired : ended).insert(number);
  }
  rig.options.unix_ns = nullptr;
  rig.reopen();
  ASSERT_TRUE(rig->add(webhook(server.url())));
  ASSERT_TRUE(rig.delivered());
  EXPECT_GT(fired.size(), 100U);
  EXPECT_THAT(ledger.told_again(), IsEmpty());
  for (const auto& name : ended) ASSERT_TRUE(ledger.knows(name + " resolved")) << name;
  for (const auto& name : fired) {
    ASSERT_TRUE(ledger.knows(name + " firing") || ledger.knows(name + " resolved")) << name;
  }
  EXPECT_EQ(rig.stats().dropped, 0U);
}

TEST(Crash, WhatFiresIsStillToldToAnAlertmanager) {
  std::mutex mutex;
  std::set<std::string> firing_there;
  const Server server([&](const Received& request) {
    const std::scoped_lock lock(mutex);
    const auto body = request.json();
    for (const auto& alert : body.as_array()) {
      const std::string name(alert.at("labels").at("alertname").as_string());
      const auto ends = std::string_view(alert.at("endsAt").as_string());
      // Ends of the submitter's alerts are in 1970.
      if (ends.substr(0, 4) == "1970") {
        firing_there.erase(name);
      } else {
        firing_there.insert(name);
      }
    }
    return Reaction();
  });
  Rig rig;
  std::set<std::string> fires;
  for (int run = 0; run < 10; ++run) {
    Process process({program, rig.options.spool, "alertmanager", server.url(""), std::to_string(run * 1000 + 1)});
    ASSERT_TRUE(eventually([&] { return process.out().size() > 100 || !process.running(); }));
    process.send(SIGKILL);
    ASSERT_TRUE(process.wait());
    std::istringstream lines(process.out());
    long last = 0;
    for (std::string what, number; lines >> what >> number;) {
      if (what == "f") fires.insert(number);
      if (what == "r") fires.erase(number);
      last = std::stol(number);
    }
    fires.erase(std::to_string(last - 2));  // its end may have been submitted and not been said
  }
  {
    const std::scoped_lock lock(mutex);
    firing_there.clear();  // as if the Alertmanager had begun anew
  }
  rig.options.unix_ns = nullptr;
  rig.reopen();
  ASSERT_TRUE(rig->add(alertmanager(server.url(""))));
  EXPECT_TRUE(eventually([&] {
    const std::scoped_lock lock(mutex);
    return std::includes(firing_there.begin(), firing_there.end(), fires.begin(), fires.end());
  }));
}

}  // namespace
}  // namespace sentinel::delivery
