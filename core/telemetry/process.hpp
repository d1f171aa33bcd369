#pragma once

#include <cstdint>

namespace sentinel::telemetry {

/// What the agent itself uses.
struct ProcessUsage {
  double cpu_seconds = 0;  ///< user and system, getrusage(2)
  std::uint64_t resident_bytes = 0;
  std::uint64_t virtual_bytes = 0;
  std::uint64_t open_fds = 0;
  std::uint64_t max_fds = 0;
  std::uint64_t threads = 0;
};

/// Reads /proc/self (the agent's own, whatever `procfs:` its collectors look at); what cannot be read is 0. Any thread.
[[nodiscard]] ProcessUsage read_process_usage();

}  // namespace sentinel::telemetry
