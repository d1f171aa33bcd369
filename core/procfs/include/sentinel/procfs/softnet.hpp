#pragma once

#include <cstdint>
#include <sentinel/result.hpp>
#include <string_view>
#include <vector>

namespace sentinel::procfs {

/// One CPU's receive side. The kernel counts in 32 bits: each count goes back to 0 after 4294967295.
struct SoftnetCpu {
  std::uint32_t cpu = 0;
  std::uint32_t processed = 0;       ///< packets, on their way up
  std::uint32_t dropped = 0;         ///< packets: the backlog (net.core.netdev_max_backlog) was full
  std::uint32_t times_squeezed = 0;  ///< the softirq stopped with work left, its budget or time spent
};

/// Parses /proc/net/softnet_stat (net/core/net-procfs.c softnet_seq_show): hexadecimal, a line for each online CPU.
/// Newer kernels name the CPU in the 13th column; without that, it is the line's number. `out` is overwritten and may
/// be reused. Errors: invalid_argument when a line is malformed or cut, CPUs do not ascend, or there is none; `out` is
/// then unspecified.
Result<void> parse_softnet(std::string_view text, std::vector<SoftnetCpu>& out);

}  // namespace sentinel::procfs
