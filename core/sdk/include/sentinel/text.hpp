#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace sentinel {
namespace detail {

inline constexpr std::string_view replacement = "\xef\xbf\xbd";

constexpr bool is_printable_ascii(unsigned char c) {
  return c >= 0x20 && c < 0x7f;
}

/// Length of the well-formed character at `at` that is no control character, or 0.
inline std::size_t character_length(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t offset) -> unsigned {
    return at + offset < text.size() ? static_cast<unsigned char>(text[at + offset]) : 0U;
  };
  const auto continues = [&](std::size_t offset, unsigned low = 0x80, unsigned high = 0xbf) {
    return byte(offset) >= low && byte(offset) <= high;
  };
  const unsigned lead = byte(0);
  if (is_printable_ascii(static_cast<unsigned char>(lead))) return 1;
  if (lead < 0xc2) return 0;
  // U+0080 to U+009F, the C1 controls, are c2 80 to c2 9f.
  if (lead <= 0xdf) return continues(1, lead == 0xc2 ? 0xa0 : 0x80) ? 2 : 0;
  if (lead <= 0xef) {
    const unsigned low = lead == 0xe0 ? 0xa0 : 0x80;
    const unsigned high = lead == 0xed ? 0x9f : 0xbf;
    return continues(1, low, high) && continues(2) ? 3 : 0;
  }
  if (lead <= 0xf4) {
    const unsigned low = lead == 0xf0 ? 0x90 : 0x80;
    const unsigned high = lead == 0xf4 ? 0x8f : 0xbf;
    return continues(1, low, high) && continues(2) && continues(3) ? 4 : 0;
  }
  return 0;
}

/// Bytes of printable ASCII from the start, eight at a time; fewer than eight at the end are left.
inline std::size_t ascii_words(std::string_view text) {
  constexpr std::uint64_t each = 0x0101010101010101;
  std::size_t at = 0;
  for (std::uint64_t word = 0; text.size() - at >= sizeof(word); at += sizeof(word)) {
    std::memcpy(&word, text.data() + at, sizeof(word));
    // A byte's top bit shows what is beyond 0x7f, what is 0x7f, or what is below 0x20; a carry comes of such a one
    // only.
    if (((word | (word + each) | (word - 0x20 * each)) & (0x80 * each)) != 0) break;
  }
  return at;
}

/// Bytes of clean text from the start.
inline std::size_t clean_prefix(std::string_view text) {
  std::size_t at = ascii_words(text);
  while (at < text.size()) {
    if (is_printable_ascii(static_cast<unsigned char>(text[at]))) {
      ++at;
      continue;
    }
    const std::size_t length = character_length(text, at);
    if (length == 0) break;
    at += length;
  }
  return at;
}

}  // namespace detail

/// Whether `text` is valid UTF-8 (RFC 3629) without control characters (C0, DEL, C1). Any thread.
[[nodiscard]] inline bool is_clean(std::string_view text) noexcept {
  return detail::clean_prefix(text) == text.size();
}

/// `text` with each invalid byte and each control character replaced by U+FFFD, so that a process named `\xff"\n`
/// cannot take a scrape down. Clean text comes back as it is; `buffer` holds the result only when something was
/// replaced. The host does this to every text of a record; it is here for what a plugin prints or keeps itself.
[[nodiscard]] inline std::string_view clean(std::string_view text, std::string& buffer) {
  std::size_t at = detail::clean_prefix(text);
  if (at == text.size()) return text;
  buffer.assign(text.substr(0, at));
  while (at < text.size()) {
    const std::size_t length = detail::character_length(text, at);
    buffer.append(length == 0 ? detail::replacement : text.substr(at, length));
    at += length == 0 ? 1 : length;
  }
  return buffer;
}

}  // namespace sentinel
