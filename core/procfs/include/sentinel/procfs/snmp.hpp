#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <sentinel/result.hpp>
#include <string_view>

namespace sentinel::procfs {

/// /proc/net/snmp or netstat: pairs of lines, names above values, each pair headed by its protocol. Holds views into
/// the parsed text and is valid as long as that.
class SnmpTable {
 public:
  static constexpr std::size_t max_protocols = 32;

  /// The counter `name` of `protocol` ("Tcp", "RetransSegs"); absent when the kernel does not print it, or prints a
  /// negative number (Tcp MaxConn is -1 for "no limit") or one beyond 64 bits.
  [[nodiscard]] std::optional<std::uint64_t> find(std::string_view protocol, std::string_view name) const noexcept;

  /// Lines that belong to no pair.
  [[nodiscard]] std::size_t malformed_lines() const noexcept { return malformed_lines_; }

 private:
  friend Result<SnmpTable> parse_snmp(std::string_view text);

  struct Protocol {
    std::string_view name;
    std::string_view names;
    std::string_view values;
  };
  std::array<Protocol, max_protocols> protocols_{};
  std::size_t count_ = 0;
  std::size_t malformed_lines_ = 0;
};

/// Parses /proc/net/snmp or /proc/net/netstat (net/ipv4/proc.c snmp_seq_show, netstat_seq_show, proc_net_snmp(5)).
/// Allocates nothing. Of a doubled protocol the first counts. Errors: invalid_argument when the last line is
/// cut, or there is no pair.
Result<SnmpTable> parse_snmp(std::string_view text);

}  // namespace sentinel::procfs
