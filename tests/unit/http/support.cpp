#include "support.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <future>
#include <mutex>
#include <thread>

namespace sentinel::http::testing {

namespace asio = boost::asio;

TemporaryFolder::TemporaryFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "sentinel-http-XXXXXX").string();
  path_ = ::mkdtemp(name.data());
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::filesystem::path TemporaryFolder::write(const std::string& name, std::string_view text) const {
  std::ofstream(path_ / name, std::ios::binary) << text;
  return path_ / name;
}

struct LiveServer::Impl {
  asio::io_context control{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{control.get_executor()};
  std::unique_ptr<Server> server;
  std::string error;
  mutable std::mutex mutex;
  std::string problems;
  std::thread loop;
};

LiveServer::LiveServer(ServerConfig config) : impl_(std::make_unique<Impl>()) {
  if (config.listen == ServerConfig().listen) config.listen = "127.0.0.1:0";
  config.on_problem = [impl = impl_.get()](std::string_view sentence) {
    const std::scoped_lock lock(impl->mutex);
    impl->problems.append(sentence).append("\n");
  };
  impl_->server = std::make_unique<Server>(impl_->control, std::move(config), router);
  if (const auto started = impl_->server->start(); !started) impl_->error = started.error().message;
  impl_->loop = std::thread([impl = impl_.get()] { impl->control.run(); });
}

LiveServer::~LiveServer() {
  on_loop([this] { impl_->server.reset(); });
  impl_->work.reset();
  impl_->loop.join();
}

const std::string& LiveServer::start_error() const {
  return impl_->error;
}
std::uint16_t LiveServer::port() const {
  return impl_->server->port();
}
Counters LiveServer::counters() const {
  return impl_->server->counters();
}
Server& LiveServer::server() {
  return *impl_->server;
}

void LiveServer::on_loop(const std::function<void()>& job) {
  std::promise<void> done;
  asio::post(impl_->control, [&] {
    job();
    done.set_value();
  });
  done.get_future().wait();
}

void LiveServer::post(std::function<void()> job) {
  asio::post(impl_->control, std::move(job));
}

bool LiveServer::stop(std::chrono::milliseconds grace) {
  const auto done = std::make_shared<std::promise<void>>();
  on_loop([&] { impl_->server->stop(grace, [done] { done->set_value(); }); });
  return done->get_future().wait_for(patience) == std::future_status::ready;
}

std::string LiveServer::problems() const {
  const std::scoped_lock lock(impl_->mutex);
  return impl_->problems;
}

RawClient RawClient::tcp(std::uint16_t port, int receive_buffer_bytes) {
  RawClient client;
  client.fd_ = Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (receive_buffer_bytes > 0) {
    ::setsockopt(client.fd_.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof receive_buffer_bytes);
  }
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  if (::connect(client.fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) client.fd_.reset();
  return client;
}

RawClient RawClient::unix_socket(const std::filesystem::path& path) {
  RawClient client;
  client.fd_ = Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  if (::connect(client.fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) client.fd_.reset();
  return client;
}

bool RawClient::start_tls(ssl_ctx_st* context) {
  const timeval limit = {patience.count(), 0};
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  tls_ = std::shared_ptr<ssl_st>(::SSL_new(context), ::SSL_free);
  return ::SSL_set_fd(tls_.get(), fd_.get()) == 1 && ::SSL_connect(tls_.get()) == 1;
}

bool RawClient::send(std::string_view text) {
  if (tls_) return ::SSL_write(tls_.get(), text.data(), static_cast<int>(text.size())) == static_cast<int>(text.size());
  while (!text.empty()) {
    const ssize_t sent = ::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

bool RawClient::more() {
  if (tls_) {
    std::array<char, 16384> chunk;
    const int got = ::SSL_read(tls_.get(), chunk.data(), static_cast<int>(chunk.size()));
    if (got > 0) pending_.append(chunk.data(), static_cast<std::size_t>(got));
    return got > 0;
  }
  pollfd ready = {fd_.get(), POLLIN, 0};
  if (::poll(&ready, 1, static_cast<int>(std::chrono::milliseconds(patience).count())) != 1) return false;
  std::array<char, 65536> chunk;
  const ssize_t got = ::recv(fd_.get(), chunk.data(), chunk.size(), 0);
  if (got <= 0) return false;
  pending_.append(chunk.data(), static_cast<std::size_t>(got));
  return true;
}

Answer RawClient::read(bool to_head) {
  Answer answer;
  std::size_t end = 0;
  while ((end = pending_.find("\r\n\r\n")) == pending_.npos) {
    if (!more()) return answer;
  }
  answer.head = pending_.substr(0, end + 2);
  pending_.erase(0, end + 4);
  std::size_t at = answer.head.find("\r\n") + 2;
  while (at < answer.head.size()) {
    const std::size_t line_end = answer.head.find("\r\n", at);
    const std::string line = answer.head.substr(at, line_end - at);
    const std::size_t colon = line.find(": ");
    std::string name = line.substr(0, colon);
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
    answer.headers[name] = colon == line.npos ? std::string() : line.substr(colon + 2);
    at = line_end + 2;
  }
  const int status = answer.head.size() > 12 ? std::atoi(answer.head.c_str() + 9) : 0;
  const std::size_t length = to_head ? 0 : std::strtoull(answer.headers["content-length"].c_str(), nullptr, 10);
  while (pending_.size() < length) {
    if (!more()) return answer;
  }
  answer.body = pending_.substr(0, length);
  pending_.erase(0, length);
  answer.status = status;
  return answer;
}

bool RawClient::closed() {
  while (more()) pending_.clear();
  if (tls_) return (::SSL_get_shutdown(tls_.get()) & SSL_RECEIVED_SHUTDOWN) != 0;
  std::array<char, 1> byte;
  const ssize_t got = ::recv(fd_.get(), byte.data(), byte.size(), MSG_DONTWAIT);
  return got == 0 || (got < 0 && errno != EAGAIN);
}

void RawClient::shut_sending() {
  ::shutdown(fd_.get(), SHUT_WR);
}

Handler says(std::string text) {
  return [text = std::move(text)](const Request&, const Reply& reply) { reply(Response::text(200, text)); };
}

Route add(LiveServer& live, std::string_view method, std::string_view path, Handler handler, Access access) {
  auto route = live.router.add(method, path, access, std::move(handler));
  EXPECT_TRUE(route.ok()) << route.error().message;
  return std::move(route).value();
}

Answer ask(std::uint16_t port, std::string_view request, bool to_head) {
  RawClient client = RawClient::tcp(port);
  if (!client.connected()) return {};
  client.send(request);
  return client.read(to_head);
}

std::string get(std::string_view path, std::string_view extra) {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: localhost\r\n" + std::string(extra) + "\r\n";
}

std::string post(std::string_view path, std::string_view body, std::string_view extra) {
  return "POST " + std::string(path) +
         " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n" + std::string(extra) + "\r\n" + std::string(body);
}

std::string gunzip(std::string_view member) {
  constexpr int any_header = 15 + 32;
  z_stream stream = {};
  if (::inflateInit2(&stream, any_header) != Z_OK) return {};
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(member.data()));
  stream.avail_in = static_cast<uInt>(member.size());
  std::string text;
  std::array<char, 65536> chunk;
  int code = Z_OK;
  while (code == Z_OK) {
    stream.next_out = reinterpret_cast<Bytef*>(chunk.data());
    stream.avail_out = chunk.size();
    code = ::inflate(&stream, Z_NO_FLUSH);
    text.append(chunk.data(), chunk.size() - stream.avail_out);
  }
  ::inflateEnd(&stream);
  return code == Z_STREAM_END ? text : std::string();
}

bool eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

}  // namespace sentinel::http::testing
