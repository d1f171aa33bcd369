#include "sinks/webhook_snapshot/text.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>

namespace snapshot {
namespace {

constexpr std::string_view replacement = "\xef\xbf\xbd";

/// The length of the valid sequence that `text` begins with (RFC 3629), or 0.
std::size_t sequence(std::string_view text) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = at(0);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xc2 && lead < 0xe0   ? 2
                             : lead >= 0xe0 && lead < 0xf0 ? 3
                             : lead >= 0xf0 && lead < 0xf5 ? 4
                                                           : 0;
  if (length == 0 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((at(i) & 0xc0U) != 0x80) return 0;
  }
  if (lead == 0xe0 && at(1) < 0xa0) return 0;
  if (lead == 0xed && at(1) >= 0xa0) return 0;
  if (lead == 0xf0 && at(1) < 0x90) return 0;
  if (lead == 0xf4 && at(1) >= 0x90) return 0;
  return length;
}

/// Characters that reorder or hide text: a name made of them could pretend to be another.
bool is_invisible(std::string_view sequence) {
  if (sequence.size() == 2) return sequence[0] == '\xc2' && static_cast<unsigned char>(sequence[1]) < 0xa0;
  if (sequence.size() != 3 || sequence[0] != '\xe2') return false;
  const auto second = static_cast<unsigned char>(sequence[1]);
  const auto third = static_cast<unsigned char>(sequence[2]);
  return (second == 0x80 && ((third >= 0x8b && third <= 0x8f) || (third >= 0xa8 && third <= 0xae))) ||
         (second == 0x81 && third >= 0xa0 && third <= 0xaf);
}

std::string format(const char* pattern, double value, const char* unit) {
  std::array<char, 64> text;
  const int size = std::snprintf(text.data(), text.size(), pattern, value, unit);
  return {text.data(), static_cast<std::size_t>(size)};
}

bool take_number(std::string_view& text, std::size_t digits, std::int64_t& out) {
  if (text.size() < digits) return false;
  out = 0;
  for (std::size_t i = 0; i < digits; ++i) {
    if (text[i] < '0' || text[i] > '9') return false;
    out = out * 10 + (text[i] - '0');
  }
  text.remove_prefix(digits);
  return true;
}

bool take(std::string_view& text, char expected) {
  if (text.empty() || text.front() != expected) return false;
  text.remove_prefix(1);
  return true;
}

/// Days since 1970-01-01 of a date in the Gregorian calendar (Hinnant's days_from_civil).
std::int64_t days_of(std::int64_t year, std::int64_t month, std::int64_t day) {
  year -= month <= 2 ? 1 : 0;
  const std::int64_t era = year / 400;
  const std::int64_t of_era = year - era * 400;
  const std::int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

struct Civil {
  std::int64_t year;
  int month, day, hour, minute, second, millisecond;
};

Civil civil(std::int64_t unix_ns) {
  constexpr std::int64_t day_ns = 86'400'000'000'000;
  std::int64_t days = unix_ns / day_ns;
  std::int64_t rest = unix_ns % day_ns;
  if (rest < 0) {
    rest += day_ns;
    --days;
  }
  days += 719468;
  const std::int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  const std::int64_t of_era = days - era * 146097;
  const std::int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
  const std::int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t shifted = (5 * of_year + 2) / 153;
  const int month = static_cast<int>(shifted < 10 ? shifted + 3 : shifted - 9);
  const std::int64_t second = rest / 1'000'000'000;
  return {year_of_era + era * 400 + (month <= 2 ? 1 : 0),
          month,
          static_cast<int>(of_year - (153 * shifted + 2) / 5 + 1),
          static_cast<int>(second / 3600),
          static_cast<int>(second / 60 % 60),
          static_cast<int>(second % 60),
          static_cast<int>(rest / 1'000'000 % 1000)};
}

std::string print(const char* pattern, std::int64_t unix_ns) {
  const Civil at = civil(unix_ns);
  std::array<char, 80> text;
  const int size = std::snprintf(text.data(), text.size(), pattern, static_cast<int>(at.year), at.month, at.day,
                                 at.hour, at.minute, at.second, at.millisecond);
  return {text.data(), static_cast<std::size_t>(size)};
}

std::optional<std::int64_t> to_ns(std::int64_t year, std::int64_t month, std::int64_t day, std::int64_t hour,
                                  std::int64_t minute, std::int64_t second) {
  if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  // Beyond these years nanoseconds overflow; Alertmanager's zero time, the year 1, is no time either.
  if (year < 1970 || year > 2261) return std::nullopt;
  return ((days_of(year, month, day) * 24 + hour) * 60 + minute) * 60'000'000'000 + second * 1'000'000'000;
}

}  // namespace

std::string clean(std::string_view text, std::size_t longest) {
  std::string out;
  out.reserve(std::min(text.size(), longest) + 3);
  while (!text.empty()) {
    const auto length = sequence(text);
    const auto one = text.substr(0, length == 0 ? 1 : length);
    const auto first = static_cast<unsigned char>(one.front());
    const std::string_view shown = length == 0                     ? replacement
                                   : first < 0x20 || first == 0x7f ? " "
                                   : is_invisible(one)             ? replacement
                                                                   : one;
    if (out.size() + shown.size() > longest) return out + "…";
    out += shown;
    text.remove_prefix(one.size());
  }
  return out;
}

std::string code(std::string_view text, std::size_t longest) {
  std::string out = "`";
  for (const char c : clean(text, longest)) {
    if (c == '`') {
      out += '\'';
    } else if (c == '|') {
      out += "\\|";
    } else {
      out += c;
    }
  }
  if (out.size() == 1) return "–";
  return out += '`';
}

std::string plain(std::string_view text, std::size_t longest) {
  const auto cleaned = clean(text, longest);
  const auto in_word = [&](std::size_t at) {
    const auto is_word = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    };
    return at > 0 && at + 1 < cleaned.size() && is_word(cleaned[at - 1]) && is_word(cleaned[at + 1]);
  };
  std::string out;
  for (std::size_t i = 0; i < cleaned.size(); ++i) {
    const char c = cleaned[i];
    if (c == '<') {
      out += "&lt;";
    } else if (c == '&') {
      out += "&amp;";
    } else {
      // Read as it is more often than rendered, so no more is escaped than must be: an underscore within a word is
      // none.
      if (std::string_view("\\`*[]|").find(c) != std::string_view::npos || (c == '_' && !in_word(i))) out += '\\';
      out += c;
    }
  }
  return out;
}

