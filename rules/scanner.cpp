#include "rules/scanner.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>

#include "core/config/file.hpp"
#include "core/config/suggest.hpp"

namespace sentinel::rules {

namespace {

using config::quote;

int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return 99;
}

bool equals_ignoring_case(std::string_view text, std::string_view lower) {
  return std::equal(text.begin(), text.end(), lower.begin(), lower.end(),
                    [](char a, char b) { return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b; });
}

void append_utf8(std::uint32_t code, std::string& out) {
  const auto tail = [](std::uint32_t bits) { return static_cast<char>(0x80U | (bits & 0x3FU)); };
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0U | (code >> 6U));
    out += tail(code);
  } else if (code < 0x10000) {
    out += static_cast<char>(0xE0U | (code >> 12U));
    out += tail(code >> 6U);
    out += tail(code);
  } else {
    out += static_cast<char>(0xF0U | (code >> 18U));
    out += tail(code >> 12U);
    out += tail(code >> 6U);
    out += tail(code);
  }
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = config::utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

}  // namespace

void Scanner::skip_space() noexcept {
  while (!at_end()) {
    const char c = peek();
    if (c == '#') {
      offset_ = std::min(text_.find('\n', offset_), text_.size());
    } else if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
      ++offset_;
    } else {
      return;
    }
  }
}

bool Scanner::take(std::string_view token) noexcept {
  if (!rest().starts_with(token)) return false;
  offset_ += token.size();
  return true;
}

std::string_view Scanner::peek_name() const noexcept {
  Scanner ahead = Scanner(rest());
  return ahead.take_name();
}

std::string_view Scanner::take_name(bool colons) noexcept {
  const auto is_part = [colons](char c) { return is_letter(c) || (colons && c == ':'); };
  if (at_end() || !is_part(peek())) return {};
  const std::size_t begin = offset_;
  while (!at_end() && (is_part(peek()) || is_digit(peek()))) ++offset_;
  return text_.substr(begin, offset_ - begin);
}

std::optional<Comparison> Scanner::take_comparison() {
  struct Near {
    std::string_view wrong;
    std::string_view right;
  };
  static constexpr std::array<Near, 5> near_misses = {
      {{"=>", ">="}, {"=<", "<="}, {"<>", "!="}, {"=~", "=="}, {"!~", "!="}}};
  for (const auto& near : near_misses) {
    if (rest().starts_with(near.wrong)) {
      return fail(offset_, quote(near.wrong) + " compares no numbers; write ==, !=, <, <=, > or >= (did you mean " +
                               quote(near.right) + "?)");
    }
  }
  static constexpr std::array<std::pair<std::string_view, Comparison>, 6> all = {{{"==", Comparison::equal},
                                                                                  {"!=", Comparison::not_equal},
                                                                                  {"<=", Comparison::less_or_equal},
                                                                                  {">=", Comparison::greater_or_equal},
                                                                                  {"<", Comparison::less},
                                                                                  {">", Comparison::greater}}};
  for (const auto& [token, comparison] : all) {
    if (take(token)) return comparison;
  }
  if (peek() == '=') {
    return fail(offset_, R"("=" compares no numbers; write ==, !=, <, <=, > or >= (did you mean "=="?))");
  }
  return std::nullopt;
}

std::optional<double> Scanner::take_number() {
  const std::size_t begin = offset_;
  const auto word = peek_name();
  if (equals_ignoring_case(word, "inf")) {
    offset_ += word.size();
    return std::numeric_limits<double>::infinity();
  }
  if (equals_ignoring_case(word, "nan")) return fail(begin, "NaN compares with nothing; write a number");

  const auto digits = rest();
  double number = 0;
  const char* end = nullptr;
  std::errc error{};
  if (digits.starts_with("0x") || digits.starts_with("0X")) {
    std::uint64_t whole = 0;
    const auto parsed = std::from_chars(digits.data() + 2, digits.data() + digits.size(), whole, 16);
    number = static_cast<double>(whole);
    end = parsed.ptr;
    error = parsed.ec;
  } else {
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    end = parsed.ptr;
    error = parsed.ec;
  }
  if (error == std::errc::invalid_argument || digits.empty() || digits.front() == '-') {
    return fail(begin, describe_next() + " is no number; write for example 80, 0.05 or 1e6");
  }
  if (error != std::errc()) return fail(begin, describe_next() + " leaves the range of numbers");
  const std::string_view taken(digits.data(), static_cast<std::size_t>(end - digits.data()));
  if (taken.size() > 1 && taken.front() == '0' && is_digit(taken[1])) {
    return fail(begin, quote(taken) + " begins with 0, which PromQL takes for octal; leave the 0 out");
  }
  offset_ += taken.size();
  if (!at_end() && (is_letter(peek()) || is_digit(peek()))) {
    return fail(offset_,
                "a number stands here without a unit; " + quote(peek_name()) + " cannot follow " + quote(taken));
  }
  return number;
}

