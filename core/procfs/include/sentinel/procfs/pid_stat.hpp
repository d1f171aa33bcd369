#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <sentinel/result.hpp>
#include <string_view>

namespace sentinel::procfs {

/// States that /proc/<pid>/stat prints as one letter (fs/proc/array.c task_state_array): R S D Z T t I X K W P, in the
/// order below. I (idle kernel threads, S or D before) since Linux 4.14; K, W and x (dead) only in 2.6.33 to 3.13.
enum class ProcessState : std::uint8_t {
  unknown,
  running,
  interruptible_sleep,
  uninterruptible_disk_sleep,
  zombie,
  stopped,
  tracing_stop,
  idle,
  dead,
  wakekill,
  waking,
  parked,
};

/// Names by number, lower case.
inline constexpr std::array<std::string_view, 12> process_state_names = {"unknown",
                                                                         "running",
                                                                         "interruptible_sleep",
                                                                         "uninterruptible_disk_sleep",
                                                                         "zombie",
                                                                         "stopped",
                                                                         "tracing_stop",
                                                                         "idle",
                                                                         "dead",
                                                                         "wakekill",
                                                                         "waking",
                                                                         "parked"};
inline constexpr std::size_t process_state_count = process_state_names.size();

/// The state of a letter; unknown for any other.
ProcessState process_state(char letter) noexcept;
/// The lower-case name of a state, or of a letter's state.
[[nodiscard]] inline std::string_view process_state_name(ProcessState state) noexcept {
  return process_state_names[static_cast<std::size_t>(state)];
}
[[nodiscard]] inline std::string_view process_state_name(char letter) noexcept {
  return process_state_name(process_state(letter));
}

/// /proc/<pid>/stat up to the resident size. Times are in USER_HZ ticks (sysconf(_SC_CLK_TCK) a second).
struct PidStat {
  std::int32_t pid = 0;
  /// As the process named itself: any byte but NUL, so spaces, parentheses, newlines and broken UTF-8. A view into the
  /// parsed text.
  std::string_view comm;
  ProcessState state = ProcessState::unknown;
  char state_letter = '?';
  std::int32_t ppid = 0;
  std::uint64_t major_faults = 0;
  std::uint64_t utime_ticks = 0;
  std::uint64_t stime_ticks = 0;
  std::int64_t threads = 0;
  std::uint64_t start_time_ticks = 0;  ///< since boot on CLOCK_BOOTTIME; with the pid it names the process for good
  std::uint64_t virtual_bytes = 0;
  std::int64_t resident_pages = 0;
};

/// Parses /proc/<pid>/stat (fs/proc/array.c do_task_stat, proc_pid_stat(5)). comm ends at the last ')' of the text.
/// Allocates nothing but an error's message. Errors: invalid_argument when a field up to rss is malformed or cut.
Result<PidStat> parse_pid_stat(std::string_view text);

/// The same without a message, for walks over many processes: false where parse_pid_stat() gives an error.
bool try_parse_pid_stat(std::string_view text, PidStat& out) noexcept;

}  // namespace sentinel::procfs
