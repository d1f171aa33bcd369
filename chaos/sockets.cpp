#include "chaos/sockets.hpp"

#include <netinet/in.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

namespace chaos {

Fd::~Fd() {
  if (fd_ >= 0) ::close(fd_);
}

Fd listen_at(Loopback& at) {
  Fd listener(::socket(at.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  auto* address = reinterpret_cast<sockaddr*>(&at.address);
  if (!listener || ::bind(listener.get(), address, at.size) != 0 || ::listen(listener.get(), SOMAXCONN) != 0 ||
      ::getsockname(listener.get(), address, &at.size) != 0) {
    throw std::system_error(errno, std::generic_category(), "cannot listen on loopback");
  }
  return listener;
}

std::uint16_t port_of(const Loopback& at) {
  // sin_port and sin6_port lie at the same place.
  sockaddr_in address{};
  std::memcpy(&address, &at.address, sizeof address);
  return ntohs(address.sin_port);
}

Fd connect_to(const Loopback& at) {
  Fd connection(::socket(at.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!connection || ::connect(connection.get(), reinterpret_cast<const sockaddr*>(&at.address), at.size) != 0) {
    return {};
  }
  return connection;
}

}  // namespace chaos
