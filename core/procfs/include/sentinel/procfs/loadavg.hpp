#pragma once

#include <cstdint>
#include <sentinel/result.hpp>
#include <string_view>

namespace sentinel::procfs {

/// /proc/loadavg
struct LoadAvg {
  double load1 = 0;  ///< runnable and uninterruptible threads, damped over 1 minute
  double load5 = 0;
  double load15 = 0;
  std::uint64_t running_threads = 0;
  std::uint64_t threads = 0;
  std::uint64_t last_pid = 0;  ///< of this pid namespace
};

/// Parses /proc/loadavg (fs/proc/loadavg.c, proc_loadavg(5)). Errors: invalid_argument when the line is malformed or
/// cut.
Result<LoadAvg> parse_loadavg(std::string_view text);

}  // namespace sentinel::procfs
