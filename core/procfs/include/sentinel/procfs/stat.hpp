#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <sentinel/result.hpp>
#include <string_view>
#include <vector>

namespace sentinel::procfs {

/// What a CPU spends its time on, in the order of /proc/stat's columns. User time includes guest time, nice includes
/// guest_nice. Kernels before 2.6.33 lack guest_nice, before 2.6.24 guest, before 2.6.11 steal.
enum class CpuMode : std::uint8_t { user, nice, system, idle, iowait, irq, softirq, steal, guest, guest_nice };

inline constexpr std::array<std::string_view, 10> cpu_mode_names = {"user", "nice",    "system", "idle",  "iowait",
                                                                    "irq",  "softirq", "steal",  "guest", "guest_nice"};
inline constexpr std::size_t cpu_mode_count = cpu_mode_names.size();

/// Time since boot by mode in USER_HZ ticks (sysconf(_SC_CLK_TCK) a second). iowait and idle may step backwards.
struct CpuTimes {
  std::array<std::uint64_t, cpu_mode_count> jiffies{};
  std::size_t modes = 0;  ///< columns that this kernel prints, 4 to 10; the rest are 0

  [[nodiscard]] std::uint64_t operator[](CpuMode mode) const noexcept {
    return jiffies[static_cast<std::size_t>(mode)];
  }
};

/// One online CPU. Offline CPUs have no line, so numbers have holes.
struct CpuStat {
  std::uint32_t cpu = 0;
  CpuTimes times;
};

/// /proc/stat
struct Stat {
  CpuTimes total;             ///< all CPUs, offline ones included
  std::vector<CpuStat> cpus;  ///< online CPUs, ascending
  std::uint64_t context_switches = 0;
  std::uint64_t boot_time_seconds = 0;  ///< Unix time
  std::uint64_t forks = 0;              ///< since boot, threads included
  std::uint64_t procs_running = 0;      ///< runnable threads now
  std::uint64_t procs_blocked = 0;      ///< threads waiting for I/O now
};

/// Parses /proc/stat (fs/proc/stat.c, proc_stat(5)). `out` is overwritten; reusing it makes a call that meets no more
/// CPUs than before allocate nothing. Other lines (intr, softirq …) are skipped.
/// Errors: invalid_argument when a line named above is missing, doubled or malformed, CPUs do not ascend, or the last
/// line is cut; `out` is then unspecified.
Result<void> parse_stat(std::string_view text, Stat& out);

/// The busy share, 0 to 1, of the time between two readings of one CPU: all but idle and iowait; steal is busy. A mode
/// that stepped backwards counts as 0. Errors: no_data when no time passed.
Result<double> cpu_usage_ratio(const CpuTimes& before, const CpuTimes& after);

}  // namespace sentinel::procfs
