#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <sentinel/result.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "core/http/router.hpp"

namespace boost::asio {
class io_context;
}

namespace sentinel::http {

/// Bounds on what clients can make the agent hold or wait for.
struct Limits {
  std::size_t max_connections = 512;      ///< over TCP; one more is answered 503 and closed
  std::size_t max_unix_connections = 64;  ///< counted apart, so that a flood cannot lock the command line out
  std::uint32_t max_header_bytes = 16 * 1024;
  std::uint64_t max_body_bytes = 1024 * 1024;
  std::chrono::milliseconds header_timeout{10'000};   ///< from the first byte (or the accept) to the end of the header
  std::chrono::milliseconds body_timeout{30'000};     ///< for the whole body
  std::chrono::milliseconds handler_timeout{30'000};  ///< for the handler's answer; then 503
  std::chrono::milliseconds write_timeout{30'000};    ///< for the whole response, however slowly it is read
  std::chrono::milliseconds idle_timeout{60'000};     ///< between two requests of a connection
};

/// What the listener is told.
struct ServerConfig {
  std::string listen = "127.0.0.1:8000";  ///< see parse_listen(); empty: no TCP
  std::filesystem::path unix_socket;      ///< empty: none
  Limits limits;
  std::filesystem::path web_config;      ///< exporter-toolkit's file, see web_config.hpp; empty: plain HTTP, no users
  std::vector<std::string> known_hosts;  ///< further names under which this agent is asked for, without ports

  /// Runs a job on another thread than the control loop, or drops it. Passwords are checked there: needed with users.
  std::function<void(std::function<void()>)> run_on_worker;
  /// Told of what went wrong inside the server in one sentence, on the control loop. May be empty.
  std::function<void(std::string_view)> on_problem;
  /// Says whether a bare peer address is loopback; empty: the real answer.
  std::function<bool(const std::string&)> is_loopback;
};

/// What the listener did so far.
struct Counters {
  std::uint64_t connections_open = 0;
  std::uint64_t connections_accepted = 0;
  std::uint64_t connections_rejected = 0;       ///< over the limit
  std::uint64_t accept_errors = 0;              ///< accept(2) failed, for want of descriptors for example
  std::uint64_t timeouts = 0;                   ///< a limit of time passed, whichever
  std::uint64_t tls_errors = 0;                 ///< handshakes that failed
  std::uint64_t auth_errors = 0;                ///< requests without a valid password where one is needed
  std::array<std::uint64_t, 6> responses = {};  ///< by class, [2] is 200 to 299; counted as the sending begins
  std::uint64_t bytes_sent = 0;                 ///< header and body, before TLS
};

/// The one listener of the agent: HTTP/1.1 on a TCP address and on a unix socket.
///
/// All its work is on the control loop, which exactly one thread runs. Every function is called there, or while nobody
/// runs the loop, except counters(). The Router and the io_context outlive the Server; a Reply need not.
class Server {
 public:
  Server(boost::asio::io_context& control, ServerConfig config, Router& router);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  /// Closes what stop() has not.
  ~Server();

  /// Opens the listeners, or neither of them. Errors name the configuration key and what to do. Once per object.
  Result<void> start();

  /// Reads the web configuration and its certificates again, for the requests that come next. The server also does so
  /// by itself, at most once a second, when a request finds one of the files changed. On an error the former one stays.
  Result<void> reload_web_config();

  /// Stops accepting, removes the socket file, closes idle connections, gives requests in flight \p grace and then
  /// closes those too. \p stopped runs once on the control loop when the last connection has gone. Once per object.
  void stop(std::chrono::milliseconds grace, std::function<void()> stopped);

  /// The TCP address as bound, "127.0.0.1:8000"; empty before start() or without TCP.
  [[nodiscard]] const std::string& address() const;
  /// The TCP port as bound; 0 before start() or without TCP.
  [[nodiscard]] std::uint16_t port() const;
  /// Any thread.
  [[nodiscard]] Counters counters() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sentinel::http
