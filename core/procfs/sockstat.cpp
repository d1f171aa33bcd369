#include "sentinel/procfs/sockstat.hpp"

#include "core/procfs/scan.hpp"

namespace sentinel::procfs {
namespace {

struct Value {
  std::string_view protocol;
  std::string_view name;
  std::optional<std::uint64_t> SockStat::*value;
};

constexpr Value values[] = {
    {"sockets", "used", &SockStat::sockets_used},   {"TCP", "inuse", &SockStat::tcp_inuse},
    {"TCP", "orphan", &SockStat::tcp_orphan},       {"TCP", "tw", &SockStat::tcp_time_wait},
    {"TCP", "alloc", &SockStat::tcp_alloc},         {"TCP", "mem", &SockStat::tcp_mem_pages},
    {"UDP", "inuse", &SockStat::udp_inuse},         {"UDP", "mem", &SockStat::udp_mem_pages},
    {"UDPLITE", "inuse", &SockStat::udplite_inuse}, {"RAW", "inuse", &SockStat::raw_inuse},
    {"FRAG", "inuse", &SockStat::frag_inuse},       {"FRAG", "memory", &SockStat::frag_memory_bytes},
};

}  // namespace

Result<SockStat> parse_sockstat(std::string_view text) {
  SockStat out;
  bool any = false;
  std::string_view line;
  while (take_line(text, line)) {
    std::string_view rest = line;
    std::string_view protocol;
    if (!take_word(rest, protocol) || !protocol.ends_with(':')) continue;
    protocol.remove_suffix(1);
    if (protocol.ends_with('6')) protocol.remove_suffix(1);
    for (std::string_view name; take_word(rest, name);) {
      std::string_view number;
      take_word(rest, number);
      for (const auto& value : values) {
        if (protocol != value.protocol || name != value.name || (out.*value.value).has_value()) continue;
        std::uint64_t parsed = 0;
        if (!take_u64(number, parsed)) return malformed("net/sockstat", "pairs of a name and a count", line);
        out.*value.value = parsed;
        any = true;
      }
    }
  }
  if (!text.empty()) return cut("net/sockstat", text);
  if (!any) return missing("net/sockstat", "of a known protocol");
  return out;
}

}  // namespace sentinel::procfs
