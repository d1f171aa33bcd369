#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sentinel::http {

/// Whether '+' stands for a space: in a query it does, in a path it doesn't.
enum class Plus { is_plus, is_space };

/// Percent-decodes; nothing when an escape is broken or decodes to NUL.
[[nodiscard]] std::optional<std::string> decode(std::string_view text, Plus plus);

/// Where a request wants to go.
struct Target {
  std::string path;   ///< decoded, begins with '/'
  std::string query;  ///< as sent, without the '?'
};

/// Reads a request target in origin form ("/path?query") or absolute form ("http://host/path?query"), RFC 9112 3.2.
/// Nothing for the other forms, for broken escapes, for a fragment and for bytes outside visible ASCII.
[[nodiscard]] std::optional<Target> parse_target(std::string_view text);

}  // namespace sentinel::http
