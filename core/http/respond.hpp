#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/http/message.hpp"

namespace sentinel::http {

/// The values of all header lines of that name, joined by commas (RFC 9110 5.3).
[[nodiscard]] std::string joined(const std::vector<Field>& headers, std::string_view name);

/// Makes a handler's answer ready for the wire, on the handler's thread: compresses the body when \p zip and it is
/// worth it and not encoded already, adds Vary, and turns an impossible status into 500.
void encode(Response& response, bool zip);

/// Whether a response of this status has a body at all (RFC 9110 6.4.1).
[[nodiscard]] bool has_body(int status) noexcept;

/// Status line and header with the empty line. Content-Length, Connection, Date and X-Content-Type-Options are the
/// server's own: a handler's are left out.
[[nodiscard]] std::string render_head(const Response& response, bool keep_alive, bool http_1_0,
                                      const std::vector<Field>& extra = {});

/// A moment as RFC 9110 5.6.7 writes it: "Sun, 06 Nov 1994 08:49:37 GMT"; seconds since 1970.
[[nodiscard]] std::string http_date(long long seconds);

}  // namespace sentinel::http
