#pragma once

#include <gtest/gtest.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <functional>
#include <utility>

namespace sentinel::runtime {

/// Runs a control loop, which may have run out of work before, until `done`.
inline void run_until(boost::asio::io_context& control, const std::function<bool()>& done) {
  control.restart();
  while (!done() && control.run_one() > 0) {
  }
  ASSERT_TRUE(done()) << "the control loop has nothing left to do";
}

/// Runs a task of the control loop to its end.
inline void finish(boost::asio::io_context& control, boost::asio::awaitable<void> task) {
  bool done = false;
  boost::asio::co_spawn(control, std::move(task), [&](const std::exception_ptr&) { done = true; });
  run_until(control, [&] { return done; });
}

/// The same with a result.
template <typename T>
T finish(boost::asio::io_context& control, boost::asio::awaitable<T> task) {
  T result;
  bool done = false;
  boost::asio::co_spawn(control, std::move(task), [&](const std::exception_ptr&, T made) {
    result = std::move(made);
    done = true;
  });
  run_until(control, [&] { return done; });
  return result;
}

}  // namespace sentinel::runtime
