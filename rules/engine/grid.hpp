#pragma once

#include <cstdint>
#include <limits>

namespace sentinel::rules {

/// How long after its end a pane is closed, for what is still on its way.
inline constexpr std::uint64_t closing_lag_ns = 200'000'000;
/// How far beyond the engine's clock the time of an event may lie; one from further ahead is taken for that.
inline constexpr std::uint64_t future_ns = 1'000'000'000;
inline constexpr std::uint64_t never = std::numeric_limits<std::uint64_t>::max();

/// How a window is cut into panes: pane k is the time (k-1, k] in units of `width_ns`, aligned to CLOCK_BOOTTIME's
/// zero.
struct Grid {
  std::uint64_t width_ns = 1;
  std::uint64_t step_ns = 1;   ///< a window ends at each multiple of it
  std::uint64_t panes = 1;     ///< that make a window
  std::uint64_t capacity = 2;  ///< panes kept: those of a window, and those that may fill before it is closed

  /// From 1; the very instant of the boot belongs to the first.
  [[nodiscard]] std::uint64_t pane_of(std::uint64_t time_ns) const {
    return time_ns == 0 ? 1 : (time_ns - 1) / width_ns + 1;
  }
  [[nodiscard]] std::uint64_t over_ns() const { return panes * width_ns; }
  friend bool operator==(const Grid&, const Grid&) = default;
};

/// The widest panes of which both lengths are multiples, so that every window is exact. Where that takes more than
/// 3,600 of them, panes are as wide as the step (or a 3,600th of the window), and `over` is rounded up to whole ones.
[[nodiscard]] Grid make_grid(std::uint64_t over_ns, std::uint64_t every_ns);

/// The instant at which windows of both steps end; the longer one where that lies more than a day ahead.
[[nodiscard]] std::uint64_t common_step(std::uint64_t first_ns, std::uint64_t second_ns);

}  // namespace sentinel::rules
