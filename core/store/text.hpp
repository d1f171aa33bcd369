#pragma once

#include <string>
#include <string_view>

namespace sentinel::store {

/// Whether `text` is valid UTF-8 (RFC 3629) without control characters (C0, DEL, C1).
[[nodiscard]] bool is_clean(std::string_view text) noexcept;

/// `text` with each invalid byte and each control character replaced by U+FFFD, so that a process named `\xff"\n`
/// cannot take a scrape down. Clean text comes back as it is; `buffer` holds the result only when something was
/// replaced.
[[nodiscard]] std::string_view clean(std::string_view text, std::string& buffer);

}  // namespace sentinel::store
