#include "core/runtime/schedule.hpp"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <utility>

namespace sentinel::runtime {
namespace asio = boost::asio;

Schedule::Schedule(asio::io_context& control, const Clock& clock, std::shared_ptr<Instance> collector,
                   std::function<void()> before)
    : clock_(clock),
      collector_(std::move(collector)),
      before_(std::move(before)),
      tick_(control),
      released_(control),
      last_(clock.boottime_ns()) {}

void Schedule::begin() {
  asio::co_spawn(tick_.get_executor(), run(), asio::detached);
}

void Schedule::hold() {
  held_ = was_held_ = true;
}

void Schedule::release(std::shared_ptr<Instance> collector, std::uint64_t served_ns) {
  collector_ = std::move(collector);
  last_ = std::max(last_, served_ns);
  held_ = false;
  // Its interval may be another now: the next tick is reckoned anew.
  released_meanwhile_ = true;
  tick_.cancel();
  released_.cancel();
}

void Schedule::stop() {
  stopped_ = true;
  tick_.cancel();
  released_.cancel();
}

std::uint64_t Schedule::next() const {
  const auto every = static_cast<std::uint64_t>(collector_->spec().every.count());
  return last_ / every * every + every;
}

asio::awaitable<void> Schedule::wait_for(std::uint64_t tick_ns) {
  const std::uint64_t now = clock_.boottime_ns();
  tick_.expires_after(std::chrono::nanoseconds(tick_ns > now ? tick_ns - now : 0));
  co_await tick_.async_wait(asio::as_tuple(asio::use_awaitable));
  while (held_ && !stopped_) {
    released_.expires_at(asio::steady_timer::time_point::max());
    co_await released_.async_wait(asio::as_tuple(asio::use_awaitable));
  }
}

asio::awaitable<void> Schedule::run() {
  const auto self = shared_from_this();
  while (!stopped_) {
    const std::uint64_t tick = next();
    if (tick <= clock_.boottime_ns() && !was_held_) {  // a collection took longer than the interval
      collector_->skip(tick);
      last_ = tick;
      continue;
    }
    co_await wait_for(tick);
    if (stopped_) break;
    if (std::exchange(released_meanwhile_, false)) continue;
    was_held_ = false;
    last_ = tick;
    if (before_) before_();
    // A name of its own: a swap may put another in place meanwhile.
    const auto collector = collector_;
    if (collector->usable()) {
      co_await collector->collect(tick);
    } else {
      collector->skip(tick);
    }
  }
}

}  // namespace sentinel::runtime
