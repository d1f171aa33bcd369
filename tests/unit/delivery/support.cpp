#include "support.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <cctype>
#include <csignal>
#include <cstdlib>

#include "core/delivery/entry.hpp"

namespace sentinel::delivery::testing {

namespace json = boost::json;

namespace {

constexpr std::chrono::milliseconds between_bytes(20);

std::string at(const json::value& alert, std::string_view field) {
  return std::string(alert.at(field).as_string());
}

}  // namespace

Notification firing(const std::string& name, std::int64_t starts_at_ns) {
  Notification notification;
  notification.fingerprint = hash_of(name);
  notification.labels = {{"alertname", name}, {"instance", "box"}};
  notification.annotations = {{"summary", name + " is high"}};
  notification.starts_at_ns = starts_at_ns;
  return notification;
}

Notification resolved(const std::string& name, std::int64_t starts_at_ns, std::int64_t ends_at_ns) {
  Notification notification = firing(name, starts_at_ns);
  notification.firing = false;
  notification.ends_at_ns = ends_at_ns;
  return notification;
}

Notification with(Notification notification, const std::string& annotation, const std::string& text) {
  notification.annotations[annotation] = text;
  return notification;
}

json::value Received::json() const {
  boost::system::error_code bad;
  auto value = json::parse(body, bad);
  EXPECT_FALSE(bad) << bad.message() << "\n" << body;
  return value;
}

struct Server::Connection {
  Fd fd;
  std::shared_ptr<SSL> tls;
  std::string pending;

