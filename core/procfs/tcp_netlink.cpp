#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>

#include "sentinel/procfs/tcp_sockets.hpp"
#include "sentinel/procfs/unique_fd.hpp"

namespace sentinel::procfs::detail {
namespace {

Error failure(int error, const char* step) {
  const bool absent = error == ENOENT || error == EPROTONOSUPPORT || error == EAFNOSUPPORT || error == EOPNOTSUPP ||
                      error == EPERM || error == EACCES;
  return {absent ? Errc::unsupported : Errc::failed,
          std::string("sock_diag: cannot ") + step + ": " + std::generic_category().message(error)};
}

Result<void> ask(int fd, std::uint8_t family, TcpStates states) {
  struct {
    nlmsghdr header;
    inet_diag_req_v2 request;
  } message{};
  message.header.nlmsg_len = sizeof(message);
  message.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  message.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  message.request.sdiag_family = family;
  message.request.sdiag_protocol = IPPROTO_TCP;
  message.request.idiag_states = states & every_tcp_state;
  if (::send(fd, &message, sizeof(message), 0) < 0) return failure(errno, "ask for sockets");
  return {};
}

TcpEnd end_of(const __be32 (&words)[4], __be16 port, bool ipv6) {
  TcpEnd end;
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(words);
  std::memcpy(end.address.data(), bytes, ipv6 ? 16 : 4);
  end.port = ntohs(port);
  return end;
}

bool is_mapped(const TcpEnd& end) {
  static constexpr std::array<std::uint8_t, 12> prefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  return std::memcmp(end.address.data(), prefix.data(), prefix.size()) == 0;
}

void unmap(TcpEnd& end) {
  const std::array<std::uint8_t, 16> whole = end.address;
  end.address = {};
  std::memcpy(end.address.data(), whole.data() + 12, 4);
}

TcpSocket socket_of(const inet_diag_msg& message) {
  TcpSocket socket;
  const bool known = message.idiag_state > 0 && message.idiag_state < tcp_state_count;
  socket.state = known ? static_cast<TcpState>(message.idiag_state) : TcpState::unknown;
  socket.ipv6 = message.idiag_family == AF_INET6;
  socket.local = end_of(message.id.idiag_src, message.id.idiag_sport, socket.ipv6);
  socket.remote = end_of(message.id.idiag_dst, message.id.idiag_dport, socket.ipv6);
  if (socket.ipv6 && is_mapped(socket.local) && is_mapped(socket.remote)) {
    unmap(socket.local);
    unmap(socket.remote);
    socket.ipv6 = false;
  }
  socket.receive_queue = message.idiag_rqueue;
  socket.send_queue = message.idiag_wqueue;
  socket.uid = message.idiag_uid;
  socket.inode = message.idiag_inode;
  return socket;
}

/// Visits one datagram of the answer. True when it was the last.
Result<bool> take(const char* data, std::size_t size, TcpVisitor visitor) {
  const auto* header = reinterpret_cast<const nlmsghdr*>(data);
  for (auto left = static_cast<std::uint32_t>(size); NLMSG_OK(header, left); header = NLMSG_NEXT(header, left)) {
    if (header->nlmsg_type == NLMSG_DONE) return true;
    if (header->nlmsg_type == NLMSG_ERROR) {
      if (header->nlmsg_len < NLMSG_LENGTH(sizeof(nlmsgerr))) return failure(EBADMSG, "read the answer");
      return failure(-static_cast<const nlmsgerr*>(NLMSG_DATA(header))->error, "list sockets");
    }
    if (header->nlmsg_len < NLMSG_LENGTH(sizeof(inet_diag_msg))) return failure(EBADMSG, "read the answer");
    visitor.call(visitor.callable, socket_of(*static_cast<const inet_diag_msg*>(NLMSG_DATA(header))));
  }
  return false;
}

Result<void> visit_family(int fd, std::uint8_t family, TcpStates states, TcpVisitor visitor) {
  if (auto asked = ask(fd, family, states); !asked) return asked;
  alignas(nlmsghdr) std::array<char, 32 * 1024> answer;  // the most that the kernel puts into one datagram
  for (;;) {
    const auto got = ::recv(fd, answer.data(), answer.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return failure(got == 0 ? EPIPE : errno, "read the answer");
    const auto last = take(answer.data(), static_cast<std::size_t>(got), visitor);
    if (!last) return last.error();
    if (*last) return {};
  }
}

}  // namespace

Result<void> visit_tcp_by_netlink(TcpStates states, TcpVisitor visitor) {
  const UniqueFd fd(::socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  if (!fd) return failure(errno, "open a netlink socket");
  for (const std::uint8_t family : {AF_INET, AF_INET6}) {
    if (auto done = visit_family(fd.get(), family, states, visitor); !done) return done;
  }
  return {};
}

}  // namespace sentinel::procfs::detail
