#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

#include <sentinel/result.hpp>

#include "core/plugin/fd.hpp"

namespace sentinel::runtime {

/// Waits until a collector has events to hand over: for input at a descriptor, and at the latest for the end of a
/// period. Between two waits nothing is armed, so that input wakes nobody while a call is queued. Control loop.
class EventWatch {
 public:
  explicit EventWatch(boost::asio::io_context& control);
  EventWatch(const EventWatch&) = delete;
  EventWatch& operator=(const EventWatch&) = delete;
  ~EventWatch();

  /// From now on waits for this: a descriptor of its own, which it closes (none: for time alone), and a period that
  /// counts from now (0: none).
  void set(plugin::Fd input, std::chrono::nanoseconds period);
  /// The collector was called: the period begins anew.
  void called();
  /// It failed: nothing is due before the period is over, nor before `shortest_rest`.
  void rest();
  static constexpr std::chrono::milliseconds shortest_rest{100};

  /// One wait at a time. True: something is due. False: interrupt() came first. Errors: failed, when the descriptor is
  /// of a kind that nobody can wait for; from then on only the period counts.
  boost::asio::awaitable<Result<bool>> wait();
  void interrupt();
  /// Lets go of the descriptor.
  void close();

 private:
  using Time = std::chrono::steady_clock::time_point;
  void await_input();

  boost::asio::io_context& control_;
  boost::asio::steady_timer wake_;
  std::optional<boost::asio::posix::stream_descriptor> input_;
  std::chrono::nanoseconds period_{};
  Time last_call_;
  Time rests_until_;
  std::uint64_t turn_ = 0;  // of the wait at hand: what an earlier one hears of late is nothing to it
  bool waits_ = false;
  bool interrupted_ = false;
  boost::system::error_code failed_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace sentinel::runtime
