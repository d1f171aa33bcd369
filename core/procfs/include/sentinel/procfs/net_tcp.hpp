#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <sentinel/result.hpp>
#include <string_view>

namespace sentinel::procfs {

/// TCP states with the kernel's numbers (include/net/tcp_states.h). new_syn_recv (since Linux 4.1) is printed as
/// syn_recv by /proc/net/tcp and only met elsewhere. unknown stands for every number that is not here.
enum class TcpState : std::uint8_t {
  unknown,
  established,
  syn_sent,
  syn_recv,
  fin_wait1,
  fin_wait2,
  time_wait,
  close,
  close_wait,
  last_ack,
  listen,
  closing,
  new_syn_recv,
};

/// Names by number, lower case.
inline constexpr std::array<std::string_view, 13> tcp_state_names = {
    "unknown", "established", "syn_sent", "syn_recv", "fin_wait1", "fin_wait2",   "time_wait",
    "close",   "close_wait",  "last_ack", "listen",   "closing",   "new_syn_recv"};
inline constexpr std::size_t tcp_state_count = tcp_state_names.size();

/// Sockets by state.
struct TcpStateCounts {
  std::array<std::uint64_t, tcp_state_count> sockets{};  ///< by the number of TcpState
  std::uint64_t malformed_lines = 0;                     ///< lines whose state could not be read

  [[nodiscard]] std::uint64_t operator[](TcpState state) const noexcept {
    return sockets[static_cast<std::size_t>(state)];
  }
  /// Adds another table, for example tcp6 to tcp.
  TcpStateCounts& operator+=(const TcpStateCounts& other) noexcept;
};

/// Counts the sockets of /proc/net/tcp or tcp6 (net/ipv4/tcp_ipv4.c tcp4_seq_show, net/ipv6/tcp_ipv6.c tcp6_seq_show,
/// Documentation/networking/proc_net_tcp.rst) by state. Reads nothing of a line but its state; allocates nothing.
/// Errors: invalid_argument when the header line is missing, for then the text is no socket table, or the last line is
/// cut, for then the counts would be too low.
Result<TcpStateCounts> count_tcp_states(std::string_view text);

}  // namespace sentinel::procfs
