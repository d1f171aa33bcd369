#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sentinel::http {

/// Bodies up to this many bytes are sent as they are: a header more and a packet less is no gain.
inline constexpr std::size_t gzip_threshold_bytes = 1024;

/// Whether an Accept-Encoding header (all its lines joined by commas) allows gzip: RFC 9110 12.5.3, `q=0` and `*`
/// included. An absent header counts as no.
[[nodiscard]] bool accepts_gzip(std::string_view accept_encoding);

/// The text as one gzip member; nothing when zlib fails. Any thread.
[[nodiscard]] std::optional<std::string> gzip(std::string_view text);

}  // namespace sentinel::http
