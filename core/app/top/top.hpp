#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace sentinel::top {

struct TopOptions {
  std::string procfs = "/proc";
  std::chrono::milliseconds interval = std::chrono::seconds(2);  ///< at least shortest_interval
  std::uint64_t count = 0;                                       ///< pictures; 0: until stopped
};

inline constexpr std::chrono::milliseconds shortest_interval{100};

/// `sentinel top`: CPU, memory, load, pressure, TCP and process states of this host on standard output, again and again
/// until SIGINT, SIGTERM or SIGHUP. On a terminal the picture is refreshed in place, follows the terminal's size, and
/// q ends it; after the last of `count` pictures that one stays on the screen. Elsewhere each picture is a block of
/// plain lines that an empty line ends. Needs no running agent. Call from a thread that is alone, or the only one that
/// does not block these signals, SIGTSTP and SIGWINCH.
/// Returns the exit code: 0, or 1 after a line on standard error that says why.
int run_top(const TopOptions& options);

}  // namespace sentinel::top
