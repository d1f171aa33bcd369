#include "sentinel/procfs/pid_stat.hpp"

#include <limits>

#include "core/procfs/scan.hpp"

namespace sentinel::procfs {
namespace {

bool take_pid(std::string_view& rest, std::int32_t& pid) {
  std::int64_t value = 0;
  if (!take_i64(rest, value) || value < 0 || value > std::numeric_limits<std::int32_t>::max()) return false;
  pid = static_cast<std::int32_t>(value);
  return true;
}

bool skip_words(std::string_view& rest, int count) {
  std::string_view word;
  for (; count > 0; --count) {
    if (!take_word(rest, word)) return false;
  }
  return true;
}

}  // namespace

ProcessState process_state(char letter) noexcept {
  switch (letter) {
    case 'R':
      return ProcessState::running;
    case 'S':
      return ProcessState::interruptible_sleep;
    case 'D':
      return ProcessState::uninterruptible_disk_sleep;
    case 'Z':
      return ProcessState::zombie;
    case 'T':
      return ProcessState::stopped;
    case 't':
      return ProcessState::tracing_stop;
    case 'I':
      return ProcessState::idle;
    case 'X':
    case 'x':
      return ProcessState::dead;
    case 'K':
      return ProcessState::wakekill;
    case 'W':
      return ProcessState::waking;
    case 'P':
      return ProcessState::parked;
    default:
      return ProcessState::unknown;
  }
}

bool try_parse_pid_stat(std::string_view text, PidStat& out) noexcept {
  // comm may hold "(", ")" and newlines, and nothing escapes them; what follows it holds neither.
  const auto open = text.find('(');
  const auto close = text.rfind(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) return false;
  std::string_view before = text.substr(0, open);
  out.comm = text.substr(open + 1, close - open - 1);
  std::string_view after = text.substr(close + 1);
  std::string_view line;
  std::string_view state;
  if (!take_pid(before, out.pid) || !take_line(after, line)) return false;
  if (!take_word(line, state) || state.size() != 1) return false;
  out.state_letter = state.front();
  out.state = process_state(out.state_letter);
  return take_pid(line, out.ppid)                 // field 4
         && skip_words(line, 7)                   // pgrp session tty_nr tpgid flags minflt cminflt
         && take_u64(line, out.major_faults)      // 12
         && skip_words(line, 1)                   // cmajflt
         && take_u64(line, out.utime_ticks)       // 14
         && take_u64(line, out.stime_ticks)       // 15
         && skip_words(line, 4)                   // cutime cstime priority nice
         && take_i64(line, out.threads)           // 20
         && skip_words(line, 1)                   // itrealvalue
         && take_u64(line, out.start_time_ticks)  // 22
         && take_u64(line, out.virtual_bytes)     // 23
         && take_i64(line, out.resident_pages);   // 24
}

Result<PidStat> parse_pid_stat(std::string_view text) {
  PidStat out;
  if (!try_parse_pid_stat(text, out)) return malformed("<pid>/stat", "pid (comm) state ppid … rss", text);
  return out;
}

}  // namespace sentinel::procfs
