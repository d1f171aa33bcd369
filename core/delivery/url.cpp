#include "core/delivery/url.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace sentinel::delivery {

namespace {

constexpr std::size_t most_url_bytes = 2048;
constexpr std::size_t most_host_bytes = 253;
constexpr std::uint16_t http_port = 80;
constexpr std::uint16_t https_port = 443;

Error refused(std::string_view what) {
  return {Errc::invalid_argument, "the URL " + std::string(what)};
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool take_scheme(std::string_view& text, std::string_view scheme) {
  if (text.size() < scheme.size()) return false;
  const auto same = [](char a, char b) { return a == lower(b); };
  if (!std::equal(scheme.begin(), scheme.end(), text.begin(), same)) return false;
  text.remove_prefix(scheme.size());
  return true;
}

bool is_name_character(char c) {
  return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
}

bool is_address(int family, const std::string& host) {
  std::array<unsigned char, sizeof(in6_addr)> scrap = {};
  return ::inet_pton(family, host.c_str(), scrap.data()) == 1;
}

Result<void> take_host(std::string_view& text, Url& url) {
  if (!text.empty() && text.front() == '[') {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return refused("has a \"[\" without its \"]\"");
    url.host = text.substr(1, end - 1);
    if (!is_address(AF_INET6, url.host)) return refused("has something other than an IPv6 address between [ and ]");
    url.is_ipv6 = url.is_address = true;
    text.remove_prefix(end + 1);
    return {};
  }
  const auto end = std::min(text.find(':'), text.size());
  url.host = text.substr(0, end);
  if (url.host.empty()) return refused("names no host; write http://host:port/path");
  if (url.host.size() > most_host_bytes) return refused("has a host name of more than 253 characters");
  if (!std::all_of(url.host.begin(), url.host.end(), is_name_character)) {
    return refused("has a character in its host that no host name has; an IPv6 address goes between [ and ]");
  }
  std::transform(url.host.begin(), url.host.end(), url.host.begin(), lower);
  url.is_address = is_address(AF_INET, url.host);
  text.remove_prefix(end);
  return {};
}

Result<void> take_port(std::string_view text, Url& url) {
  if (text.empty()) return {};
  if (text.front() != ':') return refused("has something other than a port after its host");
  text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), url.port);
  if (error != std::errc() || end != text.data() + text.size() || url.port == 0) {
    return refused("has a port that is no number from 1 to 65535");
  }
  return {};
}

}  // namespace

std::string Url::authority() const {
  std::string text = is_ipv6 ? "[" + host + "]" : host;
  if (port != (tls ? https_port : http_port)) text += ":" + std::to_string(port);
  return text;
}

std::string Url::shown() const {
  return (tls ? "https://" : "http://") + authority() + path;
}

Result<Url> parse_url(std::string_view text) {
  if (text.size() > most_url_bytes) return refused("is longer than 2048 characters");
  if (!std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; })) {
    return refused("has a space or a character that is not ASCII; write those as %20 and the like");
  }
  Url url;
  url.tls = take_scheme(text, "https://");
  if (!url.tls && !take_scheme(text, "http://")) return refused("does not begin with http:// or https://");
  url.port = url.tls ? https_port : http_port;

  const auto authority_end = std::min(text.find_first_of("/?#"), text.size());
  std::string_view authority = text.substr(0, authority_end);
  text.remove_prefix(authority_end);
  if (authority.find('@') != std::string_view::npos) {
    return refused("holds a user name or password; write them as username: and password_file:");
  }
  if (auto host = take_host(authority, url); !host) return host.error();
  if (auto port = take_port(authority, url); !port) return port.error();

  if (text.find('#') != std::string_view::npos)
    return refused("has a fragment (#), which no server sees; leave it out");
  const auto query = std::min(text.find('?'), text.size());
  url.path = query == 0 ? "/" : std::string(text.substr(0, query));
  url.query = text.substr(query);
  return url;
}

}  // namespace sentinel::delivery
