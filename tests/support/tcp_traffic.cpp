#include "tests/support/tcp_traffic.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <map>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace sentinel::testing {

namespace {

using procfs::UniqueFd;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds patience_of_a_step{30};
/// What two sockets' buffers hold by default, with room to spare: a client sends before anyone reads.
constexpr std::size_t most_bytes = 32'768;

struct Address {
  sockaddr_storage storage = {};
  socklen_t size = 0;

  [[nodiscard]] sockaddr* raw() { return reinterpret_cast<sockaddr*>(&storage); }
  [[nodiscard]] const sockaddr* raw() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

Error failure(std::string_view what, int error = errno) {
  return {Errc::failed, std::string(what) + ": " + std::generic_category().message(error)};
}

int domain_of(TcpFamily family) {
  return family == TcpFamily::ipv4 ? AF_INET : AF_INET6;
}

Result<Address> address_of(const TcpPort::At& at) {
  Address address;
  int parsed = 0;
  if (at.family == TcpFamily::ipv4) {
    auto* ipv4 = reinterpret_cast<sockaddr_in*>(&address.storage);
    ipv4->sin_family = AF_INET;
    ipv4->sin_port = htons(at.port);
    parsed = ::inet_pton(AF_INET, at.address.c_str(), &ipv4->sin_addr);
    address.size = sizeof(*ipv4);
  } else {
    const bool bare = at.family == TcpFamily::v4_mapped && at.address.find(':') == std::string::npos;
    auto* ipv6 = reinterpret_cast<sockaddr_in6*>(&address.storage);
    ipv6->sin6_family = AF_INET6;
    ipv6->sin6_port = htons(at.port);
    parsed = ::inet_pton(AF_INET6, ((bare ? "::ffff:" : "") + at.address).c_str(), &ipv6->sin6_addr);
    address.size = sizeof(*ipv6);
  }
  if (parsed == 1) return address;
  return Error{Errc::invalid_argument, "no address of this family: " + at.address};
}

/// Waits for one of the events, or for an error or hang-up, which poll(2) always reports.
Result<void> wait_for(int fd, short events, const char* what) {
  pollfd one = {fd, events, 0};
  const int ready = ::poll(&one, 1, static_cast<int>(std::chrono::milliseconds(patience_of_a_step).count()));
  if (ready > 0) return {};
  if (ready < 0) return failure(what);
  return Error{Errc::timeout, std::string(what) + ": nothing came within 30 s"};
}

/// Waits for the state CLOSE, which the kernel stores when it has told every tracepoint of it.
Result<void> wait_until_closed(int fd) {
  const auto deadline = Clock::now() + patience_of_a_step;
  for (;;) {
    tcp_info info = {};
    socklen_t size = sizeof(info);
    if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return failure("cannot read the socket's state");
    if (info.tcpi_state == TCP_CLOSE) return {};
    if (Clock::now() > deadline) {
      return Error{Errc::timeout,
                   "the server's socket is still in state " + std::to_string(info.tcpi_state) + " after 30 s"};
    }
    std::this_thread::yield();
  }
}

Result<void> send_bytes(int fd, std::size_t count) {
  static constexpr std::array<char, 16'384> block = {};
  while (count > 0) {
    const auto sent = ::send(fd, block.data(), std::min(count, block.size()), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
      count -= static_cast<std::size_t>(sent);
    } else if (errno != EAGAIN && errno != EINTR) {
      return failure("cannot send");
    } else if (const auto room = wait_for(fd, POLLOUT, "waiting for room to send"); !room) {
      return room;
    }
  }
  return {};
}

/// Reads so many bytes; at most, when the other end closes before.
Result<std::size_t> read_bytes(int fd, std::size_t count) {
  std::array<char, 16'384> block;
  std::size_t read = 0;
  while (read < count) {
    if (const auto ready = wait_for(fd, POLLIN, "waiting for the other end"); !ready) return ready.error();
    const auto got = ::recv(fd, block.data(), std::min(count - read, block.size()), MSG_DONTWAIT);
    if (got == 0) break;
    if (got < 0 && errno != EAGAIN && errno != EINTR) return failure("cannot read");
    if (got > 0) read += static_cast<std::size_t>(got);
  }
  return read;
}

/// Reads exactly so many bytes and then the end of the stream.
Result<void> read_to_the_end(int fd, std::size_t expected) {
  const auto read = read_bytes(fd, expected + 1);
  if (!read) return read.error();
  if (*read == expected) return {};
  return Error{Errc::failed, "the stream holds " + std::to_string(*read) + " bytes, not " + std::to_string(expected)};
}

/// The port of an address; sin_port and sin6_port lie at the same place.
std::uint16_t port_of(const Address& address) {
  return ntohs(reinterpret_cast<const sockaddr_in*>(&address.storage)->sin_port);
}

/// Accepts connections for several threads, and gives each the other end of its own.
class Acceptor {
 public:
  explicit Acceptor(int listener) : listener_(listener) {}

