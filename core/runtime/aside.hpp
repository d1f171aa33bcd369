#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>

namespace sentinel::runtime {

/// Runs a job on a thread of its own and returns when it is done: what blocks for long must not keep a worker from the
/// collectors. The thread is joined before it returns. Control loop.
[[nodiscard]] boost::asio::awaitable<void> run_aside(boost::asio::io_context& control, std::function<void()> job);

}  // namespace sentinel::runtime
