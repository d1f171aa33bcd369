#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rules/selector.hpp"

namespace sentinel::rules {

/// Arithmetic over the windows of a rule, and one comparison at its top: `again / sent > 0.05`, or `> 80` when the rule
/// has one window. Operators and their precedence are PromQL's: ^, then * / %, then + -, unary minus, parentheses;
/// numbers as PromQL writes them (`1e6`, `Inf`). Immutable; any thread.
class Expression {
 public:
  /// One step of a stack machine.
  struct Step {
    enum class Kind { number, window, negate, add, subtract, multiply, divide, remainder, power };
    Kind kind = Kind::number;
    double number = 0;
    std::uint32_t window = 0;  ///< index into the rule's windows
  };
  static constexpr std::size_t deepest_stack = 64;

  struct Outcome {
    bool holds = false;
    double left = 0;   ///< what people are told as the value
    double right = 0;  ///< the threshold
  };

  /// Neither allocates nor throws. A NaN on either side never holds.
  [[nodiscard]] Outcome evaluate(std::span<const double> windows) const;

  [[nodiscard]] const std::vector<Step>& left() const { return left_; }
  [[nodiscard]] const std::vector<Step>& right() const { return right_; }
  [[nodiscard]] Comparison comparison() const { return comparison_; }
  /// Windows that it names, each once.
  [[nodiscard]] const std::vector<std::uint32_t>& windows() const { return windows_; }

 private:
  friend class ExpressionParser;
  std::vector<Step> left_;
  std::vector<Step> right_;
  Comparison comparison_ = Comparison::greater;
  std::vector<std::uint32_t> windows_;
};

/// `names` are the rule's windows, in order; a left side left out is the first and only one. At most 8 KiB, nested at
/// most 64 deep.
[[nodiscard]] Parsed<Expression> parse_expression(std::string_view text, std::span<const std::string> names);

/// As PromQL writes it, with `names` for the windows (which may be whole PromQL expressions; they get parentheses).
[[nodiscard]] std::string to_string(const Expression& expression, std::span<const std::string> names);

}  // namespace sentinel::rules
