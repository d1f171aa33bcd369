#include "core/http/server.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>
#include <optional>
#include <utility>

#include "core/http/listen.hpp"
#include "core/http/session.hpp"

namespace sentinel::http {

namespace {

constexpr int accepted_in_one_go = 64;
constexpr std::chrono::milliseconds accept_pause{100};
constexpr std::string_view full =
    "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 37\r\n"
    "Connection: close\r\nRetry-After: 1\r\n\r\nToo many connections; try again soon\n";

std::string own_name() {
  std::array<char, 256> name = {};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? std::string(name.data()) : std::string();
}

/// A listening socket and the waiting on it. accept(2) is called here rather than by Asio, which can't ask for
/// close-on-exec: the agent starts child processes that must not inherit a client.
class Acceptor : public std::enable_shared_from_this<Acceptor> {
 public:
  Acceptor(std::shared_ptr<Hub> hub, int fd, bool tcp)
      : hub_(std::move(hub)), tcp_(tcp), listener_(hub_->control, fd), pause_(hub_->control) {}

  void wait() {
    listener_.async_wait(asio::posix::stream_descriptor::wait_read,
                         [self = shared_from_this()](const beast::error_code& error) {
                           if (!error && self->listener_.is_open()) self->accept();
                         });
  }

  void close() {
    beast::error_code ignored;
    listener_.close(ignored);
    pause_.cancel();
  }

