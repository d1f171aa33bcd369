#pragma once

#include <atomic>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <optional>
#include <string>

#include "core/runtime/instance.hpp"

namespace sentinel::runtime {

/// One call of plugin code, from the control loop's side and the worker's.
struct Instance::Call {
  Call(boost::asio::io_context& control, std::string name) : what(std::move(name)), done(control) {}

  const std::string what;
  boost::asio::steady_timer done;  // cancelled when the result is there
  std::optional<Result<void>> result;
  std::atomic<std::chrono::steady_clock::rep> started{0};  // 0: waits for a thread
  std::atomic<bool> abandoned{false};                      // overran; its result no longer counts

  [[nodiscard]] std::chrono::steady_clock::time_point started_at() const {
    return std::chrono::steady_clock::time_point(std::chrono::steady_clock::duration(started.load()));
  }
};

}  // namespace sentinel::runtime
