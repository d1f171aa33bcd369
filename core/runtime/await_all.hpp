#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <vector>

namespace sentinel::runtime {

/// Runs all of them at once and returns when all are done, or at `until`; those that are not done by then go on.
/// Control loop.
[[nodiscard]] boost::asio::awaitable<void> await_all(
    boost::asio::io_context& control, std::vector<boost::asio::awaitable<void>> tasks,
    std::chrono::steady_clock::time_point until = std::chrono::steady_clock::time_point::max());

}  // namespace sentinel::runtime
