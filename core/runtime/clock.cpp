#include "core/runtime/clock.hpp"

#include <time.h>

namespace sentinel::runtime {
namespace {

std::int64_t read(clockid_t id) {
  timespec now{};
  clock_gettime(id, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

class SystemClock final : public Clock {
 public:
  [[nodiscard]] std::uint64_t boottime_ns() const override { return static_cast<std::uint64_t>(read(CLOCK_BOOTTIME)); }
  [[nodiscard]] std::int64_t unix_ns() const override { return read(CLOCK_REALTIME); }
};

}  // namespace

const Clock& system_clock() {
  static const SystemClock clock;
  return clock;
}

}  // namespace sentinel::runtime
