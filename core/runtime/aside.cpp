#include "core/runtime/aside.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <memory>
#include <thread>
#include <utility>

#include "core/plugin/threads.hpp"

namespace sentinel::runtime {
namespace asio = boost::asio;

asio::awaitable<void> run_aside(asio::io_context& control, std::function<void()> job) {
  const auto done = std::make_shared<asio::steady_timer>(control, asio::steady_timer::time_point::max());
  std::thread thread([&control, done, job = std::move(job)] {
    const plugin::OwnThread own;
    job();
    asio::post(control, [done] { done->cancel(); });
  });
  co_await done->async_wait(asio::as_tuple(asio::use_awaitable));
  thread.join();
}

}  // namespace sentinel::runtime