  /// The server's end of the connection of this client.
  Result<UniqueFd> accept(int client) {
    Address local;
    local.size = sizeof(local.storage);
    if (::getsockname(client, local.raw(), &local.size) != 0) return failure("cannot read the client's port");
    const auto deadline = Clock::now() + patience_of_a_step;
    while (Clock::now() < deadline) {
      auto mine = take(port_of(local));
      if (!mine) return mine.error();
      if (*mine) return mine;
      // Another thread may take this one's too, and gives no sign but the map: hence the short look.
      pollfd one = {listener_, POLLIN, 0};
      if (::poll(&one, 1, 10) < 0 && errno != EINTR) return failure("cannot wait for a connection");
    }
    return Error{Errc::timeout, "the server's end of a connection did not come within 30 s"};
  }

 private:
  /// Accepts all there are; nothing when none of them is the client's.
  Result<UniqueFd> take(std::uint16_t client) {
    const std::lock_guard lock(mutex_);
    for (;;) {
      Address peer;
      peer.size = sizeof(peer.storage);
      UniqueFd server(::accept4(listener_, peer.raw(), &peer.size, SOCK_CLOEXEC));
      if (!server && errno == EINTR) continue;
      if (!server && errno != EAGAIN) return failure("cannot accept");
      if (!server) break;
      accepted_[port_of(peer)] = std::move(server);
    }
    auto found = accepted_.extract(client);
    return found ? std::move(found.mapped()) : UniqueFd();
  }

  int listener_;
  std::mutex mutex_;
  std::map<std::uint16_t, UniqueFd> accepted_;  ///< by the client's port
};

/// Makes connections of one shape, both ends; for several threads.
class Connections {
 public:
  Connections(const TcpPort& port, const Address& server, const TcpTraffic& traffic)
      : acceptor_(port.fd()), server_(server), traffic_(traffic) {}

  Result<TcpDone> make(std::uint64_t count) {
    TcpDone done;
    for (std::uint64_t i = 0; i < count; ++i) {
      const auto begin = Clock::now();
      const auto closed = traffic_.shape == TcpShape::refused ? be_refused() : connect_and_close();
      if (!closed) return closed.error();
      ++done.connections;
      done.transitions += transitions_of(traffic_.shape);
      if (*closed - begin < std::chrono::milliseconds(1)) ++done.shorter_than_a_millisecond;
    }
    return done;
  }

 private:
  using Closed = Result<Clock::time_point>;  ///< when the client's socket was closed