std::string xml(std::string_view text) {
  std::string out;
  for (const char c : clean(text)) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string tab_field(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\n') {
      out += "\\n";
    } else if (byte < 0x20 || byte == 0x7f) {
      out += "\\x";
      out += digits[byte >> 4U];
      out += digits[byte & 15U];
    } else {
      out += c;
    }
  }
  return out;
}

void csv_field(std::string& out, std::string_view text) {
  if (text.find_first_of("\",\r\n") == std::string_view::npos) {
    out += text;
    return;
  }
  out += '"';
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

std::string path_part(std::string_view text) {
  constexpr std::size_t longest = 64;
  std::string out(text.substr(0, longest));
  for (char& c : out) {
    const bool allowed =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    if (!allowed) c = '_';
  }
  return out.empty() ? "_" : out;
}

std::string hex(std::uint64_t number) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out(16, '0');
  for (std::size_t i = 16; i-- > 0; number >>= 4U) out[i] = digits[number & 15U];
  return out;
}

std::optional<std::uint64_t> unhex(std::string_view digits) {
  if (digits.size() != 16) return std::nullopt;
  for (const char c : digits) {
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return std::nullopt;
  }
  std::uint64_t number = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), number, 16);
  return number;
}

std::string human_bytes(std::uint64_t bytes) {
  constexpr std::array<const char*, 7> units = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < units.size()) {
    value /= 1024;
    ++unit;
  }
  return format(unit == 0 || value >= 100 ? "%.0f %s" : "%.1f %s", value, units[unit]);
}

std::string human_seconds(double seconds) {
  if (seconds < 0) return "-" + human_seconds(-seconds);
  if (!(seconds < 1e12)) return "–";
  if (seconds < 1) return format("%.0f %s", seconds * 1e3, "ms");
  if (seconds < 60) return format("%.1f %s", seconds, "s");
  const auto whole = static_cast<std::uint64_t>(seconds);
  const auto two = [](std::uint64_t big, const char* unit, std::uint64_t small, const char* rest) {
    return std::to_string(big) + " " + unit + (small == 0 ? "" : " " + std::to_string(small) + " " + rest);
  };
  if (whole < 3600) return two(whole / 60, "m", whole % 60, "s");
  if (whole < 86400) return two(whole / 3600, "h", whole / 60 % 60, "m");
  return two(whole / 86400, "d", whole / 3600 % 24, "h");
}

