#pragma once

#include <cstdint>
#include <optional>
#include <sentinel/result.hpp>
#include <string_view>

namespace sentinel::procfs {

/// /proc/net/sockstat or sockstat6; a value is absent where the file does not print it. sockstat6 has neither the
/// sockets' total nor orphans, TIME_WAIT, allocations and pages: those of sockstat cover both families.
struct SockStat {
  std::optional<std::uint64_t> sockets_used;  ///< sockets of any family in this network namespace
  std::optional<std::uint64_t> tcp_inuse;     ///< of this family, TIME_WAIT excluded
  std::optional<std::uint64_t> tcp_orphan;
  std::optional<std::uint64_t> tcp_time_wait;
  std::optional<std::uint64_t> tcp_alloc;
  std::optional<std::uint64_t> tcp_mem_pages;
  std::optional<std::uint64_t> udp_inuse;
  std::optional<std::uint64_t> udp_mem_pages;
  std::optional<std::uint64_t> udplite_inuse;
  std::optional<std::uint64_t> raw_inuse;
  std::optional<std::uint64_t> frag_inuse;
  std::optional<std::uint64_t> frag_memory_bytes;
};

/// Parses /proc/net/sockstat or sockstat6 (net/ipv4/proc.c, net/ipv6/proc.c): TCP6 fills what TCP fills, and so on.
/// Protocols and names that are not above are skipped; of a doubled one the first counts.
/// Errors: invalid_argument when a value above is malformed, the last line is cut, or no protocol is known.
Result<SockStat> parse_sockstat(std::string_view text);

}  // namespace sentinel::procfs
