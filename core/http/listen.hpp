#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <sentinel/result.hpp>
#include <string>
#include <string_view>

#include "core/http/fd.hpp"

namespace sentinel::http {

/// An address to listen on, as `agent.listen` names it.
struct ListenAddress {
  std::string host;  ///< a name or an address without brackets; empty for every interface
  std::uint16_t port = 0;
};

/// Reads "127.0.0.1:8000", "[::1]:8000", "localhost:8000" or ":8000" (every interface); port 0 lets the kernel choose.
/// Errors: invalid_argument, with the forms that are understood.
[[nodiscard]] Result<ListenAddress> parse_listen(std::string_view text);

/// A listening TCP socket, non-blocking and close-on-exec.
struct TcpListener {
  Fd fd;
  std::string address;  ///< as bound: "127.0.0.1:8000", "[::]:8000"
  std::uint16_t port = 0;
};

/// Listens on \p address; the first address that its host resolves to is taken. Every interface means IPv6 and IPv4.
/// Errors name `agent.listen` and say what to do: exhausted when the port is taken, permission, not_found, failed.
[[nodiscard]] Result<TcpListener> listen_tcp(const ListenAddress& address);

/// A listening unix socket and its file of mode 0600. Destroying it removes the file, unless another agent's is there
/// by then.
class UnixListener {
 public:
  UnixListener() = default;
  UnixListener(UnixListener&& other) noexcept = default;
  UnixListener& operator=(UnixListener&&) = delete;
  ~UnixListener();

  Fd fd;  ///< non-blocking and close-on-exec; may be taken out, the file stays owned

 private:
  friend Result<UnixListener> listen_unix(const std::filesystem::path& path);
  std::filesystem::path path_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

/// Listens on \p path. A socket file that nobody listens on, left by an agent that died, is replaced.
/// Errors: exhausted when another process answers there; invalid_argument when the path is too long (107 bytes,
/// unix(7)) or something else than a socket is there; permission, not_found, failed.
[[nodiscard]] Result<UnixListener> listen_unix(const std::filesystem::path& path);

/// The peer of an accepted connection in words, "127.0.0.1:40312" or "[::1]:40312"; and its bare address.
struct PeerName {
  std::string text;
  std::string address;
};
[[nodiscard]] PeerName peer_of(int tcp_fd);
/// The bare address that an accepted connection arrived at: "127.0.0.1", "::1".
[[nodiscard]] std::string local_address_of(int tcp_fd);
/// Whether a bare address is a loopback one: 127.0.0.0/8, ::1, and the former mapped into IPv6.
[[nodiscard]] bool is_loopback(const std::string& address);

}  // namespace sentinel::http
