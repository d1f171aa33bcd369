#pragma once

#include <cstdint>
#include <optional>
#include <sentinel/result.hpp>
#include <string_view>

namespace sentinel::procfs {

/// Stall time of one kind.
struct PressureLine {
  double avg10 = 0;  ///< percent of wall time over the last 10 s, 0 to 100
  double avg60 = 0;
  double avg300 = 0;
  std::uint64_t total_us = 0;  ///< since boot
};

/// /proc/pressure/{cpu,memory,io}
struct Pressure {
  PressureLine some;                 ///< at least one task waited
  std::optional<PressureLine> full;  ///< all tasks waited; cpu has it since Linux 5.13
};

/// Parses a PSI file (kernel/sched/psi.c, Documentation/accounting/psi.rst), since Linux 4.20.
/// Errors: invalid_argument when the line `some` is missing, or a line `some` or `full` is malformed, doubled or cut.
Result<Pressure> parse_pressure(std::string_view text);

}  // namespace sentinel::procfs
