#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "rules/selector.hpp"

namespace sentinel::rules {

inline constexpr std::size_t longest_expression_bytes = 8U << 10U;

[[nodiscard]] constexpr bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}
[[nodiscard]] constexpr bool is_letter(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/// Reads tokens as PromQL has them (https://github.com/prometheus/prometheus/blob/main/promql/parser/lex.go), one after
/// another. The text must outlive it. After a mistake only mistake() is worth asking.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  /// Past spaces, line ends and `#` comments.
  void skip_space() noexcept;
  [[nodiscard]] bool at_end() const noexcept { return offset_ == text_.size(); }
  [[nodiscard]] std::size_t offset() const noexcept { return offset_; }
  [[nodiscard]] std::string_view rest() const noexcept { return text_.substr(offset_); }
  /// The next byte; NUL at the end.
  [[nodiscard]] char peek() const noexcept { return at_end() ? '\0' : text_[offset_]; }
  /// Takes \p token if it comes next.
  bool take(std::string_view token) noexcept;

  /// [a-zA-Z_][a-zA-Z0-9_]*, with colons where \p colons; empty when none comes next.
  std::string_view take_name(bool colons = false) noexcept;
  /// The word that comes next, without taking it.
  [[nodiscard]] std::string_view peek_name() const noexcept;
  /// `==`, `!=`, `<`, `<=`, `>` or `>=`. A near miss (`=`, `=>`, `<>`) is a mistake.
  std::optional<Comparison> take_comparison();
  /// An unsigned number: `80`, `.5`, `1e6`, `0x1F`, `Inf`. No NaN, which compares with nothing, and no octal.
  std::optional<double> take_number();
  /// "…", '…' with PromQL's escapes, or `…` without any. Always valid UTF-8.
  std::optional<std::string> take_string();

  /// Remembers the first mistake; returns nothing, so that a parser can return it.
  std::nullopt_t fail(std::size_t offset, std::string message);
  [[nodiscard]] const std::optional<Mistake>& mistake() const noexcept { return mistake_; }
  /// What comes next, for a message: `"foo"`, or "the end".
  [[nodiscard]] std::string describe_next() const;

 private:
  bool take_escape(char quote_mark, std::string& out);

  std::string_view text_;
  std::size_t offset_ = 0;
  std::optional<Mistake> mistake_;
};

/// As PromQL prints a string, in double quotes.
[[nodiscard]] std::string quote_string(std::string_view text);
/// The shortest decimal that reads back as the same number; "Inf", "-Inf", "NaN".
[[nodiscard]] std::string format_number(double number);

}  // namespace sentinel::rules