  bool more() {
    std::array<char, 65536> chunk = {};
    const int space = static_cast<int>(chunk.size());
    const ssize_t got = tls ? ::SSL_read(tls.get(), chunk.data(), space) : ::read(fd.get(), chunk.data(), chunk.size());
    if (got <= 0) return false;
    pending.append(chunk.data(), static_cast<std::size_t>(got));
    return true;
  }
  bool send(std::string_view text) const {
    while (!text.empty()) {
      const ssize_t sent = tls ? ::SSL_write(tls.get(), text.data(), static_cast<int>(text.size()))
                               : ::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
};

Server::Server(Script script, const http::testing::Identity* identity, std::uint16_t port)
    : script_(std::move(script)), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes with write(2)
  if (identity != nullptr) {
    tls_.reset(::SSL_CTX_new(::TLS_server_method()), ::SSL_CTX_free);
    ::SSL_CTX_use_certificate(tls_.get(), identity->certificate());
    ::SSL_CTX_use_PrivateKey(tls_.get(), identity->key());
  }
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  socklen_t size = sizeof address;
  const int on = 1;
  ::setsockopt(listener_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      ::listen(listener_.get(), 128) != 0 ||
      ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    std::abort();
  }
  port_ = ntohs(address.sin_port);
  accepting_ = std::thread([this] { accept_all(); });
}

Server::~Server() {
  std::unique_lock lock(mutex_);
  ending_ = true;
  ::shutdown(listener_.get(), SHUT_RDWR);
  for (const int fd : open_) ::shutdown(fd, SHUT_RDWR);
  changed_.notify_all();
  changed_.wait(lock, [this] { return serving_ == 0; });
  lock.unlock();
  accepting_.join();
}

std::string Server::url(const std::string& path) const {
  return std::string(tls_ ? "https" : "http") + "://127.0.0.1:" + std::to_string(port_) + path;
}

void Server::accept_all() {
  for (;;) {
    Fd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    const std::scoped_lock lock(mutex_);
    if (ending_) return;
    if (!fd) continue;
    ++connections_;
    ++serving_;
    open_.insert(fd.get());
    std::thread([this, connection = std::make_shared<Connection>(Connection{std::move(fd), nullptr, {}})] {
      serve(*connection);
      const std::scoped_lock done(mutex_);
      open_.erase(connection->fd.get());
      connection->tls.reset();
      connection->fd.reset();
      --serving_;
      changed_.notify_all();
    }).detach();
  }
}

bool Server::wait_for_end(std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, limit, [this] { return ending_; });
}

void Server::serve(Connection& connection) {
  if (tls_) {
    connection.tls.reset(::SSL_new(tls_.get()), ::SSL_free);
    ::SSL_set_fd(connection.tls.get(), connection.fd.get());
    if (::SSL_accept(connection.tls.get()) != 1) return;
  }
  std::size_t head_end = 0;
  while ((head_end = connection.pending.find("\r\n\r\n")) == std::string::npos) {
    if (!connection.more()) return;
  }
  Received request;
  std::string head = connection.pending.substr(0, head_end + 2);
  const auto first = head.substr(0, head.find("\r\n"));
  request.target = first.substr(first.find(' ') + 1, first.rfind(' ') - first.find(' ') - 1);
  for (std::size_t line = head.find("\r\n") + 2; line < head.size();) {
    const auto end = head.find("\r\n", line);
    const auto colon = head.find(':', line);
    std::string name = head.substr(line, colon - line);
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
    request.headers[name] = head.substr(colon + 2, end - colon - 2);
    line = end + 2;
  }
  const std::size_t length = std::stoul(request.headers["content-length"]);
  connection.pending.erase(0, head_end + 4);
  while (connection.pending.size() < length) {
    if (!connection.more()) return;
  }
  request.body = connection.pending.substr(0, length);
  const Reaction reaction = script_(request);
  {
    const std::scoped_lock lock(mutex_);
    received_.push_back(std::move(request));
  }
  react(connection, reaction);
}

void Server::react(Connection& connection, const Reaction& reaction) {
  using Way = Reaction::Way;
  const std::string head = "HTTP/1.1 " + std::to_string(reaction.status) + " Said\r\n" + reaction.headers;
  const std::string answer =
      head + "Content-Length: " + std::to_string(reaction.body.size()) + "\r\n\r\n" + reaction.body;
  switch (reaction.way) {
    case Way::answer:
      connection.send(answer);
      if (connection.tls) ::SSL_shutdown(connection.tls.get());
      break;
    case Way::hang:
      while (!wait_for_end(patience)) continue;
      break;
    case Way::close:
      break;
    case Way::half:
      connection.send(answer.substr(0, answer.size() - 1));
      break;
    case Way::trickle:
      for (const char c : answer.substr(0, answer.size() - 1)) {
        if (!connection.send({&c, 1}) || wait_for_end(between_bytes)) return;
      }
      while (!wait_for_end(patience)) continue;
      break;
    case Way::endless: {
      const std::string block(65536, 'x');
      if (!connection.send(head + "\r\n")) return;
      while (connection.send(block)) continue;
      break;
    }
  }
}

std::vector<Received> Server::received() const {
  const std::scoped_lock lock(mutex_);
  return received_;
}

std::size_t Server::count() const {
  const std::scoped_lock lock(mutex_);
  return received_.size();
}

std::vector<std::string> Server::told() const {
  std::vector<std::string> all;
  for (const auto& request : received()) {
    for (auto& each : testing::told(request)) all.push_back(std::move(each));
  }
  return all;
}

std::vector<std::string> told(const Received& request) {
  std::vector<std::string> all;
  const auto body = request.json();
  for (const auto& alert : body.at("alerts").as_array()) {
    all.push_back(at(alert.at("labels"), "alertname") + " " + at(alert, "status"));
  }
  return all;
}

Server::Script always(int status) {
  return [status](const Received&) { return Reaction{.status = status}; };
}

Rig::Rig() {
  using std::chrono::milliseconds;
  options.spool = folder / "delivery";
  options.first_backoff = milliseconds(5);
  options.longest_backoff = milliseconds(40);
  options.timeout = patience;
  options.external_url = "http://box:8000";
  options.unix_ns = [this] { return now_ns.load(); };
  options.on_problem = [problems = problems_](std::string_view line) {
    const std::scoped_lock lock(problems->mutex);
    problems->lines.emplace_back(line);
  };
}

void Rig::reopen() {
  courier_.reset();
  auto opened = Courier::open(options);
  ASSERT_TRUE(opened) << opened.error().message;
  courier_ = std::move(*opened);
}

std::vector<std::string> Rig::problems() const {
  const std::scoped_lock lock(problems_->mutex);
  return problems_->lines;
}

std::string Rig::all_problems() const {
  std::string all;
  for (const auto& line : problems()) all += line + "\n";
  return all;
}

bool Rig::delivered() {
  return eventually([&] {
    const auto all = courier_->stats();
    return std::all_of(all.begin(), all.end(), [](const auto& each) { return each.pending == 0; });
  });
}

Receiver webhook(const std::string& url) {
  Receiver receiver;
  receiver.url = url;
  return receiver;
}

Receiver alertmanager(const std::string& url) {
  Receiver receiver = webhook(url);
  receiver.protocol = Protocol::alertmanager;
  return receiver;
}

}  // namespace sentinel::delivery::testing
