#pragma once

#include <cstdint>
#include <optional>
#include <sentinel/result.hpp>
#include <string_view>

namespace sentinel::procfs {

/// The counters since boot that are taken from /proc/vmstat; each is absent where the kernel does not print it.
struct VmStat {
  std::optional<std::uint64_t> pswpin;      ///< pages swapped in; absent without CONFIG_SWAP
  std::optional<std::uint64_t> pswpout;     ///< pages swapped out
  std::optional<std::uint64_t> pgmajfault;  ///< faults that needed I/O
  std::optional<std::uint64_t> oom_kill;    ///< since Linux 4.13
};

/// Parses /proc/vmstat (mm/vmstat.c, proc_vmstat(5)). Of a doubled line the first counts.
/// Errors: invalid_argument when one of the lines above is malformed, the last line is cut, or there is none.
Result<VmStat> parse_vmstat(std::string_view text);

}  // namespace sentinel::procfs