std::string human_number(double number) {
  std::array<char, 40> text;
  const double size = std::fabs(number);
  const char* pattern = size >= 1e6 && size < 1e15 && number == std::trunc(number) ? "%.0f" : "%.6g";
  return {text.data(), static_cast<std::size_t>(std::snprintf(text.data(), text.size(), pattern, number))};
}

std::string exact_number(double number) {
  if (std::isnan(number)) return "NaN";
  if (std::isinf(number)) return number > 0 ? "+Inf" : "-Inf";
  std::array<char, 32> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), number);
  return {text.data(), static_cast<std::size_t>(end.ptr - text.data())};
}

std::string percent(double part, double whole) {
  if (!(whole > 0) || !std::isfinite(part)) return "–";
  const double share = 100 * part / whole;
  return format(share < 9.95 && share != 0 ? "%.1f %s" : "%.0f %s", share, "%");
}

std::string quantity(double value, std::string_view metric) {
  if (!std::isfinite(value)) return human_number(value);
  if (metric.ends_with("_bytes") && value >= 0 && value < 1e19) return human_bytes(static_cast<std::uint64_t>(value));
  if (metric.ends_with("_ratio")) return format("%.3g %s", 100 * value, "%");
  if (metric.ends_with("_usage")) return format("%.3g %s", value, "%");
  return human_number(value);
}

std::string rfc3339(std::int64_t unix_ns) {
  return print("%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", unix_ns);
}
std::string readable_time(std::int64_t unix_ns) {
  auto text = print("%04d-%02d-%02d %02d:%02d:%02d.%03d", unix_ns);
  return text.substr(0, text.size() - 4) + " UTC";
}
std::string compact_time(std::int64_t unix_ns) {
  auto text = print("%04d%02d%02dT%02d%02d%02d.%03d", unix_ns);
  return text.substr(0, text.size() - 4) + "Z";
}

std::optional<std::int64_t> parse_rfc3339(std::string_view text) {
  std::int64_t year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  if (!take_number(text, 4, year) || !take(text, '-') || !take_number(text, 2, month) || !take(text, '-') ||
      !take_number(text, 2, day) || text.empty() || (text.front() != 'T' && text.front() != 't')) {
    return std::nullopt;
  }
  text.remove_prefix(1);
  if (!take_number(text, 2, hour) || !take(text, ':') || !take_number(text, 2, minute) || !take(text, ':') ||
      !take_number(text, 2, second)) {
    return std::nullopt;
  }
  auto at = to_ns(year, month, day, hour, minute, second);
  if (!at) return std::nullopt;
  if (take(text, '.')) {
    std::int64_t unit = 1'000'000'000;
    std::size_t digits = 0;
    for (; digits < text.size() && text[digits] >= '0' && text[digits] <= '9'; ++digits) {
      unit /= 10;
      *at += (text[digits] - '0') * unit;
    }
    if (digits == 0 || digits > 9) return std::nullopt;
    text.remove_prefix(digits);
  }
  if (text == "Z" || text == "z") return at;
  if (text.size() != 6 || (text.front() != '+' && text.front() != '-')) return std::nullopt;
  const std::int64_t sign = text.front() == '+' ? -1 : 1;
  text.remove_prefix(1);
  if (!take_number(text, 2, hour) || !take(text, ':') || !take_number(text, 2, minute) || hour > 23 || minute > 59) {
    return std::nullopt;
  }
  return *at + sign * (hour * 60 + minute) * 60'000'000'000;
}

std::optional<std::int64_t> parse_compact_time(std::string_view text) {
  std::int64_t year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  if (!take_number(text, 4, year) || !take_number(text, 2, month) || !take_number(text, 2, day) || !take(text, 'T') ||
      !take_number(text, 2, hour) || !take_number(text, 2, minute) || !take_number(text, 2, second) || text != "Z") {
    return std::nullopt;
  }
  return to_ns(year, month, day, hour, minute, second);
}

}  // namespace snapshot
