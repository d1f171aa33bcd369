#include "plugins/proc_tcp/sock_diag.hpp"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>

#include <sentinel/procfs/unique_fd.hpp>

namespace {

using sentinel::Errc;
using sentinel::Error;
using sentinel::Result;
using sentinel::procfs::TcpState;
using sentinel::procfs::TcpStateCounts;

constexpr std::uint32_t first_state = static_cast<std::uint32_t>(TcpState::established);
constexpr std::uint32_t last_state = static_cast<std::uint32_t>(TcpState::new_syn_recv);
/// Not beyond: since Linux 6.8 bit 13 asks for sockets that are bound and idle, which /proc/net/tcp does not list.
constexpr std::uint32_t every_state = (2U << last_state) - (1U << first_state);

Error failure(int error, const char* step) {
  const bool absent = error == ENOENT || error == EPROTONOSUPPORT || error == EAFNOSUPPORT || error == EOPNOTSUPP ||
                      error == EPERM || error == EACCES;
  return {absent ? Errc::unsupported : Errc::failed, std::string("sock_diag: cannot ") + step + ": " +
                                                         std::strerror(error) + "; set `source: procfs` to do without"};
}

Result<void> ask(int fd, std::uint8_t family) {
  struct {
    nlmsghdr header;
    inet_diag_req_v2 request;
  } message{};
  message.header.nlmsg_len = sizeof(message);
  message.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  message.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  message.request.sdiag_family = family;
  message.request.sdiag_protocol = IPPROTO_TCP;
  message.request.idiag_states = every_state;
  if (::send(fd, &message, sizeof(message), 0) < 0) return failure(errno, "ask for sockets");
  return {};
}

/// Adds one datagram of the answer. True when it was the last.
Result<bool> take(const char* data, std::size_t size, TcpStateCounts& counts) {
  const auto* header = reinterpret_cast<const nlmsghdr*>(data);
  for (auto left = static_cast<std::uint32_t>(size); NLMSG_OK(header, left); header = NLMSG_NEXT(header, left)) {
    if (header->nlmsg_type == NLMSG_DONE) return true;
    if (header->nlmsg_type == NLMSG_ERROR) {
      if (header->nlmsg_len < NLMSG_LENGTH(sizeof(nlmsgerr))) return failure(EBADMSG, "read the answer");
      return failure(-static_cast<const nlmsgerr*>(NLMSG_DATA(header))->error, "list sockets");
    }
    if (header->nlmsg_len < NLMSG_LENGTH(sizeof(inet_diag_msg))) return failure(EBADMSG, "read the answer");
    const auto state = static_cast<const inet_diag_msg*>(NLMSG_DATA(header))->idiag_state;
    ++counts.sockets[state >= first_state && state <= last_state ? state : 0];
  }
  return false;
}

Result<void> count(int fd, std::uint8_t family, TcpStateCounts& counts) {
  if (auto asked = ask(fd, family); !asked) return asked;
  alignas(nlmsghdr) std::array<char, 32 * 1024> answer;  // the most that the kernel puts into one datagram
  for (;;) {
    const auto got = ::recv(fd, answer.data(), answer.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return failure(got == 0 ? EPIPE : errno, "read the answer");
    const auto last = take(answer.data(), static_cast<std::size_t>(got), counts);
    if (!last) return last.error();
    if (*last) return {};
  }
}

}  // namespace

Result<TcpStateCounts> count_tcp_states_by_netlink() {
  const sentinel::procfs::UniqueFd fd(::socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  if (!fd) return failure(errno, "open a netlink socket");
  TcpStateCounts counts;
  for (const std::uint8_t family : {AF_INET, AF_INET6}) {
    if (const auto done = count(fd.get(), family, counts); !done) return done.error();
  }
  return counts;
}
