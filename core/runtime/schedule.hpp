#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <memory>

#include "core/runtime/clock.hpp"
#include "core/runtime/instance.hpp"

namespace sentinel::runtime {

/// The ticks of one collector, whichever generation of it runs: the multiples of its interval on CLOCK_BOOTTIME, so
/// that all collectors of one interval wake the agent once. A tick that comes while it is held is not lost: whoever
/// takes over collects for it. Control loop.
class Schedule : public std::enable_shared_from_this<Schedule> {
 public:
  /// `before` runs ahead of each collection. The context and the clock must outlive it.
  Schedule(boost::asio::io_context& control, const Clock& clock, std::shared_ptr<Instance> collector,
           std::function<void()> before = nullptr);

  void begin();
  /// No collection is begun until release().
  void hold();
  /// Goes on, with this instance from now on. Ticks up to `served_ns` are served.
  void release(std::shared_ptr<Instance> collector, std::uint64_t served_ns = 0);
  /// For good.
  void stop();

 private:
  boost::asio::awaitable<void> run();
  boost::asio::awaitable<void> wait_for(std::uint64_t tick_ns);
  [[nodiscard]] std::uint64_t next() const;

  const Clock& clock_;
  std::shared_ptr<Instance> collector_;
  const std::function<void()> before_;
  boost::asio::steady_timer tick_;
  boost::asio::steady_timer released_;
  std::uint64_t last_ = 0;  // the tick that was collected or skipped last
  bool held_ = false;
  bool was_held_ = false;  // since the last tick: one that is overdue is collected, not skipped
  bool released_meanwhile_ = false;
  bool stopped_ = false;
};

}  // namespace sentinel::runtime
