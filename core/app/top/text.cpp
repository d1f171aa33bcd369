#include "core/app/top/text.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <sentinel/text.hpp>
#include <span>

namespace sentinel::top {
namespace {

constexpr std::string_view replacement = "\xef\xbf\xbd";

struct Range {
  char32_t first;
  char32_t last;
};

constexpr auto invisible = std::to_array<Range>(
    {{0xad, 0xad}, {0x61c, 0x61c}, {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f}, {0xfeff, 0xfeff}});

constexpr auto wide = std::to_array<Range>({{0x1100, 0x115f},
                                            {0x231a, 0x231b},
                                            {0x23e9, 0x23f3},
                                            {0x25fd, 0x25fe},
                                            {0x2600, 0x27bf},
                                            {0x2b1b, 0x2b55},
                                            {0x2e80, 0xa4cf},
                                            {0xa960, 0xa97f},
                                            {0xac00, 0xd7a3},
                                            {0xf900, 0xfaff},
                                            {0xfe10, 0xfe6f},
                                            {0xff00, 0xff60},
                                            {0xffe0, 0xffe6},
                                            {0x16fe0, 0x18fff},
                                            {0x1aff0, 0x1b2ff},
                                            {0x1f000, 0x1faff},
                                            {0x20000, 0x3fffd}});

bool is_in(char32_t character, std::span<const Range> ranges) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [&](const Range& range) { return character >= range.first && character <= range.last; });
}

/// Takes the first character off valid UTF-8.
char32_t take(std::string_view& text, std::string_view& encoded) {
  const auto lead = static_cast<unsigned char>(text.front());
  std::size_t length = 1;
  char32_t character = lead;
  if (lead >= 0xf0) {
    length = 4;
    character = lead & 0x07U;
  } else if (lead >= 0xe0) {
    length = 3;
    character = lead & 0x0fU;
  } else if (lead >= 0xc0) {
    length = 2;
    character = lead & 0x1fU;
  }
  encoded = text.substr(0, length);
  for (const char next : encoded.substr(1)) character = (character << 6) | (static_cast<unsigned char>(next) & 0x3fU);
  text.remove_prefix(encoded.size());
  return character;
}

}  // namespace

std::string printable(std::string_view text, bool unicode) {
  std::string cleaned;
  std::string_view rest = sentinel::clean(text, cleaned);
  std::string result;
  result.reserve(rest.size());
  std::string_view encoded;
  while (!rest.empty()) {
    const char32_t character = take(rest, encoded);
    if (character < 0x80) {
      result += encoded;
    } else if (!unicode) {
      result += '?';
    } else {
      result += is_in(character, invisible) ? replacement : encoded;
    }
  }
  return result;
}

std::size_t columns(std::string_view text) {
  std::size_t count = 0;
  std::string_view encoded;
  while (!text.empty()) count += is_in(take(text, encoded), wide) ? 2 : 1;
  return count;
}

std::string_view fit(std::string_view text, std::size_t width) {
  std::string_view rest = text;
  std::string_view encoded;
  std::size_t used = 0;
  std::size_t bytes = 0;
  while (!rest.empty()) {
    used += is_in(take(rest, encoded), wide) ? 2 : 1;
    if (used > width) break;
    bytes += encoded.size();
  }
  return text.substr(0, bytes);
}

std::string bytes_text(std::uint64_t bytes) {
  constexpr auto units = std::to_array<std::string_view>({"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"});
  double value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  for (; value >= 1023.95 && unit + 1 < units.size(); ++unit) value /= 1024;
  return fmt::format("{:.1f} {}", value, units[unit]);
}

std::string duration_text(std::uint64_t seconds) {
  if (seconds >= 86400) return fmt::format("{} d {} h", seconds / 86400, seconds % 86400 / 3600);
  if (seconds >= 3600) return fmt::format("{} h {} min", seconds / 3600, seconds % 3600 / 60);
  if (seconds >= 60) return fmt::format("{} min {} s", seconds / 60, seconds % 60);
  return fmt::format("{} s", seconds);
}

std::string interval_text(std::chrono::milliseconds interval) {
  if (interval < std::chrono::seconds(1)) return fmt::format("{} ms", interval.count());
  return fmt::format("{} s", static_cast<double>(interval.count()) / 1000);
}

}  // namespace sentinel::top
