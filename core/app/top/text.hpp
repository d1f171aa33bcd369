#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sentinel::top {

/// `text` as a terminal may be given it: what is not valid UTF-8, a control character, or an invisible character that
/// reorders or joins its neighbours (bidirectional overrides, zero-width joiners …) becomes U+FFFD. Without `unicode`
/// every character beyond ASCII becomes '?'.
[[nodiscard]] std::string printable(std::string_view text, bool unicode);

/// Columns that printable text takes: two for East Asian wide characters and emoji (UAX #11), else one; a combining
/// mark counts as one too, so the estimate never is too low.
[[nodiscard]] std::size_t columns(std::string_view text);

/// The longest beginning of printable text that fits into `width` columns.
[[nodiscard]] std::string_view fit(std::string_view text, std::size_t width);

/// A number of bytes in the largest binary unit that leaves 1 or more: "15.6 GiB".
[[nodiscard]] std::string bytes_text(std::uint64_t bytes);

/// The two largest units: "3 d 4 h", "4 h 12 min", "12 min 5 s", "5 s".
[[nodiscard]] std::string duration_text(std::uint64_t seconds);

/// "2 s", "1.5 s", "500 ms".
[[nodiscard]] std::string interval_text(std::chrono::milliseconds interval);

}  // namespace sentinel::top
