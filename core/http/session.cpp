#include "core/http/session.hpp"

#include <sys/socket.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/read.hpp>
#include <exception>
#include <utility>
#include <vector>

#include "core/http/encoding.hpp"
#include "core/http/respond.hpp"
#include "core/http/target.hpp"

// g++ 12 destroys an aggregate that is created inside a co_await expression twice, so none is: what an awaited step
// needs is named first, or is a member.

namespace sentinel::http {

namespace {

constexpr std::size_t first_read_bytes = 4096;
constexpr std::size_t most_drained_bytes = 4 * 1024 * 1024;
constexpr std::size_t drain_bytes = 16 * 1024;
constexpr std::size_t most_password_checks = 16;
constexpr std::chrono::milliseconds close_timeout{2'000};

/// What a parser's error means for the client; 0 when there is no client to tell.
int status_of(const beast::error_code& code) {
  using beast::http::error;
  if (code == error::header_limit) return 431;
  if (code == error::body_limit || code == error::buffer_overflow) return 413;
  if (code == error::bad_version) return 505;
  if (code == error::end_of_stream || code == error::partial_message) return 0;
  return code.category() == beast::http::make_error_code(error::bad_method).category() ? 400 : 0;
}

}  // namespace

void Gate::pass(std::function<void()> job) {
  {
    const std::scoped_lock lock(mutex_);
    if (!open_) return;
    if (!control_.get_executor().running_in_this_thread()) {
      asio::post(control_, std::move(job));
      return;
    }
  }
  job();
}

void Gate::close() {
  const std::scoped_lock lock(mutex_);
  open_ = false;
}

Session::Session(std::shared_ptr<Hub> hub, Socket socket, Peer peer)
    : hub_(std::move(hub)),
      socket_(std::move(socket)),
      peer_(std::move(peer)),
      deadline_(hub_->control),
      answered_(hub_->control, asio::steady_timer::time_point::max()),
      buffer_(2 * hub_->config.limits.max_header_bytes) {}

void Session::start(std::shared_ptr<Hub> hub, Socket socket, Peer peer) {
  auto self = std::make_shared<Session>(hub, std::move(socket), std::move(peer));
  std::size_t& count = self->peer_.via == Via::unix_socket ? hub->unix_sessions : hub->tcp_sessions;
  ++count;
  ++hub->counters.open;
  hub->sessions.emplace(self.get(), self);
  auto ended = [hub, self, &count](const std::exception_ptr& error) {
    self->deadline_.cancel();
    hub->sessions.erase(self.get());
    --count;
    --hub->counters.open;
    if (error) hub->problem("a connection ended by an exception inside the server; the client saw it close");
    if (hub->sessions.empty() && hub->on_empty) std::exchange(hub->on_empty, nullptr)();
  };
  if (self->peer_.via != Via::unix_socket) self->web_ = hub->guard.state();
  const bool tls = self->web_ && self->web_->tls;
  asio::co_spawn(hub->control, tls ? serve_tls(self) : serve_plain(self), std::move(ended));
}

void Session::finish() {
  finishing_ = true;
  if (phase_ == Phase::idle || (phase_ == Phase::header && first_)) abort();
}

void Session::abort() {
  finishing_ = true;
  beast::error_code ignored;
  socket_.close(ignored);
  answered_.cancel();
}

void Session::watch(Phase phase, std::chrono::milliseconds limit) {
  phase_ = phase;
  deadline_.expires_after(limit);
  deadline_.async_wait([weak = weak_from_this(), id = ++watch_id_](const beast::error_code& error) {
    const auto self = weak.lock();
    if (!error && self && self->watch_id_ == id) self->expired();
  });
}

void Session::expired() {
  expired_ = true;
  ++hub_->counters.timeouts;
  beast::error_code ignored;
  switch (phase_) {
    case Phase::header:
    case Phase::body:
      // The reading side alone: the client still gets its 408.
      socket_.shutdown(Socket::shutdown_receive, ignored);
      socket_.cancel(ignored);
      break;
    case Phase::handler:
      answered_.cancel();
      break;
    case Phase::handshake:
    case Phase::idle:
    case Phase::write:
    case Phase::close:
      abort();
      break;
  }
}

asio::awaitable<void> Session::serve_plain(std::shared_ptr<Session> self) {
  co_await self->serve(self->socket_);
  const bool unread = self->unread_ || self->buffer_.size() > 0;
  if (unread && self->socket_.is_open()) co_await self->drain();
  self->abort();
}

asio::awaitable<void> Session::serve_tls(std::shared_ptr<Session> self) {
  beast::error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  asio::ssl::stream<Socket&> stream(self->socket_, *self->web_->tls);
  self->watch(Phase::handshake, self->hub_->config.limits.header_timeout);
  co_await stream.async_handshake(asio::ssl::stream_base::server, token);
  if (error) {
    ++self->hub_->counters.tls_errors;
    const bool plain =
        error.category() == asio::error::get_ssl_category() && ERR_GET_REASON(error.value()) == SSL_R_HTTP_REQUEST;
    if (plain) co_await self->explain_tls();
  } else {
    self->certified_ = peer_is_verified(stream.native_handle(), *self->web_->config.tls);
    co_await self->serve(stream);
    if (self->socket_.is_open()) {
      self->watch(Phase::close, close_timeout);
      co_await stream.async_shutdown(token);
    }
    if (self->unread_ && self->socket_.is_open()) co_await self->drain();
  }
  self->abort();
}

asio::awaitable<void> Session::explain_tls() {
  beast::error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  const Response response = Response::text(400, "This port speaks HTTPS; ask with https://.");
  const std::string text = render_head(response, false, false) + response.body;
  const auto bytes = asio::buffer(text);
  watch(Phase::write, close_timeout);
  co_await asio::async_write(socket_, bytes, token);
  ++hub_->counters.responses[4];
  if (socket_.is_open()) co_await drain();
}

template <class Stream>
asio::awaitable<void> Session::serve(Stream& stream) {
  bool more = true;
  while (more) more = co_await exchange(stream);
}

template <class Stream>
asio::awaitable<bool> Session::exchange(Stream& stream) {
  response_.reset();
  keep_alive_ = false;
  unread_ = false;
  bool alive = co_await read_header(stream);
  if (alive && !response_) co_await authenticate();
  alive = alive && socket_.is_open();
  if (alive && !response_) route();
  if (alive && !response_) alive = co_await read_body(stream);
  if (alive && !response_) co_await answer();
  if (!alive || !response_) co_return false;
  alive = co_await write(stream);
  co_return alive&& keep_alive_;
}

template <class Stream>
asio::awaitable<bool> Session::read_header(Stream& stream) {
  const Limits& limits = hub_->config.limits;
  beast::error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  parser_.reset();
  if (buffer_.size() == 0) {
    // An idle connection holds no more than this.
    buffer_.clear();
    buffer_.shrink_to_fit();
    watch(first_ ? Phase::header : Phase::idle, first_ ? limits.header_timeout : limits.idle_timeout);
    const auto space = buffer_.prepare(first_read_bytes);
    const std::size_t got = co_await stream.async_read_some(space, token);
    if (error || finishing_ || expired_) co_return false;
    buffer_.commit(got);
  }
  first_ = false;
  watch(Phase::header, limits.header_timeout);
  parser_.emplace();
  parser_->header_limit(limits.max_header_bytes);
  parser_->body_limit(limits.max_body_bytes);
  co_await beast::http::async_read_header(stream, buffer_, *parser_, token);
  if (!socket_.is_open()) co_return false;
  if (error || expired_) {
    take_read_error(error == beast::http::error::buffer_overflow ? beast::http::error::header_limit : error);
    co_return response_.has_value();
  }
  take_header();
  co_return true;
}

void Session::take_read_error(const beast::error_code& error) {
  unread_ = true;
  if (expired_) {
    response_ = Response::text(408, "The request did not arrive in time.");
    return;
  }
  switch (const int status = status_of(error)) {
    case 0:
      return;
    case 413:
      response_ = Response::text(status, "The body is larger than this agent takes.");
      return;
    case 431:
      response_ = Response::text(status, "The header is larger than this agent takes.");
      return;
    case 505:
      response_ = Response::text(status, "This agent speaks HTTP/1.0 and HTTP/1.1.");
      return;
    default:
      response_ = Response::text(status, "The request is malformed: " + error.message() + ".");
  }
}

void Session::refuse(Response response) {
  response_ = std::move(response);
  // Without the body read, where the next request would begin is unknown.
  unread_ = !parser_->is_done();
  if (unread_) keep_alive_ = false;
}

void Session::take_header() {
  const auto& message = parser_->get();
  keep_alive_ = parser_->keep_alive() && !finishing_;
  request_ = Request();
  request_.method = message.method_string();
  request_.peer = peer_.text;
  request_.via = peer_.via;
  std::size_t hosts = 0;
  bool foreign_coding = false;
  for (const auto& field : message) {
    request_.headers.push_back({std::string(field.name_string()), std::string(field.value())});
    if (field.name() == beast::http::field::host) ++hosts;
    if (field.name() == beast::http::field::transfer_encoding) {
      foreign_coding = foreign_coding || !same_name(request_.headers.back().value, "chunked");
    }
  }
  request_.host = request_.header("host");
  if (request_.via == Via::tcp_loopback && is_forwarded(request_)) request_.via = Via::tcp;

  auto target = parse_target(std::string_view(message.target().data(), message.target().size()));
  if (!target) return refuse(Response::text(400, "The request target is no path, or badly encoded."));
  if (hosts > 1 || (hosts == 0 && message.version() >= 11)) {
    return refuse(Response::text(400, "A request has one Host header."));
  }
  if (foreign_coding) return refuse(Response::text(501, "No transfer coding but chunked is understood."));
  request_.path = std::move(target->path);
  request_.query = std::move(target->query);
}

asio::awaitable<void> Session::authenticate() {
  if (peer_.via == Via::unix_socket) co_return;
  hub_->guard.refresh(hub_->config.on_problem);
  const std::shared_ptr<Passwords> passwords = hub_->guard.state()->passwords;
  if (!passwords) co_return;

  const std::optional<Credentials> credentials = parse_basic(request_.header("authorization"));
  password_ok_.reset();
  if (!credentials) {
    password_ok_ = false;
  } else if (passwords->remembers(*credentials)) {
    password_ok_ = true;
  } else if (hub_->password_checks >= most_password_checks || !hub_->config.run_on_worker) {
    refuse(Response::text(503, "Too many passwords are being checked; try again soon."));
    co_return;
  } else {
    watch(Phase::handler, hub_->config.limits.handler_timeout);
    ++exchange_;
    start_password_check(passwords, *credentials);
    beast::error_code error;
    auto token = asio::redirect_error(asio::use_awaitable, error);
    while (!password_ok_ && !expired_ && socket_.is_open()) co_await answered_.async_wait(token);
    if (!password_ok_) {
      expired_ = false;
      refuse(Response::text(503, "The password could not be checked in time; try again later."));
      co_return;
    }
  }
  if (*password_ok_) {
    request_.user = credentials->user;
    co_return;
  }
  ++hub_->counters.auth_errors;
  Response response = Response::text(401, "This needs a user and a password (basic_auth_users in agent.web_config).");
  response.headers.push_back({"WWW-Authenticate", "Basic realm=\"sentinel\", charset=\"UTF-8\""});
  refuse(std::move(response));
}

void Session::start_password_check(const std::shared_ptr<Passwords>& passwords, const Credentials& credentials) {
  // Counted until the job is gone, run or dropped, so that what piles up in front of a busy worker stays bounded.
  const std::shared_ptr<void> ticket(nullptr, [gate = hub_->gate, hub = std::weak_ptr<Hub>(hub_)](void*) {
    gate->pass([hub] {
      if (const auto alive = hub.lock()) --alive->password_checks;
    });
  });
  ++hub_->password_checks;
  hub_->config.run_on_worker(
      [passwords, credentials, ticket, gate = hub_->gate, weak = weak_from_this(), exchange = exchange_] {
        const bool ok = passwords->check(credentials);
        gate->pass([weak, exchange, ok] {
          const auto self = weak.lock();
          if (!self || self->exchange_ != exchange) return;
          self->password_ok_ = ok;
          self->answered_.cancel();
        });
      });
}

void Session::route() {
  match_ = hub_->router->find(request_.method, request_.path);
  if (!match_.entry && match_.allow.empty()) {
    return refuse(Response::text(404, "Nothing is served here; / lists what is."));
  }
  if (!match_.entry) {
    Response response = Response::text(405, "This path answers " + match_.allow + ".");
    response.headers.push_back({"Allow", match_.allow});
    return refuse(std::move(response));
  }
  const Caller caller{certified_ || !request_.user.empty(), peer_.local_address};
  if (auto refused = refusal(request_, match_.access, caller, hub_->config.known_hosts)) {
    return refuse(std::move(*refused));
  }
  if (!is_write(request_.method) && !parser_->is_done()) {
    return refuse(Response::text(413, request_.method + " carries no body here."));
  }
}

template <class Stream>
asio::awaitable<bool> Session::read_body(Stream& stream) {
  beast::error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  watch(Phase::body, hub_->config.limits.body_timeout);
  if (!parser_->is_done()) {
    const std::string_view expect = request_.header("expect");
    if (!expect.empty() && !same_name(expect, "100-continue")) {
      refuse(Response::text(417, "The only expectation that is met is 100-continue."));
      co_return true;
    }
    if (!expect.empty() && buffer_.size() == 0) {
      static constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
      const auto bytes = asio::buffer(go_on.data(), go_on.size());
      co_await asio::async_write(stream, bytes, token);
      if (error) co_return false;
    }
    co_await beast::http::async_read(stream, buffer_, *parser_, token);
    if (!socket_.is_open()) co_return false;
    if (error || expired_) {
      keep_alive_ = false;
      take_read_error(error);
      co_return response_.has_value();
    }
  }
  request_.body = std::move(parser_->get().body());
  if (auto refused = body_refusal(request_)) refuse(std::move(*refused));
  co_return true;
}

Reply Session::make_reply() {
  const bool zip = accepts_gzip(joined(request_.headers, "accept-encoding"));
  auto deliver = [gate = hub_->gate, weak = weak_from_this(), exchange = exchange_, zip](Response response) {
    encode(response, zip);
    auto job = [weak, exchange, response = std::move(response)]() mutable {
      if (const auto self = weak.lock()) self->respond(exchange, std::move(response));
    };
    gate->pass(std::move(job));
  };
  return Reply(std::move(deliver));
}

void Session::respond(std::uint64_t exchange, Response response) {
  if (exchange != exchange_ || response_ || phase_ != Phase::handler) return;
  response_ = std::move(response);
  answered_.cancel();
}

asio::awaitable<void> Session::answer() {
  const std::string name = request_.method + " " + request_.path;
  watch(Phase::handler, hub_->config.limits.handler_timeout);
  ++exchange_;
  {
    // In a scope, because the last copy of a Reply that goes unanswered answers 500.
    const Reply reply = make_reply();
    try {
      if (!Router::call(match_, std::move(request_), reply)) {
        reply(Response::text(404, "Nothing is served here any more; / lists what is."));
      }
    } catch (const std::exception& problem) {
      hub_->problem(name + ": the handler threw: " + problem.what());
    } catch (...) {
      hub_->problem(name + ": the handler threw something that is no std::exception");
    }
  }
  match_ = Router::Match();
  beast::error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  while (!response_ && !expired_ && socket_.is_open()) co_await answered_.async_wait(token);
  if (!response_ && expired_) {
    response_ = Response::text(503, "The answer took too long; try again later.");
    expired_ = false;
  }
  ++exchange_;
  keep_alive_ = keep_alive_ && !finishing_;
}

template <class Stream>
asio::awaitable<bool> Session::write(Stream& stream) {
  beast::error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  const bool head_only = parser_ && parser_->is_header_done() && parser_->get().method() == beast::http::verb::head;
  const bool old = parser_ && parser_->is_header_done() && parser_->get().version() < 11;
  const std::string head = render_head(*response_, keep_alive_, old, hub_->guard.state()->config.headers);
  std::array<asio::const_buffer, 2> parts = {asio::buffer(head), asio::buffer(response_->body)};
  if (head_only || !has_body(response_->status)) parts[1] = {};
  ++hub_->counters.responses[static_cast<std::size_t>(response_->status / 100)];
  watch(Phase::write, hub_->config.limits.write_timeout);
  const std::size_t sent = co_await asio::async_write(stream, parts, token);
  hub_->counters.bytes_sent += sent;
  response_.reset();
  co_return !error && !expired_;
}

// A close with unread bytes makes the kernel send a reset, and the reset may overtake the answer. So what a client goes
// on sending is read for a while: enough for a body a few times too large to end and its sender to look at the answer.
asio::awaitable<void> Session::drain() {
  beast::error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  watch(Phase::close, close_timeout);
  socket_.shutdown(Socket::shutdown_send, error);
  std::vector<char> scrap(drain_bytes);
  const auto space = asio::buffer(scrap);
  std::size_t drained = 0;
  while (!error && drained < most_drained_bytes) drained += co_await socket_.async_read_some(space, token);
}

}  // namespace sentinel::http
