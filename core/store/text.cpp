#include "core/store/text.hpp"

#include <cstddef>

namespace sentinel::store {
namespace {

constexpr std::string_view replacement = "\xef\xbf\xbd";

bool is_printable_ascii(unsigned char c) {
  return c >= 0x20 && c < 0x7f;
}

/// Length of the well-formed character at `at` that is no control character, or 0.
std::size_t character_length(std::string_view text, std::size_t at) {
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

/// Bytes of clean text from the start.
std::size_t clean_prefix(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t length = character_length(text, at);
    if (length == 0) break;
    at += length;
  }
  return at;
}

}  // namespace

bool is_clean(std::string_view text) noexcept {
  return clean_prefix(text) == text.size();
}

std::string_view clean(std::string_view text, std::string& buffer) {
  std::size_t at = clean_prefix(text);
  if (at == text.size()) return text;
  buffer.assign(text.substr(0, at));
  while (at < text.size()) {
    const std::size_t length = character_length(text, at);
    buffer.append(length == 0 ? replacement : text.substr(at, length));
    at += length == 0 ? 1 : length;
  }
  return buffer;
}

}  // namespace sentinel::store
