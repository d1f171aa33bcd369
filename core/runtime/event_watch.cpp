#include "core/runtime/event_watch.hpp"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

namespace sentinel::runtime {
namespace asio = boost::asio;
using std::chrono::nanoseconds;
using std::chrono::steady_clock;

EventWatch::EventWatch(asio::io_context& control) : control_(control), wake_(control) {}

EventWatch::~EventWatch() {
  *alive_ = false;
}

void EventWatch::set(plugin::Fd input, nanoseconds period) {
  close();
  if (input) input_.emplace(control_, input.release());
  period_ = period;
  last_call_ = steady_clock::now();
}

void EventWatch::called() {
  last_call_ = steady_clock::now();
  rests_until_ = {};
}

void EventWatch::rest() {
  last_call_ = steady_clock::now();
  rests_until_ = last_call_ + std::max<nanoseconds>(period_, shortest_rest);
}

void EventWatch::await_input() {
  if (!input_) return;
  input_->async_wait(asio::posix::stream_descriptor::wait_read,
                     [this, turn = turn_, alive = alive_](const boost::system::error_code& failed) {
                       if (!*alive || turn != turn_) return;
                       failed_ = failed;
                       wake_.cancel();
                     });
}

asio::awaitable<Result<bool>> EventWatch::wait() {
  const bool rests = steady_clock::now() < rests_until_;
  const Time by = rests ? rests_until_ : period_.count() > 0 ? last_call_ + period_ : Time::max();
  interrupted_ = false;
  failed_ = {};
  wake_.expires_at(by);
  if (!rests) await_input();
  waits_ = true;
  co_await wake_.async_wait(asio::as_tuple(asio::use_awaitable));
  waits_ = false;
  ++turn_;
  if (input_) input_->cancel();
  if (interrupted_) co_return false;
  if (!failed_) co_return true;
  input_.reset();
  co_return Error{Errc::failed, "its descriptor cannot be waited for: " + failed_.message() +
                                    "; watch needs one that poll(2) knows, such as an eventfd, a pipe or an epoll"};
}

void EventWatch::interrupt() {
  interrupted_ = true;
  if (waits_) wake_.cancel();
}

void EventWatch::close() {
  ++turn_;
  input_.reset();
  rests_until_ = {};
}

}  // namespace sentinel::runtime
