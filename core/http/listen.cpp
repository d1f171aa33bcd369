#include "core/http/listen.hpp"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <system_error>

namespace sentinel::http {

namespace {

constexpr int backlog = 512;

Errc kind_of(int error) {
  switch (error) {
    case EADDRINUSE:
    case EMFILE:
    case ENFILE:
      return Errc::exhausted;
    case EACCES:
    case EPERM:
      return Errc::permission;
    case EADDRNOTAVAIL:
    case ENOENT:
      return Errc::not_found;
    default:
      return Errc::failed;
  }
}

std::string reason(int error) {
  return std::generic_category().message(error);
}

std::string with_port(const std::string& host, std::uint16_t port) {
  const bool six = host.find(':') != host.npos;
  return (six ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Error tcp_error(const ListenAddress& address, std::string_view step, int error) {
  std::string text = "cannot listen on " + with_port(address.host, address.port) + ": ";
  switch (error) {
    case EADDRINUSE:
      text += "another process has the port; stop it, or give agent.listen another one";
      break;
    case EACCES:
      text +=
          "this user may not use the port; ports below 1024 need CAP_NET_BIND_SERVICE, or give agent.listen another";
      break;
    case EADDRNOTAVAIL:
      text += "this machine has no such address; give agent.listen one of its own, 127.0.0.1:8000 for example";
      break;
    default:
      text += std::string(step) + ": " + reason(error) + " (agent.listen)";
  }
  return {kind_of(error), std::move(text)};
}

struct Name {
  std::string address;
  std::uint16_t port = 0;
};

Name name_of(const sockaddr_storage& raw) {
  std::array<char, INET6_ADDRSTRLEN> text = {};
  if (raw.ss_family == AF_INET) {
    sockaddr_in four = {};
    std::memcpy(&four, &raw, sizeof four);
    ::inet_ntop(AF_INET, &four.sin_addr, text.data(), text.size());
    return {text.data(), ntohs(four.sin_port)};
  }
  if (raw.ss_family == AF_INET6) {
    sockaddr_in6 six = {};
    std::memcpy(&six, &raw, sizeof six);
    if (IN6_IS_ADDR_V4MAPPED(&six.sin6_addr)) {
      ::inet_ntop(AF_INET, &six.sin6_addr.s6_addr[12], text.data(), text.size());
    } else {
      ::inet_ntop(AF_INET6, &six.sin6_addr, text.data(), text.size());
    }
    return {text.data(), ntohs(six.sin6_port)};
  }
  return {};
}

Name local_name(int fd) {
  sockaddr_storage raw = {};
  socklen_t size = sizeof raw;
  return ::getsockname(fd, reinterpret_cast<sockaddr*>(&raw), &size) == 0 ? name_of(raw) : Name();
}

/// A bound, listening socket, or the errno and the step that failed.
struct Attempt {
  Fd fd;
  const char* step = "";
  int error = 0;
};

Attempt try_tcp(int family, const sockaddr* where, socklen_t size, bool both_families) {
  Attempt attempt{Fd(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)), "socket", 0};
  const int on = 1;
  const int six_only = both_families ? 0 : 1;
  if (!attempt.fd) {
    attempt.error = errno;
    return attempt;
  }
  // A restarted agent must not wait for the connections of the last one to leave TIME_WAIT.
  ::setsockopt(attempt.fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (family == AF_INET6) ::setsockopt(attempt.fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &six_only, sizeof six_only);
  attempt.step = "bind";
  if (::bind(attempt.fd.get(), where, size) != 0) {
    attempt.error = errno;
    return attempt;
  }
  attempt.step = "listen";
  if (::listen(attempt.fd.get(), backlog) != 0) attempt.error = errno;
  return attempt;
}

Attempt try_every_interface(std::uint16_t port) {
  sockaddr_in6 six = {};
  six.sin6_family = AF_INET6;
  six.sin6_port = htons(port);
  Attempt attempt = try_tcp(AF_INET6, reinterpret_cast<const sockaddr*>(&six), sizeof six, true);
  if (attempt.error != EAFNOSUPPORT && attempt.error != EADDRNOTAVAIL) return attempt;
  // A kernel without IPv6.
  sockaddr_in four = {};
  four.sin_family = AF_INET;
  four.sin_port = htons(port);
  return try_tcp(AF_INET, reinterpret_cast<const sockaddr*>(&four), sizeof four, false);
}

sockaddr_un unix_address(const std::filesystem::path& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.native().size());
  return address;
}

enum class Occupant { live, dead, no_socket, gone };

Occupant who_is_at(const std::filesystem::path& path) {
  struct stat info = {};
  if (::lstat(path.c_str(), &info) != 0) return Occupant::gone;
  if (!S_ISSOCK(info.st_mode)) return Occupant::no_socket;
  const Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const sockaddr_un address = unix_address(path);
  if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return Occupant::live;
  // Anything but a refusal (a full backlog gives EAGAIN, a foreign owner EACCES) means that somebody may live there.
  return errno == ECONNREFUSED ? Occupant::dead : Occupant::live;
}

}  // namespace

Result<ListenAddress> parse_listen(std::string_view text) {
  const auto refuse = [&](std::string_view what) {
    return Error{Errc::invalid_argument,
                 "\"" + std::string(text) + "\" " + std::string(what) +
                     "; write 127.0.0.1:8000, [::1]:8000, name:8000, or :8000 for every interface"};
  };
  const std::size_t colon = text.rfind(':');
  if (colon == text.npos) return refuse("names no port");
  std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);

