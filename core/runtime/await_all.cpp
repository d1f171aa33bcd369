#include "core/runtime/await_all.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <memory>
#include <utility>

namespace sentinel::runtime {
namespace asio = boost::asio;

asio::awaitable<void> await_all(asio::io_context& control, std::vector<asio::awaitable<void>> tasks,
                                std::chrono::steady_clock::time_point until) {
  struct Latch {
    explicit Latch(asio::io_context& context) : done(context) {}
    std::size_t open = 0;
    asio::steady_timer done;
  };
  const auto latch = std::make_shared<Latch>(control);
  latch->open = tasks.size();
  latch->done.expires_at(until);
  for (auto& task : tasks) {
    auto one_done = [latch](const std::exception_ptr& thrown) {
      if (thrown) std::rethrow_exception(thrown);  // a programmer's error: out of run(), and caught in main
      if (--latch->open == 0) latch->done.cancel();
    };
    asio::co_spawn(control, std::move(task), std::move(one_done));
  }
  if (latch->open > 0) co_await latch->done.async_wait(asio::as_tuple(asio::use_awaitable));
}

}  // namespace sentinel::runtime
