#pragma once

#include <sentinel/abi.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "core/plugin/call.hpp"
#include "sinks/webhook_snapshot/alert.hpp"
#include "tests/support/fake_host.hpp"

namespace snapshot_test {

/// An alert as the agent's delivery got it.
struct Submitted {
  std::uint32_t receiver = 0;
  snapshot::Alert alert;
};

/// The real .so in an agent of threads: the loader, a clock that a test sets, and delivery, history, routes that
/// record.
class SinkUnderTest {
 public:
  struct Setup {
    std::filesystem::path directory;
    std::string procfs = "/proc";
    std::string cgroupfs = "/sys/fs/cgroup";
    std::string kernel_log = "/dev/kmsg";
    std::vector<std::string> post_to = {};
    std::vector<std::string> alertmanagers = {};
    std::vector<std::string> commands = {};
    std::uint64_t quota = std::uint64_t{256} << 20U;
    double min_free_ratio = 0;
    std::int64_t most_waiting = 16;
    std::chrono::nanoseconds join_window = std::chrono::seconds(30);
    std::chrono::nanoseconds keep = std::chrono::hours(168);
    std::chrono::nanoseconds helper_timeout = std::chrono::seconds(60);
    bool only_own = false;
    bool start = true;
  };

  explicit SinkUnderTest(const Setup& setup);
  ~SinkUnderTest();
  SinkUnderTest(const SinkUnderTest&) = delete;
  SinkUnderTest& operator=(const SinkUnderTest&) = delete;

  sentinel::plugin::Instance& instance() { return *instance_; }
  sentinel::Result<void> alert(const snapshot::Alert& alert);
  sentinel::plugin::Instance::HttpAnswer request(std::string_view method, std::string_view path, std::string_view body);
  std::map<std::string, double> counters();
  std::vector<std::map<std::string, std::string>> snapshots();
  std::string last_error();
  /// Until so many were taken or failed and none waits; false after a minute.
  [[nodiscard]] bool settled(double ended);

  [[nodiscard]] std::vector<Submitted> submitted() const;
  [[nodiscard]] std::vector<std::string> log() const;
  [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& routes() const { return routes_; }
  [[nodiscard]] const std::vector<std::string>& receivers() const { return receivers_; }
  void set_unix_time(std::chrono::nanoseconds time);
  void advance(std::chrono::nanoseconds by);
  /// A series that the history holds: values a second apart, the last at now.
  void remember(std::string metric, std::vector<std::pair<std::string, std::string>> labels,
                std::vector<double> values);
  /// What reading the history does first.
  std::function<void()> before_history = [] {};
  /// What submit answers.
  sentinel::Result<void> delivery;

 private:
  struct Series {
    std::string metric;
    std::vector<std::pair<std::string, std::string>> labels;
    std::vector<double> values;
  };
  static SinkUnderTest& self(const sentinel_host* host) { return *static_cast<SinkUnderTest*>(host->context); }
  static const void* extension(const sentinel_host* host, const char* id);
  static std::int32_t read_history(const sentinel_host* host, sentinel_string metric, std::uint64_t from,
                                   std::uint64_t to, void* context, void (*take)(void*, const sentinel_track*),
                                   sentinel_error* error);
  static std::int32_t submit(const sentinel_host* host, std::uint32_t receiver, const sentinel_alert* alert,
                             sentinel_error* error);

  mutable std::mutex mutex_;
  std::vector<Submitted> submitted_;
  std::vector<std::string> log_;
  std::vector<std::pair<std::string, std::string>> routes_;
  std::vector<std::string> receivers_;
  std::vector<Series> series_;
  std::uint64_t boot_ns_ = 0;
  std::int64_t unix_ns_ = 1'715'000'000'000'000'000;
  sentinel_host host_;
  std::unique_ptr<sentinel::plugin::Instance> instance_;
};

/// An alert of this host that fires.
[[nodiscard]] snapshot::Alert firing(const std::string& name, std::int64_t starts_at_ns = 1'714'999'990'000'000'000);

/// The only snapshot of a directory; fails the test when there is none or more.
[[nodiscard]] std::filesystem::path only_snapshot(const std::filesystem::path& directory);
[[nodiscard]] std::string read(const std::filesystem::path& file);

}  // namespace snapshot_test
