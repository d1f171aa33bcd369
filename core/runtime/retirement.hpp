#pragma once

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/plugin/libraries.hpp"
#include "core/runtime/instance.hpp"
#include "core/telemetry/snapshot.hpp"

namespace sentinel::runtime {

/// The end of instances: stopped, destroyed, and their code proven gone. What hangs is kept until it returns. Control
/// loop, unless said.
class Retirement {
 public:
  using Instances = std::vector<std::shared_ptr<Instance>>;
  struct Outcome {
    std::vector<std::string> stopped;
    std::vector<std::pair<std::string, std::string>> hanging;  ///< instance and the call that did not return in time
  };

  /// Both must outlive it.
  Retirement(boost::asio::io_context& control, WorkerPool& workers);

  /// Stops and destroys all of them within `timeout`, collectors first, and unloads what no other instance runs. What
  /// does not return by then is logged, and ends when it does.
  boost::asio::awaitable<void> retire(Instances old, std::chrono::nanoseconds timeout);
  /// The same when the process ends: with what hung before, and without the proofs.
  boost::asio::awaitable<Outcome> retire_for_good(Instances old, std::chrono::nanoseconds timeout);
  /// Ends what hung and has returned since, and unloads what can be by now, beside what goes on.
  void clean_up(std::chrono::nanoseconds timeout);

  /// What instances load their code by. Thread-safe.
  [[nodiscard]] plugin::Libraries& libraries() { return libraries_; }
  [[nodiscard]] const plugin::Libraries& libraries() const { return libraries_; }
  /// But for `records_lost`. Any thread.
  [[nodiscard]] telemetry::LibraryStats stats() const;

 private:
  boost::asio::awaitable<void> stop_within(Instances old, std::chrono::nanoseconds timeout,
                                           std::shared_ptr<Instances> stopped);
  boost::asio::awaitable<void> unload(Instances gone);
  boost::asio::awaitable<void> clean(std::chrono::nanoseconds timeout);
  void keep(std::shared_ptr<Instance> hanging);

  boost::asio::io_context& control_;
  plugin::Libraries libraries_;
  Instances hanging_;
  std::atomic<std::size_t> hanging_count_ = 0;  // of hanging_, for stats()
  bool cleaning_ = false;
};

}  // namespace sentinel::runtime
