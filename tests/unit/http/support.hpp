#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "core/http/fd.hpp"
#include "core/http/router.hpp"
#include "core/http/server.hpp"

struct ssl_st;
struct ssl_ctx_st;

namespace sentinel::http::testing {

/// A deadline that no healthy test comes near.
inline constexpr std::chrono::seconds patience{30};

/// A folder that goes when the object does.
class TemporaryFolder {
 public:
  TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder();
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  /// Writes a file in it and returns its path.
  std::filesystem::path write(const std::string& name, std::string_view text) const;

 private:
  std::filesystem::path path_;
};

/// A server on a control loop of its own, on a port that the kernel chose unless the configuration says otherwise.
class LiveServer {
 public:
  explicit LiveServer(ServerConfig config = {});
  LiveServer(const LiveServer&) = delete;
  LiveServer& operator=(const LiveServer&) = delete;
  ~LiveServer();

  /// Empty when it started; else what start() said.
  [[nodiscard]] const std::string& start_error() const;
  [[nodiscard]] std::uint16_t port() const;
  [[nodiscard]] Counters counters() const;
  Server& server();
  /// Runs \p job on the control loop and waits for it.
  void on_loop(const std::function<void()>& job);
  /// Runs \p job on the control loop without waiting.
  void post(std::function<void()> job);
  /// stop() and wait for its callback; false when that did not come.
  bool stop(std::chrono::milliseconds grace);
  /// What the server complained of, a line each.
  [[nodiscard]] std::string problems() const;

  Router router;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// What came back over a raw socket.
struct Answer {
  int status = 0;  ///< 0: no complete answer came
  std::string head;
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string body;
};

/// A client that says exactly what it is told to, byte for byte.
class RawClient {
 public:
  RawClient() = default;
  RawClient(RawClient&&) = default;
  RawClient& operator=(RawClient&&) = default;
  static RawClient tcp(std::uint16_t port, int receive_buffer_bytes = 0);
  static RawClient unix_socket(const std::filesystem::path& path);

  [[nodiscard]] bool connected() const { return static_cast<bool>(fd_); }
  /// Speaks TLS from here on; false when the handshake failed. The server's certificate is not looked at. \p context is
  /// an SSL_CTX, which stays the caller's.
  bool start_tls(ssl_ctx_st* context);

  /// False when the other side stopped listening.
  bool send(std::string_view text);
  /// The next answer; \p to_head when no body follows whatever Content-Length says.
  Answer read(bool to_head = false);
  /// Whether the other side closes, in TLS by saying so; what it says before is thrown away.
  bool closed();
  void shut_sending();
  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  bool more();

  Fd fd_;
  std::shared_ptr<ssl_st> tls_;
  std::string pending_;
};

/// A handler that answers 200 with \p text, a newline added.
Handler says(std::string text);
Route add(LiveServer& live, std::string_view method, std::string_view path, Handler handler,
          Access access = Access::open);

/// One request on a connection of its own.
Answer ask(std::uint16_t port, std::string_view request, bool to_head = false);
/// "GET path HTTP/1.1" with a Host and the extra header lines, each ended by CRLF.
std::string get(std::string_view path, std::string_view extra = "");
std::string post(std::string_view path, std::string_view body, std::string_view extra = "");

/// What a gzip member holds; empty when it is broken.
std::string gunzip(std::string_view member);

/// Waits until \p condition holds; false when it does not in time.
bool eventually(const std::function<bool()>& condition);

}  // namespace sentinel::http::testing
