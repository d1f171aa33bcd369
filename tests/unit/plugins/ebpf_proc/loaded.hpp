#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/plugin/call.hpp"
#include "tests/support/fake_host.hpp"

/// What a consumer wants of sentinel_process_event.
struct Wanted {
  std::vector<std::pair<std::string, std::string>> equal;  ///< field and value
  std::vector<std::string> by;                             ///< with a threshold: folded by these
  double threshold = 0;                                    ///< 0: each event
};

/// The shared object ebpf_proc.so in an agent in memory, with the real kernel.
class Loaded {
 public:
  using Configure = std::function<void(sentinel::testing::FakeConfig&)>;

  /// `hooks` as in its config.
  explicit Loaded(const Configure& configure, const std::string& hooks = "auto");
  Loaded(const Loaded&) = delete;
  Loaded& operator=(const Loaded&) = delete;
  ~Loaded();

  [[nodiscard]] sentinel::Result<void> start();
  void demand(const std::vector<Wanted>& wanted);
  /// Events until now, those in panes when `until_ended` lies behind.
  [[nodiscard]] std::vector<sentinel::testing::FakeRecord> events();
  /// A counter of a collection; -1 when it has none of the name.
  [[nodiscard]] double metric(const std::string& series);
  /// Of one collection.
  [[nodiscard]] std::map<std::string, double> metrics();
  [[nodiscard]] std::vector<std::map<std::string, std::string>> details(const std::string& table);
  /// Hands its state over to a successor that is not started, and is itself stopped once that one runs.
  void hand_over_to(Loaded& successor);

  [[nodiscard]] const sentinel::testing::FakeHost& host() const { return host_; }

 private:
  sentinel::testing::FakeHost host_;
  std::unique_ptr<sentinel::plugin::Instance> instance_;
  bool started_ = false;
};
