#include "sentinel/procfs/loadavg.hpp"

#include "core/procfs/scan.hpp"

namespace sentinel::procfs {

Result<LoadAvg> parse_loadavg(std::string_view text) {
  LoadAvg out;
  std::string_view line;
  if (!take_line(text, line)) return cut("loadavg", text);
  std::string_view rest = line;
  const bool loads = take_decimal(rest, out.load1) && take_decimal(rest, out.load5) && take_decimal(rest, out.load15);
  if (loads) skip_blanks(rest);
  if (!loads || !take_digits(rest, out.running_threads) || !take_char(rest, '/') || !take_u64(rest, out.threads) ||
      !take_u64(rest, out.last_pid)) {
    return malformed("loadavg", "three loads, running/all threads and a pid", line);
  }
  return out;
}

}  // namespace sentinel::procfs
