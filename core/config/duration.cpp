#include "core/config/duration.hpp"

#include <array>
#include <cstdint>
#include <limits>
#include <optional>

#include "core/config/suggest.hpp"

namespace sentinel::config {

namespace {

struct Unit {
  std::string_view name;
  std::int64_t nanoseconds;
};

constexpr std::array<Unit, 7> units = {{{"d", 86'400'000'000'000},
                                        {"h", 3'600'000'000'000},
                                        {"m", 60'000'000'000},
                                        {"s", 1'000'000'000},
                                        {"ms", 1'000'000},
                                        {"us", 1'000},
                                        {"ns", 1}}};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::string_view take_digits(std::string_view& text) {
  std::size_t size = 0;
  while (size < text.size() && is_digit(text[size])) ++size;
  const auto digits = text.substr(0, size);
  text.remove_prefix(size);
  return digits;
}

std::string_view take_letters(std::string_view& text) {
  std::size_t size = 0;
  while (size < text.size() && !is_digit(text[size])) ++size;
  const auto letters = text.substr(0, size);
  text.remove_prefix(size);
  return letters;
}

/// digits * unit; nothing when it overflows.
std::optional<std::int64_t> multiply(std::string_view digits, std::int64_t unit) {
  std::int64_t number = 0;
  for (const char c : digits) {
    if (__builtin_mul_overflow(number, 10, &number) || __builtin_add_overflow(number, c - '0', &number)) return {};
  }
  if (__builtin_mul_overflow(number, unit, &number)) return {};
  return number;
}

/// 0.digits * unit; nothing when that is no whole number of nanoseconds.
std::optional<std::int64_t> multiply_fraction(std::string_view digits, std::int64_t unit) {
  std::int64_t number = 0;
  for (const char c : digits) {
    if (unit % 10 != 0 && c != '0') return {};
    unit /= 10;
    number += (c - '0') * unit;
  }
  return number;
}

}  // namespace

Result<std::chrono::nanoseconds> parse_duration(std::string_view text) {
  const auto refuse = [text](std::string_view why) {
    return Error{Errc::invalid_argument, quote(text) + std::string(why)};
  };
  if (text == "0") return std::chrono::nanoseconds(0);
  std::string_view rest = text;
  std::int64_t total = 0;
  std::size_t next_unit = 0;
  while (next_unit == 0 || !rest.empty()) {
    const auto whole = take_digits(rest);
    if (whole.empty()) return refuse(" is no duration; write for example 5s, 100ms or 1h30m");
    std::string_view fraction;
    if (!rest.empty() && rest.front() == '.') {
      rest.remove_prefix(1);
      fraction = take_digits(rest);
      if (fraction.empty()) return refuse(" is no duration; write for example 1.5s");
    }
    const auto name = take_letters(rest);
    if (name.empty()) return refuse(" is a duration without a unit; write for example " + std::string(whole) + "s");
    std::size_t at = 0;
    while (at < units.size() && units[at].name != name) ++at;
    if (at == units.size()) return refuse(" has a unit that is none of d, h, m, s, ms, us, ns; write for example 5s");
    if (at < next_unit) return refuse(" has its units out of order; write for example 1h30m");
    next_unit = at + 1;
    const auto big = multiply(whole, units[at].nanoseconds);
    if (!big || __builtin_add_overflow(total, *big, &total)) return refuse(" is longer than 292 years");
    const auto small = multiply_fraction(fraction, units[at].nanoseconds);
    if (!small) return refuse(" is no whole number of nanoseconds");
    if (__builtin_add_overflow(total, *small, &total)) return refuse(" is longer than 292 years");
  }
  return std::chrono::nanoseconds(total);
}

std::string format_duration(std::chrono::nanoseconds duration) {
  auto rest = static_cast<std::uint64_t>(duration.count());
  std::string out;
  if (duration.count() < 0) {
    out = "-";
    rest = 0 - rest;
  }
  if (rest == 0) return "0s";
  for (const auto& unit : units) {
    const auto size = static_cast<std::uint64_t>(unit.nanoseconds);
    if (rest < size) continue;
    out += std::to_string(rest / size) += unit.name;
    rest %= size;
  }
  return out;
}

}  // namespace sentinel::config
