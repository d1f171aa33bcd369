#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include <CLI/CLI.hpp>

#include "chaos/bounds.hpp"

namespace chaos {

using Clock = std::chrono::steady_clock;

/// Waits for the fault's end: a time, or SIGINT, SIGTERM or SIGHUP, which are blocked in every thread while it lives.
class Stop {
 public:
  Stop();
  Stop(const Stop&) = delete;
  Stop& operator=(const Stop&) = delete;

  /// True as soon as a signal asked for the end; false at the time.
  bool wait_until(Clock::time_point time);
  [[nodiscard]] bool asked() { return wait_until(Clock::time_point::min()); }

 private:
  bool asked_ = false;
};

/// Does things evenly: after wait() returned n times, n / per_second has passed since the first. What it fell behind,
/// by more than a tenth of a second, it does not catch up.
class Pace {
 public:
  explicit Pace(double per_second);
  /// The time at which the next is due.
  Clock::time_point next();

 private:
  std::chrono::nanoseconds between_;
  Clock::time_point due_ = Clock::now();
};

/// A line on standard output, at once, so that a test or a person can wait for it.
void say(const std::string& line);

/// "1.5 s"
std::string text(std::chrono::milliseconds duration);

/// In a child right behind fork(2): dies with its parent, whatever ends that.
void die_with(int parent_pid);

/// Raises the soft limit of descriptors to the hard one, and throws Refusal when `needed` more than those of the
/// program itself do not fit.
void require_descriptors(const char* option, std::uint64_t needed);

/// main() of a tool: parses, then runs `fault`, and turns what it throws into an exit code: 2 a wrong command line, 1
/// another failure, 0 the fault's end, also an early one by a signal.
int run(CLI::App& app, int argc, char** argv, const std::function<void(Stop&)>& fault);

}  // namespace chaos
