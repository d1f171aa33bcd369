#include "rules/humanize.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>

#include "core/config/suggest.hpp"

namespace sentinel::rules {

namespace {

constexpr std::array<std::string_view, 8> large = {"k", "M", "G", "T", "P", "E", "Z", "Y"};
constexpr std::array<std::string_view, 8> large_1024 = {"ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"};
constexpr std::array<std::string_view, 8> small = {"m", "u", "n", "p", "f", "a", "z", "y"};

std::string not_finite(double value) {
  return std::isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
}

std::string to_text(double value, std::chars_format format, int precision) {
  if (!std::isfinite(value)) return not_finite(value);
  // %f of the greatest number has 309 digits before its point.
  std::array<char, 400> text{};
  const auto end = precision < 0 ? std::to_chars(text.data(), text.data() + text.size(), value, format).ptr
                                 : std::to_chars(text.data(), text.data() + text.size(), value, format, precision).ptr;
  return {text.data(), end};
}

/// %.4g
std::string four_digits(double value) {
  return to_text(value, std::chars_format::general, 4);
}

/// Divides by \p step until it is below, and prints with the prefix of what was divided.
std::string scale_down(double value, double step, const std::array<std::string_view, 8>& prefixes) {
  std::string_view prefix;
  for (const auto next : prefixes) {
    if (std::abs(value) < step) break;
    prefix = next;
    value /= step;
  }
  return four_digits(value) + std::string(prefix);
}

std::string scale_up(double value) {
  std::string_view prefix;
  for (const auto next : small) {
    if (std::abs(value) >= 1) break;
    prefix = next;
    value *= 1000;
  }
  return four_digits(value) + std::string(prefix);
}

/// The parts of a printf pattern.
struct Pattern {
  std::string before;
  std::string after;
  std::string flags;
  std::size_t width = 0;
  int precision = -1;
  char verb = '\0';
};

Result<Pattern> parse_printf(std::string_view text) {
  const auto refuse = [&](std::string_view why) {
    return Error{Errc::invalid_argument,
                 config::quote(text) + std::string(why) + "; write one of %e, %f and %g, as in \"%.2f\""};
  };
  Pattern pattern;
  std::size_t i = 0;
  const auto number = [&](std::size_t most, std::size_t& out) {
    for (out = 0; i < text.size() && text[i] >= '0' && text[i] <= '9' && out <= most; ++i) {
      out = out * 10 + static_cast<std::size_t>(text[i] - '0');
    }
    return out <= most;
  };
  while (i < text.size()) {
    std::string& around = pattern.verb == '\0' ? pattern.before : pattern.after;
    if (text[i] != '%') {
      around += text[i++];
      continue;
    }
    ++i;
    if (i < text.size() && text[i] == '%') {
      around += text[i++];
      continue;
    }
    if (pattern.verb != '\0') return refuse(" shows two values, and there is one");
    while (i < text.size() && std::string_view("-+ 0").find(text[i]) != std::string_view::npos) {
      pattern.flags += text[i++];
    }
    if (!number(64, pattern.width)) return refuse(" is wider than 64");
    if (i < text.size() && text[i] == '.') {
      ++i;
      std::size_t precision = 0;
      if (!number(32, precision)) return refuse(" has more than 32 digits");
      pattern.precision = static_cast<int>(precision);
    }
    if (i == text.size() || std::string_view("eEfFgG").find(text[i]) == std::string_view::npos) {
      return refuse(" shows no number");
    }
    pattern.verb = text[i++];
  }
  if (pattern.verb == '\0') return refuse(" shows no value");
  return pattern;
}

std::string unsigned_text(const Pattern& pattern, double magnitude) {
  const char verb = static_cast<char>(pattern.verb | 0x20);
  if (verb == 'g' && pattern.precision < 0) return format_go(magnitude);
  const auto format = verb == 'e'   ? std::chars_format::scientific
                      : verb == 'f' ? std::chars_format::fixed
                                    : std::chars_format::general;
  return to_text(magnitude, format, pattern.precision < 0 ? 6 : pattern.precision);
}

}  // namespace

std::string format_go(double value) {
  if (!std::isfinite(value)) return not_finite(value);
  // The exponent of the shortest digits decides, so those come first.
  const std::string scientific = to_text(value, std::chars_format::scientific, -1);
  int exponent = 0;
  const auto e = scientific.find('e');
  const std::size_t digits = scientific[e + 1] == '+' ? e + 2 : e + 1;
  std::from_chars(scientific.data() + digits, scientific.data() + scientific.size(), exponent);
  if (exponent < -4 || exponent >= 6) return scientific;
  return to_text(value, std::chars_format::fixed, -1);
}

std::string humanize(double value) {
  if (value == 0 || !std::isfinite(value)) return four_digits(value);
  return std::abs(value) >= 1 ? scale_down(value, 1000, large) : scale_up(value);
}

std::string humanize_1024(double value) {
  if (!std::isfinite(value) || std::abs(value) <= 1) return four_digits(value);
  return scale_down(value, 1024, large_1024);
}

std::string humanize_percentage(double value) {
  return four_digits(value * 100) + "%";
}

std::string humanize_duration(double value) {
  if (!std::isfinite(value)) return four_digits(value);
  if (value == 0) return "0s";
  if (std::abs(value) < 1) return scale_up(value) + "s";
  const std::string sign = value < 0 ? "-" : "";
  const double magnitude = std::min(std::abs(value), 9.2e18);
  const auto whole = static_cast<std::int64_t>(magnitude);
  const auto seconds = std::to_string(whole % 60) + "s";
  const auto minutes = std::to_string(whole / 60 % 60) + "m ";
  const auto hours = std::to_string(whole / 3600 % 24) + "h ";
  const std::int64_t days = whole / 86400;
  if (days != 0) return sign + std::to_string(days) + "d " + hours + minutes + seconds;
  if (whole >= 3600) return sign + hours + minutes + seconds;
  if (whole >= 60) return sign + minutes + seconds;
  return sign + four_digits(magnitude) + "s";
}

Result<void> check_printf(std::string_view pattern) {
  auto parsed = parse_printf(pattern);
  if (!parsed) return parsed.error();
  return {};
}

std::string format_printf(std::string_view text, double value) {
  const auto parsed = parse_printf(text);
  if (!parsed) return std::string(text);
  const Pattern& pattern = *parsed;
  const auto has = [&](char flag) { return pattern.flags.find(flag) != std::string::npos; };
  std::string sign = std::signbit(value) && !std::isnan(value) ? "-" : has('+') ? "+" : has(' ') ? " " : "";
  std::string digits;
  if (std::isfinite(value)) {
    digits = unsigned_text(pattern, std::abs(value));
    if ((pattern.verb & 0x20) == 0) std::replace(digits.begin(), digits.end(), 'e', 'E');
  } else {
    digits = std::isnan(value) ? "NaN" : "Inf";
    if (sign.empty() && std::isinf(value)) sign = "+";
  }
  const std::size_t size = sign.size() + digits.size();
  const std::string padding(pattern.width > size ? pattern.width - size : 0, ' ');
  std::string out = pattern.before;
  if (has('-')) {
    out += sign + digits + padding;
  } else if (has('0') && std::isfinite(value)) {
    out += sign + std::string(padding.size(), '0') + digits;
  } else {
    out += padding + sign + digits;
  }
  return out + pattern.after;
}

std::optional<double> parse_go_number(std::string_view text) {
  double number = 0;
  const bool plus = text.starts_with('+') && !text.starts_with("+-");
  if (plus) text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace sentinel::rules
