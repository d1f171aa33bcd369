#pragma once

#include <chrono>
#include <cstdint>
#include <sentinel/result.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace snapshot {

/// A line of the kernel's log.
struct KernelLine {
  std::uint64_t boot_us = 0;  ///< since boot, by the kernel's own clock
  int level = 6;              ///< syslog(2): 0 emergency to 7 debug
  std::string text;
};

/// The end of the kernel's log, in memory that is taken once, in the constructor. One thread.
class KernelLog {
 public:
  static constexpr std::size_t tail_bytes = std::size_t{64} << 10U;

  KernelLog();

  /// Reads `path` (/dev/kmsg, Documentation/ABI/testing/dev-kmsg) from the oldest record to the newest, without waiting
  /// for more. Errors: permission (kernel.dmesg_restrict without CAP_SYSLOG), not_found, failed.
  sentinel::Result<void> read(const std::string& path);

  /// The last 64 KiB, a line "[ 12.345678] <level> text" each.
  [[nodiscard]] std::string_view tail() const;
  /// The last `most` lines that a fault leaves: errors, and what is known to matter of the rest; oldest first.
  [[nodiscard]] std::vector<KernelLine> notable(std::size_t most) const;

 private:
  void take_line(std::string_view line);

  std::vector<char> lines_;
  std::vector<char> record_;
  std::size_t used_ = 0;
};

/// The last process that the OOM killer ended, as its line says it: pid and name; pid 0 when there is none.
struct OomKill {
  std::int32_t pid = 0;
  std::string comm;
  std::uint64_t boot_us = 0;
};
[[nodiscard]] OomKill last_oom_kill(const std::vector<KernelLine>& lines);

}  // namespace snapshot
