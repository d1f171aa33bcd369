#pragma once

#include <cstddef>
#include <cstdint>
#include <sentinel/procfs/unique_fd.hpp>
#include <sentinel/result.hpp>
#include <string>
#include <utility>

/// TCP connections of an exact shape, so that what a collector counts can be held to the event. Both ends are the
/// test's. When a call returns, each of its sockets has gone through all its states, and is closed (TIME_WAIT is the
/// kernel's own, and no state of the socket). All is bounded by the count and by a deadline.
namespace sentinel::testing {

/// Which sockets speak to which: AF_INET; AF_INET6 with its own addresses; AF_INET6 at both ends with IPv4 addresses
/// mapped into it (::ffff:127.0.0.1).
enum class TcpFamily { ipv4, ipv6, v4_mapped };

/// A family's address of loopback.
[[nodiscard]] std::string loopback(TcpFamily family);

/// The server's end of the traffic: a port at an address of the network namespace that the thread is in.
class TcpPort {
 public:
  struct At {
    TcpFamily family = TcpFamily::ipv4;
    std::string address = loopback(family);  ///< as inet_pton(3) reads it; "192.0.2.1" will do for v4_mapped
    std::uint16_t port = 0;                  ///< 0: the kernel chooses
  };

  /// Listens. Opening it is one transition (CLOSE to LISTEN), its end another. Errors: invalid_argument, failed.
  static Result<TcpPort> listen(const At& at);
  /// Keeps the port to itself and refuses whoever connects. No transition.
  static Result<TcpPort> refuse(const At& at);

  [[nodiscard]] const At& at() const { return at_; }  ///< with the port that it has
  [[nodiscard]] std::uint16_t port() const { return at_.port; }
  [[nodiscard]] int fd() const { return socket_.get(); }

 private:
  TcpPort(At at, procfs::UniqueFd socket) : at_(std::move(at)), socket_(std::move(socket)) {}
  static Result<TcpPort> bind(const At& at);

  At at_;
  procfs::UniqueFd socket_;
};

enum class TcpShape {
  graceful,     ///< the client closes, then the server
  half_closed,  ///< the client closes its half, the server answers into the open one and closes
  reset,    ///< the client closes with a reset (SO_LINGER of 0); not where segments are lost, for a reset is never sent
            ///< again
  refused,  ///< the port refuses (TcpPort::refuse)
};

/// Transitions (sock/inet_sock_set_state) of one connection of a shape, both ends together: the client's 5 and the
/// server's 5 of a closed one, 3 and 3 of a reset one, 2 of a refused one.
[[nodiscard]] constexpr std::uint64_t transitions_of(TcpShape shape) {
  return shape == TcpShape::refused ? 2 : shape == TcpShape::reset ? 6 : 10;
}
inline constexpr std::uint64_t transitions_of_a_listener = 2;

struct TcpTraffic {
  TcpShape shape = TcpShape::graceful;
  std::uint64_t count = 1;
  /// How many threads connect at once, of the process' and with the caller's network namespace; the count is shared
  /// out.
  unsigned parallel = 1;
  /// Sent by each client and read by the server before anything closes; at most 32,768, none of a refused connection.
  std::size_t bytes = 0;
};

/// What was done.
struct TcpDone {
  std::uint64_t connections = 0;
  std::uint64_t transitions = 0;
  /// Connections whose client's socket was closed less than a millisecond after it began to connect.
  std::uint64_t shorter_than_a_millisecond = 0;
};

/// Makes the connections, from the network namespace that the thread is in. Errors: invalid_argument when shape and
/// port don't fit, or there are too many bytes; timeout when a connection does not go on for 30 s; failed.
Result<TcpDone> make_traffic(const TcpPort& port, const TcpTraffic& traffic);

/// Opens and closes listeners, one after the other. Returns their transitions. Errors as TcpPort::listen.
Result<std::uint64_t> open_and_close_listeners(const TcpPort::At& at, std::uint64_t count);

}  // namespace sentinel::testing
