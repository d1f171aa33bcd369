#pragma once

#include <cstdint>
#include <limits>
#include <sentinel/result.hpp>
#include <string_view>

namespace sentinel::procfs {

/// A resource limit, setrlimit(2).
struct Limit {
  static constexpr std::uint64_t unlimited = std::numeric_limits<std::uint64_t>::max();

  std::uint64_t soft = 0;  ///< the one that is in force
  std::uint64_t hard = 0;
};

/// RLIMIT_NOFILE of /proc/<pid>/limits (fs/proc/base.c proc_pid_limits, proc_pid_limits(5)): descriptors, and so one
/// more than the highest number a descriptor can have.
/// Errors: invalid_argument when the line "Max open files" is missing, malformed or cut.
Result<Limit> parse_open_files_limit(std::string_view text);

}  // namespace sentinel::procfs
