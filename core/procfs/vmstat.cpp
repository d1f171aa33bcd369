#include "sentinel/procfs/vmstat.hpp"

#include "core/procfs/scan.hpp"

namespace sentinel::procfs {
namespace {

struct Counter {
  std::string_view name;
  std::optional<std::uint64_t> VmStat::*value;
};

constexpr Counter counters[] = {
    {"pswpin", &VmStat::pswpin},
    {"pswpout", &VmStat::pswpout},
    {"pgmajfault", &VmStat::pgmajfault},
    {"oom_kill", &VmStat::oom_kill},
};

}  // namespace

Result<VmStat> parse_vmstat(std::string_view text) {
  VmStat out;
  bool any = false;
  std::string_view line;
  while (take_line(text, line)) {
    std::string_view rest = line;
    std::string_view name;
    if (!take_word(rest, name)) continue;
    any = true;
    for (const auto& counter : counters) {
      if (name != counter.name || (out.*counter.value).has_value()) continue;
      std::uint64_t value = 0;
      if (!take_u64(rest, value)) return malformed("vmstat", "a name and a count", line);
      out.*counter.value = value;
    }
  }
  if (!text.empty()) return cut("vmstat", text);
  if (!any) return missing("vmstat", "at all");
  return out;
}

}  // namespace sentinel::procfs
