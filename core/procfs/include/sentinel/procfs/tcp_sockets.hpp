#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <sentinel/procfs/net_tcp.hpp>
#include <sentinel/result.hpp>
#include <string_view>
#include <type_traits>

namespace sentinel::procfs {

/// One end of a connection. IPv4 addresses, those mapped into IPv6 too, are the first four bytes of `address`, the rest
/// 0.
struct TcpEnd {
  std::array<std::uint8_t, 16> address{};  ///< network order
  std::uint16_t port = 0;
  friend bool operator==(const TcpEnd&, const TcpEnd&) = default;
};

/// One TCP socket.
struct TcpSocket {
  TcpState state = TcpState::unknown;
  bool ipv6 = false;  ///< false for IPv4 and for IPv4 mapped into IPv6
  TcpEnd local;
  TcpEnd remote;
  std::uint32_t receive_queue = 0;  ///< bytes not read yet; of a listener: connections that wait for accept
  std::uint32_t send_queue = 0;     ///< bytes not acknowledged; of a listener by netlink: the most that may wait
  std::uint32_t uid = 0;
  std::uint64_t inode = 0;  ///< 0 when no process has it open, as in TIME_WAIT
};

/// Calls for sockets of some states: bit n is the state of number n.
using TcpStates = std::uint32_t;
inline constexpr TcpStates every_tcp_state = (TcpStates{2} << static_cast<unsigned>(TcpState::new_syn_recv)) - 2;
[[nodiscard]] constexpr TcpStates only(TcpState state) {
  return TcpStates{1} << static_cast<unsigned>(state);
}

namespace detail {

struct TcpVisitor {
  void* callable;
  void (*call)(void* callable, const TcpSocket& socket);
};
template <class Visit>
TcpVisitor tcp_visitor(Visit& visit) {
  using Callable = std::remove_reference_t<Visit>;
  return {const_cast<void*>(static_cast<const void*>(std::addressof(visit))),
          [](void* callable, const TcpSocket& socket) { (*static_cast<Callable*>(callable))(socket); }};
}
Result<void> visit_tcp_by_netlink(TcpStates states, TcpVisitor visitor);
Result<std::uint64_t> visit_tcp_table(std::string_view text, TcpStates states, TcpVisitor visitor);

}  // namespace detail

/// Calls `visit(const TcpSocket&)` for the TCP sockets of the caller's network namespace that are in `states`, IPv4 and
/// IPv6, over netlink (sock_diag(7), include/uapi/linux/inet_diag.h): the same sockets as /proc/net/tcp and tcp6,
/// without a line of text for each. Needs no privilege. Allocates nothing; takes 32 KiB of stack. Any thread.
/// Errors: unsupported (no tcp_diag in this kernel, a sandbox forbids it), failed.
template <class Visit>
Result<void> for_each_tcp_socket(TcpStates states, Visit&& visit) {
  return detail::visit_tcp_by_netlink(states, detail::tcp_visitor(visit));
}

/// The same from the text of /proc/net/tcp or tcp6 (net/ipv4/tcp_ipv4.c tcp4_seq_show, net/ipv6/tcp_ipv6.c
/// tcp6_seq_show). Gives the number of lines that could not be read. Allocates nothing.
/// Errors: invalid_argument when the header line is missing, or the last line is cut.
template <class Visit>
Result<std::uint64_t> parse_tcp_sockets(std::string_view text, TcpStates states, Visit&& visit) {
  return detail::visit_tcp_table(text, states, detail::tcp_visitor(visit));
}

}  // namespace sentinel::procfs