  ListenAddress address;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), address.port);
  if (error != std::errc() || end != digits.data() + digits.size())
    return refuse("has no port from 0 to 65535 at its end");

  if (!host.empty() && host.front() == '[') {
    if (host.back() != ']') return refuse("has a '[' without its ']'");
    host = host.substr(1, host.size() - 2);
    in6_addr parsed = {};
    if (::inet_pton(AF_INET6, std::string(host).c_str(), &parsed) != 1)
      return refuse("has no IPv6 address in its brackets");
  } else if (host.find(':') != host.npos) {
    return refuse("has an IPv6 address without brackets");
  } else if (host.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") != host.npos) {
    return refuse("has a character that no host name has");
  }
  address.host = host;
  return address;
}

Result<TcpListener> listen_tcp(const ListenAddress& address) {
  Attempt attempt;
  if (address.host.empty()) {
    attempt = try_every_interface(address.port);
  } else {
    addrinfo hints = {};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE;
    addrinfo* found = nullptr;
    const int error = ::getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &found);
    if (error != 0) {
      return Error{Errc::not_found, "cannot listen on " + with_port(address.host, address.port) + ": " +
                                        ::gai_strerror(error) + "; give agent.listen an address of this machine"};
    }
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, ::freeaddrinfo);
    attempt = try_tcp(found->ai_family, found->ai_addr, found->ai_addrlen, false);
  }
  if (attempt.error != 0) return tcp_error(address, attempt.step, attempt.error);
  const Name bound = local_name(attempt.fd.get());
  return TcpListener{std::move(attempt.fd), with_port(bound.address, bound.port), bound.port};
}

UnixListener::~UnixListener() {
  if (path_.empty()) return;
  struct stat info = {};
  if (::lstat(path_.c_str(), &info) == 0 && info.st_dev == device_ && info.st_ino == inode_) ::unlink(path_.c_str());
}

Result<UnixListener> listen_unix(const std::filesystem::path& path) {
  const auto refuse = [&](Errc code, std::string_view what) {
    return Error{code, "cannot listen on the socket " + path.string() + ": " + std::string(what)};
  };
  if (path.native().size() >= sizeof(sockaddr_un::sun_path)) {
    return refuse(Errc::invalid_argument, "the path is longer than 107 bytes; give agent.state_dir a shorter one");
  }
  switch (who_is_at(path)) {
    case Occupant::live:
      return refuse(Errc::exhausted, "another agent answers there; stop it, or give agent.state_dir another folder");
    case Occupant::no_socket:
      return refuse(Errc::invalid_argument, "something else than a socket is there; remove it");
    case Occupant::dead:
      ::unlink(path.c_str());
      break;
    case Occupant::gone:
      break;
  }

  UnixListener listener;
  const auto fail = [&](std::string_view step, int error) {
    return refuse(kind_of(error), std::string(step) + ": " + reason(error) + " (agent.state_dir)");
  };
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return fail("socket", errno);
  const sockaddr_un address = unix_address(path);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return fail("bind", errno);
  // Nobody can connect before listen(), so there is no moment in which the wider mode of bind() counts.
  struct stat info = {};
  if (::chmod(path.c_str(), S_IRUSR | S_IWUSR) != 0 || ::lstat(path.c_str(), &info) != 0) return fail("chmod", errno);
  if (::listen(fd.get(), backlog) != 0) return fail("listen", errno);
  listener.fd = std::move(fd);
  listener.path_ = path;
  listener.device_ = info.st_dev;
  listener.inode_ = info.st_ino;
  return listener;
}

PeerName peer_of(int tcp_fd) {
  sockaddr_storage raw = {};
  socklen_t size = sizeof raw;
  if (::getpeername(tcp_fd, reinterpret_cast<sockaddr*>(&raw), &size) != 0) return {};
  Name name = name_of(raw);
  return {with_port(name.address, name.port), std::move(name.address)};
}

std::string local_address_of(int tcp_fd) {
  return local_name(tcp_fd).address;
}

bool is_loopback(const std::string& address) {
  in_addr four = {};
  if (::inet_pton(AF_INET, address.c_str(), &four) == 1) return (ntohl(four.s_addr) >> 24) == 127;
  in6_addr six = {};
  if (::inet_pton(AF_INET6, address.c_str(), &six) != 1) return false;
  if (IN6_IS_ADDR_V4MAPPED(&six)) return six.s6_addr[12] == 127;
  return IN6_IS_ADDR_LOOPBACK(&six) != 0;
}

}  // namespace sentinel::http
