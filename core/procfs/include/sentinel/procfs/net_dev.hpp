#pragma once

#include <cstdint>
#include <sentinel/result.hpp>
#include <string_view>
#include <vector>

namespace sentinel::procfs {

/// What went one way through a network device since it appeared.
struct NetTraffic {
  std::uint64_t bytes = 0;
  std::uint64_t packets = 0;
  std::uint64_t errors = 0;   ///< on receipt length, CRC and frame errors too; on transmission carrier errors too
  std::uint64_t dropped = 0;  ///< on receipt those of rx_missed too: no buffer was free
};

/// One network device of a network namespace.
struct NetDevice {
  std::string_view name;  ///< up to 15 bytes without blank, slash and colon; a view into the parsed text
  NetTraffic received;
  NetTraffic sent;
};

/// Parses /proc/net/dev (net/core/net-procfs.c dev_seq_printf_stats, proc_pid_net(5)). Columns for fifos, frames,
/// collisions, carriers, compression and multicast are checked and skipped. `out` is overwritten and may be reused.
/// Errors: invalid_argument when the two header lines are missing, or a line is malformed or cut; `out` is then
/// unspecified.
Result<void> parse_net_dev(std::string_view text, std::vector<NetDevice>& out);

}  // namespace sentinel::procfs
