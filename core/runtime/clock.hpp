#pragma once

#include <cstdint>

namespace sentinel::runtime {

/// Where the runtime takes time from. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  /// CLOCK_BOOTTIME in nanoseconds (clock_gettime(2)): goes on while the machine sleeps, never jumps.
  [[nodiscard]] virtual std::uint64_t boottime_ns() const = 0;
  /// Nanoseconds since the epoch, for what people and Prometheus read.
  [[nodiscard]] virtual std::int64_t unix_ns() const = 0;
};

/// The kernel's clocks.
[[nodiscard]] const Clock& system_clock();

}  // namespace sentinel::runtime
