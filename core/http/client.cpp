#include "core/http/client.hpp"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cerrno>
#include <cstring>
#include <memory>
#include <system_error>

#include "core/http/fd.hpp"
#include "core/http/listen.hpp"
#include "core/http/target.hpp"

namespace sentinel::http {

namespace {

namespace beast = boost::beast;
using Clock = std::chrono::steady_clock;

constexpr std::size_t chunk_bytes = 64 * 1024;

std::string reason(int error) {
  return std::generic_category().message(error);
}

/// One exchange with the agent: a socket, a deadline, and how to name the agent in an error.
class Exchange {
 public:
  Exchange(const Endpoint& endpoint, const ClientLimits& limits)
      : endpoint_(endpoint), limits_(limits), deadline_(Clock::now() + limits.timeout) {}

  Result<Response> run(const std::string& request) {
    if (auto connected = endpoint_.unix_socket.empty() ? connect_tcp() : connect_unix(); !connected) {
      return connected.error();
    }
    if (auto sent = send(request); !sent) return sent.error();
    return receive();
  }

 private:
  Error error(Errc code, std::string_view what) const {
    const std::string where = endpoint_.unix_socket.empty() ? endpoint_.address : endpoint_.unix_socket.string();
    return {code, where + ": " + std::string(what)};
  }

  Error connect_error(int code) const {
    switch (code) {
      case ENOENT:
      case ECONNREFUSED:
        return error(Errc::not_found, "no agent answers there (" + reason(code) + "); is it running?");
      case EACCES:
      case EPERM:
        return error(Errc::permission, "this user may not use it; ask as the user that runs the agent");
      default:
        return error(Errc::failed, "connect: " + reason(code));
    }
  }

  Result<void> connect_unix() {
    sockaddr_un address = {};
    if (endpoint_.unix_socket.native().size() >= sizeof address.sun_path) {
      return error(Errc::invalid_argument, "the path is longer than 107 bytes");
    }
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, endpoint_.unix_socket.c_str(), endpoint_.unix_socket.native().size());
    return connect(AF_UNIX, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  }

  Result<void> connect_tcp() {
    const auto address = parse_listen(endpoint_.address);
    if (!address) return address.error();
    addrinfo hints = {};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const char* host = address->host.empty() ? nullptr : address->host.c_str();
    const int code = ::getaddrinfo(host, std::to_string(address->port).c_str(), &hints, &found);
    if (code != 0) return error(Errc::not_found, ::gai_strerror(code));
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, ::freeaddrinfo);
    Result<void> connected = error(Errc::not_found, "the name has no address");
    for (const addrinfo* each = found; each != nullptr && !connected; each = each->ai_next) {
      connected = connect(each->ai_family, each->ai_addr, each->ai_addrlen);
    }
    return connected;
  }

  Result<void> connect(int family, const sockaddr* address, socklen_t size) {
    socket_ = Fd(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket_) return error(Errc::failed, "socket: " + reason(errno));
    if (::connect(socket_.get(), address, size) == 0) return {};
    if (errno != EINPROGRESS) return connect_error(errno);
    if (auto ready = wait(POLLOUT); !ready) return ready;
    int code = 0;
    socklen_t length = sizeof code;
    if (::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &code, &length) != 0) code = errno;
    if (code != 0) return connect_error(code);
    return {};
  }

  Result<void> wait(short events) const {
    pollfd ready = {socket_.get(), events, 0};
    for (;;) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - Clock::now());
      if (left.count() <= 0) {
        return error(Errc::timeout, "no complete answer within " + std::to_string(limits_.timeout.count()) + " ms");
      }
      const int count = ::poll(&ready, 1, static_cast<int>(left.count()));
      if (count > 0) return {};
      if (count < 0 && errno != EINTR) return error(Errc::failed, "poll: " + reason(errno));
    }
  }

  Result<void> send(std::string_view text) const {
    while (!text.empty()) {
      const ssize_t sent = ::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL);
      if (sent >= 0) {
        text.remove_prefix(static_cast<std::size_t>(sent));
      } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
        if (auto ready = wait(POLLOUT); !ready) return ready;
      } else if (errno == EPIPE || errno == ECONNRESET) {
        return {};  // a refusal may be there to be read
      } else if (errno != EINTR) {
        return error(Errc::failed, "send: " + reason(errno));
      }
    }
    return {};
  }

  Result<Response> receive() {
    beast::http::response_parser<beast::http::string_body> parser;
    parser.body_limit(limits_.max_body_bytes);
    parser.eager(true);
    beast::flat_buffer buffer;
    beast::error_code code;
    while (!parser.is_done()) {
      if (auto ready = wait(POLLIN); !ready) return ready.error();
      const auto space = buffer.prepare(chunk_bytes);
      const ssize_t got = ::recv(socket_.get(), space.data(), space.size(), 0);
      if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
      if (got < 0) return error(Errc::failed, "receive: " + reason(errno));
      if (got == 0) {
        if (!parser.got_some()) return error(Errc::failed, "the connection closed without an answer");
        parser.put_eof(code);
        if (code) return error(Errc::failed, "the answer ended early");
        break;
      }
      buffer.commit(static_cast<std::size_t>(got));
      buffer.consume(parser.put(buffer.data(), code));
      if (code == beast::http::error::body_limit) return error(Errc::exhausted, "the answer is too large");
      if (code && code != beast::http::error::need_more)
        return error(Errc::failed, "no HTTP answer: " + code.message());
    }
    auto message = parser.release();
    Response response;
    response.status = static_cast<int>(message.result_int());
    response.content_type = message[beast::http::field::content_type];
    for (const auto& field : message)
      response.headers.push_back({std::string(field.name_string()), std::string(field.value())});
    response.body = std::move(message.body());
    return response;
  }

  const Endpoint& endpoint_;
  const ClientLimits& limits_;
  Clock::time_point deadline_;
  Fd socket_;
};

Result<Response> ask(const Endpoint& endpoint, const ClientLimits& limits, std::string_view method,
                     std::string_view path, std::string_view more) {
  if (!parse_target(path)) return Error{Errc::invalid_argument, "\"" + std::string(path) + "\" is no path to ask for"};
  std::string text(method);
  text.append(" ").append(path).append(" HTTP/1.1\r\nHost: ");
  text.append(endpoint.unix_socket.empty() ? endpoint.address : "localhost");
  text.append("\r\nConnection: close\r\n").append(more);
  return Exchange(endpoint, limits).run(text);
}

}  // namespace

Result<Response> get(const Endpoint& endpoint, std::string_view path, const ClientLimits& limits) {
  return ask(endpoint, limits, "GET", path, "\r\n");
}

Result<Response> post(const Endpoint& endpoint, std::string_view path, std::string_view json,
                      const ClientLimits& limits) {
  std::string rest = "Content-Type: application/json\r\nContent-Length: " + std::to_string(json.size()) + "\r\n\r\n";
  return ask(endpoint, limits, "POST", path, rest.append(json));
}

}  // namespace sentinel::http
