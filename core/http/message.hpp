#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sentinel::http {

/// One header field, query parameter or path parameter.
struct Field {
  std::string name;
  std::string value;
};

/// The road a request came by. What may be asked without authentication depends on it.
enum class Via {
  tcp_loopback,  ///< TCP, the peer's address is a loopback one and no proxy says that it forwards
  tcp,           ///< TCP from anywhere else
  unix_socket,   ///< the 0600 socket: the file's mode is the authentication
};

/// A request as a handler sees it: complete, within the server's limits, and already past every access rule.
struct Request {
  std::string method;  ///< upper case as sent: "GET"; a HEAD request reaches the GET handler with "HEAD" here
  std::string path;    ///< percent-decoded, begins with '/', holds no NUL
  std::string query;   ///< what follows the '?', still encoded
  std::vector<Field> headers;
  std::vector<Field> params;  ///< what the `{name}` segments of the route matched, in order
  std::string body;
  std::string peer;  ///< "127.0.0.1:40312", "[::1]:40312" or "unix"
  std::string host;  ///< the Host header as sent, with its port; empty if none (HTTP/1.0)
  std::string user;  ///< who authenticated with a password; else empty
  Via via = Via::tcp;

  /// The first header of that name, whatever its case; empty if there is none.
  [[nodiscard]] std::string_view header(std::string_view name) const;
  /// What `{name}` of the route matched; empty if the route has no such segment.
  [[nodiscard]] std::string_view param(std::string_view name) const;
  /// The first query parameter of that name, decoded ('+' is a space); empty if absent or badly encoded.
  [[nodiscard]] std::string query_value(std::string_view name) const;
};

/// What a handler answers. The server adds Content-Length, Connection, Date, Vary, Content-Encoding and
/// X-Content-Type-Options itself; CR, LF and NUL in a header become spaces.
struct Response {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::vector<Field> headers;
  std::string body;

  /// The first header of that name, whatever its case; empty if there is none.
  [[nodiscard]] std::string_view header(std::string_view name) const;

  /// One sentence in plain text; a newline is added.
  static Response text(int status, std::string_view sentence);
  static Response json(int status, std::string body);
};

/// Whether two names of header fields are the same (ASCII case is ignored, RFC 9110 5.1).
[[nodiscard]] bool same_name(std::string_view a, std::string_view b) noexcept;

}  // namespace sentinel::http
