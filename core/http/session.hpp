#pragma once

// Internal to core/http: the only header of it that includes Asio and Beast.

#include <array>
#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/http/access.hpp"
#include "core/http/fd.hpp"
#include "core/http/message.hpp"
#include "core/http/router.hpp"
#include "core/http/server.hpp"
#include "core/http/web_guard.hpp"

namespace sentinel::http {

namespace asio = boost::asio;
namespace beast = boost::beast;

/// Brings answers from any thread to the control loop, until the server closes it.
class Gate {
 public:
  explicit Gate(asio::io_context& control) : control_(control) {}

  /// Runs \p job on the control loop (at once when called there), or drops it when the gate is closed.
  void pass(std::function<void()> job);
  void close();

 private:
  std::mutex mutex_;
  bool open_ = true;
  asio::io_context& control_;
};

struct AtomicCounters {
  std::atomic<std::uint64_t> open = 0;
  std::atomic<std::uint64_t> accepted = 0;
  std::atomic<std::uint64_t> rejected = 0;
  std::atomic<std::uint64_t> accept_errors = 0;
  std::atomic<std::uint64_t> timeouts = 0;
  std::atomic<std::uint64_t> tls_errors = 0;
  std::atomic<std::uint64_t> auth_errors = 0;
  std::array<std::atomic<std::uint64_t>, 6> responses = {};
  std::atomic<std::uint64_t> bytes_sent = 0;
};

class Session;

/// What the connections of one server share. Control loop only, but for `counters` and `gate`.
struct Hub {
  Hub(asio::io_context& loop, ServerConfig settings, Router& routes)
      : control(loop),
        config(std::move(settings)),
        router(&routes),
        gate(std::make_shared<Gate>(loop)),
        guard(config.web_config) {}

  void problem(std::string_view sentence) const {
    if (config.on_problem) config.on_problem(sentence);
  }

  asio::io_context& control;
  ServerConfig config;
  Router* router;
  std::shared_ptr<Gate> gate;
  WebGuard guard;
  AtomicCounters counters;
  std::unordered_map<Session*, std::weak_ptr<Session>> sessions;
  std::size_t tcp_sessions = 0;
  std::size_t unix_sessions = 0;
  std::size_t password_checks = 0;  // that a worker is doing
  std::function<void()> on_empty;
};

/// Who is at the other end of a connection.
struct Peer {
  std::string text = "unix";
  Via via = Via::unix_socket;
  std::string local_address;
};

/// One connection: reads a request, has it answered, writes the answer, and so on. Lives as long as its coroutine.
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(std::shared_ptr<Hub> hub, asio::generic::stream_protocol::socket socket, Peer peer);

  /// Puts an accepted connection to work.
  static void start(std::shared_ptr<Hub> hub, asio::generic::stream_protocol::socket socket, Peer peer);

  /// Ends when the request in hand is answered; at once when there is none.
  void finish();
  /// Ends now.
  void abort();

 private:
  using Socket = asio::generic::stream_protocol::socket;
  using Parser = beast::http::request_parser<beast::http::string_body>;

  /// What the connection waits for, and therefore what a passed deadline means.
  enum class Phase { handshake, idle, header, body, handler, write, close };

  static asio::awaitable<void> serve_plain(std::shared_ptr<Session> self);
  static asio::awaitable<void> serve_tls(std::shared_ptr<Session> self);
  template <class Stream>
  asio::awaitable<void> serve(Stream& stream);
  template <class Stream>
  asio::awaitable<bool> exchange(Stream& stream);
  template <class Stream>
  asio::awaitable<bool> read_header(Stream& stream);
  template <class Stream>
  asio::awaitable<bool> read_body(Stream& stream);
  asio::awaitable<void> authenticate();
  asio::awaitable<void> answer();
  asio::awaitable<void> explain_tls();
  template <class Stream>
  asio::awaitable<bool> write(Stream& stream);
  asio::awaitable<void> drain();

  void watch(Phase phase, std::chrono::milliseconds limit);
  void expired();
  void take_header();
  void route();
  void take_read_error(const beast::error_code& error);
  void refuse(Response response);
  void respond(std::uint64_t exchange, Response response);
  Reply make_reply();
  void start_password_check(const std::shared_ptr<Passwords>& passwords, const Credentials& credentials);

  std::shared_ptr<Hub> hub_;
  Socket socket_;
  Peer peer_;
  asio::steady_timer deadline_;
  asio::steady_timer answered_;          // never expires; cancelled when the answer is there
  std::shared_ptr<const WebState> web_;  // as it was at the accept; null on the unix socket
  bool certified_ = false;               // the client showed a certificate that was verified
  Phase phase_ = Phase::header;
  std::uint64_t watch_id_ = 0;
  bool expired_ = false;
  bool finishing_ = false;
  bool first_ = true;

  beast::flat_buffer buffer_;
  std::optional<Parser> parser_;
  Request request_;
  Router::Match match_;
  std::uint64_t exchange_ = 0;
  std::optional<bool> password_ok_;
  std::optional<Response> response_;
  bool keep_alive_ = false;
  bool unread_ = false;  // the client may still be sending what nobody will read
};

}  // namespace sentinel::http