 private:
  void accept() {
    for (int i = 0; i < accepted_in_one_go; ++i) {
      Fd fd(::accept4(listener_.native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (!fd) {
        if (errno == EAGAIN || errno == EWOULDBLOCK) break;
        if (errno == EINTR || errno == ECONNABORTED) continue;
        return rest(errno);
      }
      failing_ = false;
      take(std::move(fd));
    }
    wait();
  }

  /// Without descriptors left, accept(2) fails at once for ever: waits for some to come back.
  void rest(int error) {
    ++hub_->counters.accept_errors;
    if (!std::exchange(failing_, true)) {
      hub_->problem("cannot accept connections for now: " + std::generic_category().message(error));
    }
    pause_.expires_after(accept_pause);
    pause_.async_wait([self = shared_from_this()](const beast::error_code& cancelled) {
      if (!cancelled && self->listener_.is_open()) self->wait();
    });
  }

  void take(Fd fd) {
    ++hub_->counters.accepted;
    const Limits& limits = hub_->config.limits;
    if (tcp_ ? hub_->tcp_sessions >= limits.max_connections : hub_->unix_sessions >= limits.max_unix_connections) {
      ++hub_->counters.rejected;
      // Best effort: a fresh connection has room for it.
      const bool plain = !tcp_ || !hub_->guard.state()->tls;
      if (plain) (void)::send(fd.get(), full.data(), full.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      ::shutdown(fd.get(), SHUT_WR);
      return;
    }
    Peer peer;
    int family = AF_UNIX;
    if (tcp_) {
      const int on = 1;
      ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      const PeerName name = peer_of(fd.get());
      const auto& judge = hub_->config.is_loopback;
      peer.text = name.text;
      peer.via = (judge ? judge(name.address) : is_loopback(name.address)) ? Via::tcp_loopback : Via::tcp;
      peer.local_address = local_address_of(fd.get());
      family = AF_INET;
      hub_->guard.refresh(hub_->config.on_problem);
    }
    beast::error_code error;
    asio::generic::stream_protocol::socket socket(hub_->control);
    socket.assign(asio::generic::stream_protocol(family, 0), fd.get(), error);
    if (error) return;
    (void)fd.release();
    Session::start(hub_, std::move(socket), std::move(peer));
  }

  std::shared_ptr<Hub> hub_;
  bool tcp_;
  asio::posix::stream_descriptor listener_;
  asio::steady_timer pause_;
  bool failing_ = false;
};

void each_session(const Hub& hub, void (Session::*act)()) {
  // A copy, because a session that ends leaves the map.
  std::vector<std::shared_ptr<Session>> alive;
  for (const auto& [raw, weak] : hub.sessions) {
    if (auto session = weak.lock()) alive.push_back(std::move(session));
  }
  for (const auto& session : alive) (session.get()->*act)();
}

}  // namespace

struct Server::Impl {
  Impl(asio::io_context& control, ServerConfig config, Router& router)
      : hub(std::make_shared<Hub>(control, std::move(config), router)),
        grace(std::make_shared<asio::steady_timer>(control)) {}

  void close_listeners() {
    for (auto* acceptor : {&tcp, &unix_socket}) {
      if (*acceptor) (*acceptor)->close();
      acceptor->reset();
    }
    unix_file.reset();
  }

  std::shared_ptr<Hub> hub;
  std::shared_ptr<asio::steady_timer> grace;
  std::shared_ptr<Acceptor> tcp;
  std::shared_ptr<Acceptor> unix_socket;
  std::optional<UnixListener> unix_file;  // without its descriptor, which the acceptor has
  std::string address;
  std::uint16_t port = 0;
};

Server::Server(asio::io_context& control, ServerConfig config, Router& router)
    : impl_(std::make_unique<Impl>(control, std::move(config), router)) {}

Server::~Server() {
  Hub& hub = *impl_->hub;
  hub.gate->close();
  // What still lives in the loop must not reach back to what the server's owner destroys next.
  hub.on_empty = nullptr;
  hub.config.on_problem = nullptr;
  hub.router = nullptr;
  impl_->close_listeners();
  each_session(hub, &Session::abort);
}

Result<void> Server::start() {
  Hub& hub = *impl_->hub;
  if (auto loaded = hub.guard.reload(); !loaded) return loaded;
  if (hub.guard.state()->passwords && !hub.config.run_on_worker) {
    return Error{Errc::invalid_argument,
                 "basic_auth_users needs ServerConfig::run_on_worker, where passwords are checked"};
  }
  for (const std::string& note : hub.guard.state()->config.notes) hub.problem(note);
  TcpListener tcp;
  std::optional<UnixListener> unix_file;
  if (!hub.config.listen.empty()) {
    auto address = parse_listen(hub.config.listen);
    if (!address) return address.error().in("agent.listen");
    auto listener = listen_tcp(*address);
    if (!listener) return listener.error();
    tcp = std::move(*listener);
    // "0.0.0.0" is a name that a browser takes to this machine; no honest client uses it.
    const bool wildcard = address->host.empty() || address->host == "0.0.0.0" || address->host == "::";
    if (!wildcard) hub.config.known_hosts.push_back(address->host);
    if (auto name = own_name(); !name.empty()) hub.config.known_hosts.push_back(std::move(name));
  }
  if (!hub.config.unix_socket.empty()) {
    auto listener = listen_unix(hub.config.unix_socket);
    if (!listener) return listener.error();
    unix_file.emplace(std::move(*listener));
  }
  if (tcp.fd) {
    impl_->address = tcp.address;
    impl_->port = tcp.port;
    impl_->tcp = std::make_shared<Acceptor>(impl_->hub, tcp.fd.release(), true);
    impl_->tcp->wait();
  }
  if (unix_file) {
    impl_->unix_socket = std::make_shared<Acceptor>(impl_->hub, unix_file->fd.release(), false);
    impl_->unix_file.emplace(std::move(*unix_file));
    impl_->unix_socket->wait();
  }
  return {};
}

Result<void> Server::reload_web_config() {
  return impl_->hub->guard.reload();
}

void Server::stop(std::chrono::milliseconds grace, std::function<void()> stopped) {
  Hub& hub = *impl_->hub;
  impl_->close_listeners();
  hub.on_empty = [stopped = std::move(stopped), timer = impl_->grace] {
    timer->cancel();
    if (stopped) stopped();
  };
  each_session(hub, &Session::finish);
  if (hub.sessions.empty()) {
    auto done = [shared = impl_->hub] {
      if (shared->on_empty) std::exchange(shared->on_empty, nullptr)();
    };
    asio::post(hub.control, std::move(done));
    return;
  }
  impl_->grace->expires_after(grace);
  impl_->grace->async_wait([shared = impl_->hub](const beast::error_code& cancelled) {
    if (cancelled) return;
    each_session(*shared, &Session::abort);
  });
}

const std::string& Server::address() const {
  return impl_->address;
}

std::uint16_t Server::port() const {
  return impl_->port;
}

Counters Server::counters() const {
  const AtomicCounters& from = impl_->hub->counters;
  Counters counters;
  counters.connections_open = from.open;
  counters.connections_accepted = from.accepted;
  counters.connections_rejected = from.rejected;
  counters.accept_errors = from.accept_errors;
  counters.timeouts = from.timeouts;
  for (std::size_t i = 0; i < from.responses.size(); ++i) counters.responses[i] = from.responses[i];
  counters.tls_errors = from.tls_errors;
  counters.auth_errors = from.auth_errors;
  counters.bytes_sent = from.bytes_sent;
  return counters;
}

}  // namespace sentinel::http
