#include "core/plugin/text.hpp"

#include <cstddef>
#include <cstdint>

namespace sentinel::plugin {

namespace {

/// Bytes of the well-formed UTF-8 character at the beginning (RFC 3629), or 0.
std::size_t character(std::string_view text) {
  const auto byte = [text](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const auto in = [](std::uint8_t value, std::uint8_t low, std::uint8_t high) { return value >= low && value <= high; };
  const std::uint8_t first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t size = in(first, 0xc2, 0xdf) ? 2 : in(first, 0xe0, 0xef) ? 3 : in(first, 0xf0, 0xf4) ? 4 : 0;
  if (size == 0 || text.size() < size) return 0;
  // The second byte's range excludes overlong forms, surrogates and what lies beyond U+10FFFF.
  const std::uint8_t low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
  const std::uint8_t high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
  if (!in(byte(1), low, high)) return 0;
  for (std::size_t i = 2; i < size; ++i) {
    if (!in(byte(i), 0x80, 0xbf)) return 0;
  }
  return size;
}

bool is_control(std::string_view one) {
  const auto first = static_cast<std::uint8_t>(one[0]);
  if (one.size() == 1) return first < 0x20 || first == 0x7f;
  return one.size() == 2 && first == 0xc2 && static_cast<std::uint8_t>(one[1]) < 0xa0;
}

}  // namespace

std::string clean_text(std::string_view text, std::size_t most) {
  std::string out;
  while (!text.empty()) {
    const std::size_t size = character(text);
    const auto one = text.substr(0, size == 0 ? 1 : size);
    if (out.size() + one.size() > most) break;
    if (size == 0 || is_control(one)) {
      out += '?';
    } else {
      out += one;
    }
    text.remove_prefix(one.size());
  }
  return out;
}

}  // namespace sentinel::plugin
