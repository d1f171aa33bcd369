#pragma once

#include <cstdint>
#include <sentinel/result.hpp>
#include <string>
#include <string_view>

namespace sentinel::delivery {

/// Where a request goes, taken apart.
struct Url {
  bool tls = false;
  std::string host;  ///< a name or an address, an IPv6 one without its brackets
  bool is_ipv6 = false;
  bool is_address = false;  ///< the host is an IPv4 or IPv6 address, so nothing is looked up
  std::uint16_t port = 0;
  std::string path;   ///< begins with "/"
  std::string query;  ///< empty, or begins with "?"

  /// As the Host header has it: brackets and a port where they are needed.
  [[nodiscard]] std::string authority() const;
  /// Without the query, for logs and metrics.
  [[nodiscard]] std::string shown() const;
};

/// Takes an http or https URL apart (RFC 3986, the part of it that posts need). User names and passwords in it, and
/// fragments, are refused. Errors: invalid_argument, a printable sentence that repeats nothing of the text.
[[nodiscard]] Result<Url> parse_url(std::string_view text);

}  // namespace sentinel::delivery
