#include "core/procfs/scan.hpp"

#include <charconv>
#include <limits>
#include <string>

namespace sentinel::procfs {
namespace {

constexpr bool is_blank(char c) {
  return c == ' ' || c == '\t';
}
constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool ends_number(std::string_view rest) {
  return rest.empty() || is_blank(rest.front());
}

std::string quoted(std::string_view text) {
  constexpr std::size_t longest = 60;
  constexpr std::string_view hex = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text.substr(0, longest)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f && c != '"' && c != '\\') {
      out += c;
    } else {
      out += "\\x";
      out += hex[byte >> 4];
      out += hex[byte & 15];
    }
  }
  out += text.size() > longest ? "…\"" : "\"";
  return out;
}

}  // namespace

bool take_line(std::string_view& rest, std::string_view& line) noexcept {
  const auto end = rest.find('\n');
  if (end == std::string_view::npos) return false;
  line = rest.substr(0, end);
  rest.remove_prefix(end + 1);
  return true;
}

void skip_blanks(std::string_view& rest) noexcept {
  while (!rest.empty() && is_blank(rest.front())) rest.remove_prefix(1);
}

bool take_char(std::string_view& rest, char expected) noexcept {
  if (rest.empty() || rest.front() != expected) return false;
  rest.remove_prefix(1);
  return true;
}

bool take_word(std::string_view& rest, std::string_view& word) noexcept {
  skip_blanks(rest);
  std::size_t length = 0;
  while (length < rest.size() && !is_blank(rest[length])) ++length;
  word = rest.substr(0, length);
  rest.remove_prefix(length);
  return length > 0;
}

bool take_digits(std::string_view& rest, std::uint64_t& value) noexcept {
  constexpr auto max = std::numeric_limits<std::uint64_t>::max();
  std::size_t length = 0;
  value = 0;
  for (; length < rest.size() && is_digit(rest[length]); ++length) {
    const auto digit = static_cast<std::uint64_t>(rest[length] - '0');
    if (value > max / 10 || value * 10 > max - digit) return false;
    value = value * 10 + digit;
  }
  rest.remove_prefix(length);
  return length > 0;
}

bool take_u64(std::string_view& rest, std::uint64_t& value) noexcept {
  skip_blanks(rest);
  return take_digits(rest, value) && ends_number(rest);
}

bool take_hex(std::string_view& rest, std::uint64_t& value) noexcept {
  skip_blanks(rest);
  const char* const end = rest.data() + rest.size();
  const auto [next, error] = std::from_chars(rest.data(), end, value, 16);
  if (error != std::errc()) return false;
  rest.remove_prefix(static_cast<std::size_t>(next - rest.data()));
  return ends_number(rest);
}

bool take_i64(std::string_view& rest, std::int64_t& value) noexcept {
  skip_blanks(rest);
  const bool negative = take_char(rest, '-');
  std::uint64_t magnitude = 0;
  if (!take_digits(rest, magnitude) || !ends_number(rest)) return false;
  if (magnitude > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return false;
  value = static_cast<std::int64_t>(magnitude);
  if (negative) value = -value;
  return true;
}

bool take_decimal(std::string_view& rest, double& value) noexcept {
  skip_blanks(rest);
  std::uint64_t whole = 0;
  if (!take_digits(rest, whole) || !take_char(rest, '.')) return false;
  const auto before = rest.size();
  std::uint64_t fraction = 0;
  if (!take_digits(rest, fraction) || !ends_number(rest)) return false;
  // One division of two exact numbers rounds once, so that "12.07" becomes the double nearest to it.
  double scale = 1;
  for (auto digits = before - rest.size(); digits > 0; --digits) scale *= 10;
  value = (static_cast<double>(whole) * scale + static_cast<double>(fraction)) / scale;
  return true;
}

Error malformed(std::string_view file, std::string_view expected, std::string_view got) {
  std::string text(file);
  text.append(": expected ").append(expected).append(", got ").append(quoted(got));
  text += "; check that the procfs path names a real proc tree";
  return {Errc::invalid_argument, std::move(text)};
}

Error missing(std::string_view file, std::string_view line) {
  std::string text(file);
  text.append(": no line ").append(line);
  text += "; the file is cut, or the procfs path names no real proc tree";
  return {Errc::invalid_argument, std::move(text)};
}

Error cut(std::string_view file, std::string_view rest) {
  std::string text(file);
  text.append(": cut within its last line ").append(quoted(rest));
  text += "; read it whole, or check that the procfs path names a real proc tree";
  return {Errc::invalid_argument, std::move(text)};
}

}  // namespace sentinel::procfs