std::optional<std::string> Scanner::take_string() {
  const std::size_t begin = offset_;
  const char mark = peek();
  if (mark != '"' && mark != '\'' && mark != '`') {
    return fail(begin, describe_next() + " is no text; put it in quotes, as in \"time_wait\"");
  }
  ++offset_;
  std::string out;
  while (peek() != mark || at_end()) {
    if (at_end() || (mark != '`' && peek() == '\n')) {
      return fail(begin, std::string("the closing ") + mark + " of this text is missing");
    }
    if (mark != '`' && peek() == '\\') {
      if (!take_escape(mark, out)) return std::nullopt;
    } else {
      out += peek();
      ++offset_;
    }
  }
  ++offset_;
  if (!is_utf8(out)) return fail(begin, "this text is not valid UTF-8, as every label's value is");
  return out;
}

bool Scanner::take_escape(char quote_mark, std::string& out) {
  const std::size_t begin = offset_;
  ++offset_;
  const char c = peek();
  constexpr std::string_view letters = "abfnrtv\\";
  constexpr std::string_view meaning = "\a\b\f\n\r\t\v\\";
  if (const auto at = letters.find(c); !at_end() && at != std::string_view::npos) {
    out += meaning[at];
    ++offset_;
    return true;
  }
  if (!at_end() && c == quote_mark) {
    out += c;
    ++offset_;
    return true;
  }
  const bool octal = c >= '0' && c <= '7';
  const std::size_t length = octal ? 3 : c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
  const std::uint32_t base = octal ? 8 : 16;
  if (!octal) ++offset_;
  std::uint32_t code = 0;
  std::size_t read = 0;
  for (; read < length && !at_end() && static_cast<std::uint32_t>(hex_digit(peek())) < base; ++read, ++offset_) {
    code = code * base + static_cast<std::uint32_t>(hex_digit(peek()));
  }
  const bool byte = octal || c == 'x';
  const bool known = length != 0 && read == length && code <= (byte ? 0xFFU : 0x10FFFFU) && (code >> 11U) != 0x1BU;
  if (!known) {
    fail(begin,
         quote(text_.substr(begin, std::min<std::size_t>(std::max<std::size_t>(offset_ - begin, 2), 10))) +
             " is no escape; write \\\\ for a backslash, \\n, \\t, \\x41, \\u00e9, or put the text in backticks");
    return false;
  }
  if (byte) {
    out += static_cast<char>(code);
  } else {
    append_utf8(code, out);
  }
  return true;
}

std::nullopt_t Scanner::fail(std::size_t offset, std::string message) {
  if (!mistake_) mistake_ = Mistake{offset, std::move(message)};
  return std::nullopt;
}

std::string Scanner::describe_next() const {
  if (at_end()) return "the end";
  if (const auto word = peek_name(); !word.empty()) return quote(word);
  Scanner ahead(rest());
  while (!ahead.at_end() && (is_digit(ahead.peek()) || is_letter(ahead.peek()) || ahead.peek() == '.')) {
    ahead.offset_ += 1;
  }
  if (ahead.offset_ > 0) return quote(rest().substr(0, ahead.offset_));
  return quote(rest().substr(0, std::max<std::size_t>(config::utf8_length(rest()), 1)));
}

std::string quote_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (byte < 0x20 || byte == 0x7F) {
      constexpr std::string_view digits = "0123456789abcdef";
      out += "\\x";
      out += digits[byte >> 4U];
      out += digits[byte & 0xFU];
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string format_number(double number) {
  if (std::isnan(number)) return "NaN";
  if (std::isinf(number)) return number > 0 ? "Inf" : "-Inf";
  std::array<char, 32> text{};
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), number);
  return {text.data(), end};
}

}  // namespace sentinel::rules
