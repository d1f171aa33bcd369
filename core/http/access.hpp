#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/http/message.hpp"
#include "core/http/router.hpp"

namespace sentinel::http {

/// What the rules know about the one who asks, beside the request itself.
struct Caller {
  bool authenticated = false;  ///< by password or by a verified client certificate
  std::string local_address;   ///< the bare address that the connection arrived at; empty on the unix socket
};

/// The host of a Host header without its port and brackets, in lower case: "[::1]:8000" gives "::1".
[[nodiscard]] std::string bare_host(std::string_view host_header);

/// Whether a request with this header was passed on by a proxy, so that its peer's address says nothing of its origin.
[[nodiscard]] bool is_forwarded(const Request& request);

/// Who may ask for what, before the body is read; the refusal, or nothing when all is well. Pure.
///
/// - The unix socket: everything.
/// - A caller who authenticated, or TCP from loopback: everything; other TCP: open routes alone.
/// - Without authentication a guarded route must be asked for under a known Host, and POST, PUT, PATCH and DELETE
/// always must: a web page
///   can make a browser on this machine resolve the page's own name to 127.0.0.1 (DNS rebinding), and that name shows
///   here. Known are localhost, the loopback addresses, the address that the connection arrived at and \p known_hosts.
/// - POST, PUT, PATCH and DELETE must say Content-Type: application/json, which no HTML form can, and must not come
/// from
///   a web page of another origin.
[[nodiscard]] std::optional<Response> refusal(const Request& request, Access access, const Caller& caller,
                                              const std::vector<std::string>& known_hosts);

/// After the body is read: what claims to be JSON must begin and end like an object or an array, or be empty.
[[nodiscard]] std::optional<Response> body_refusal(const Request& request);

/// Whether requests with this method carry a body and change something.
[[nodiscard]] bool is_write(std::string_view method);

}  // namespace sentinel::http