  [[nodiscard]] UniqueFd client_socket() const {
    return UniqueFd(::socket(server_.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  }

  [[nodiscard]] Closed be_refused() const {
    UniqueFd client = client_socket();
    if (!client) return failure("cannot make a socket");
    if (::connect(client.get(), server_.raw(), server_.size) == 0 || errno != ECONNREFUSED) {
      return failure("a port that refuses answered", errno);
    }
    client = UniqueFd();
    return Clock::now();
  }

  [[nodiscard]] Closed connect_and_close() {
    UniqueFd client = client_socket();
    if (!client) return failure("cannot make a socket");
    if (::connect(client.get(), server_.raw(), server_.size) != 0) return failure("cannot connect");
    // Before anything else is sent: two CPUs that handle the handshake's ACK and what follows it at the same time make
    // a server's socket each, and the one too many goes from SYN_RECV to CLOSE, two transitions more than the shape
    // has.
    const auto server = acceptor_.accept(client.get());
    if (!server) return server.error();
    if (const auto sent = send_bytes(client.get(), traffic_.bytes); !sent) return sent.error();
    if (const auto read = read_bytes(server->get(), traffic_.bytes); !read) return read.error();
    switch (traffic_.shape) {
      case TcpShape::reset:
        return reset(std::move(client), server->get());
      case TcpShape::half_closed:
        return close_half(std::move(client), server->get());
      default:
        return close(std::move(client), server->get());
    }
  }

  [[nodiscard]] static Closed close(UniqueFd client, int server) {
    client = UniqueFd();
    const auto closed = Clock::now();
    if (const auto end = read_to_the_end(server, 0); !end) return end.error();
    // By shutdown(2): only of a socket that is still open can the last state be seen.
    if (::shutdown(server, SHUT_WR) != 0) return failure("cannot close the server's end");
    if (const auto done = wait_until_closed(server); !done) return done.error();
    return closed;
  }

  [[nodiscard]] static Closed close_half(UniqueFd client, int server) {
    if (::shutdown(client.get(), SHUT_WR) != 0) return failure("cannot close half a connection");
    if (const auto end = read_to_the_end(server, 0); !end) return end.error();
    constexpr std::size_t answer = 1;
    if (const auto sent = send_bytes(server, answer); !sent) return sent.error();
    if (::shutdown(server, SHUT_WR) != 0) return failure("cannot close the server's half");
    if (const auto end = read_to_the_end(client.get(), answer); !end) return end.error();
    client = UniqueFd();
    const auto closed = Clock::now();
    if (const auto done = wait_until_closed(server); !done) return done.error();
    return closed;
  }

  [[nodiscard]] static Closed reset(UniqueFd client, int server) {
    const linger at_once = {1, 0};
    if (::setsockopt(client.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)) != 0) {
      return failure("cannot set SO_LINGER");
    }
    client = UniqueFd();
    const auto closed = Clock::now();
    if (const auto done = wait_until_closed(server); !done) return done.error();
    return closed;
  }

  Acceptor acceptor_;
  const Address& server_;
  const TcpTraffic& traffic_;
};

}  // namespace

std::string loopback(TcpFamily family) {
  return family == TcpFamily::ipv6 ? "::1" : "127.0.0.1";
}

Result<TcpPort> TcpPort::bind(const At& at) {
  auto address = address_of(at);
  if (!address) return address.error();
  const std::string where = at.address + " port " + std::to_string(at.port);
  UniqueFd socket(::socket(domain_of(at.family), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return failure("cannot make a socket for " + where);
  const int on = 1;
  // Connections of the test before may still be in TIME_WAIT.
  if (::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
      ::bind(socket.get(), address->raw(), address->size) != 0 ||
      ::getsockname(socket.get(), address->raw(), &address->size) != 0) {
    return failure("cannot bind to " + where);
  }
  At bound = at;
  bound.port = port_of(*address);
  return TcpPort(std::move(bound), std::move(socket));
}

Result<TcpPort> TcpPort::listen(const At& at) {
  auto port = bind(at);
  if (port && ::listen(port->fd(), SOMAXCONN) != 0) return failure("cannot listen on " + at.address);
  return port;
}

Result<TcpPort> TcpPort::refuse(const At& at) {
  return bind(at);
}

Result<TcpDone> make_traffic(const TcpPort& port, const TcpTraffic& traffic) {
  if (traffic.bytes > most_bytes) return Error{Errc::invalid_argument, "a client sends at most 32768 bytes"};
  const auto server = address_of(port.at());
  if (!server) return server.error();
  int listens = 0;
  socklen_t size = sizeof(listens);
  if (::getsockopt(port.fd(), SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0) return failure("cannot ask the port");
  if ((listens == 0) != (traffic.shape == TcpShape::refused)) {
    return Error{Errc::invalid_argument, "refused connections need TcpPort::refuse(), all others TcpPort::listen()"};
  }
  Connections connections(port, *server, traffic);
  if (traffic.parallel <= 1) return connections.make(traffic.count);
  std::vector<Result<TcpDone>> parts(traffic.parallel, TcpDone{});
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < traffic.parallel; ++i) {
    const std::uint64_t share = traffic.count / traffic.parallel + (i < traffic.count % traffic.parallel ? 1 : 0);
    threads.emplace_back([&connections, &part = parts[i], share] { part = connections.make(share); });
  }
  for (auto& each : threads) each.join();
  TcpDone all;
  for (const auto& part : parts) {
    if (!part) return part.error();
    all.connections += part->connections;
    all.transitions += part->transitions;
    all.shorter_than_a_millisecond += part->shorter_than_a_millisecond;
  }
  return all;
}

Result<std::uint64_t> open_and_close_listeners(const TcpPort::At& at, std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i) {
    if (const auto opened = TcpPort::listen(at); !opened) return opened.error();
  }
  return count * transitions_of_a_listener;
}

}  // namespace sentinel::testing
