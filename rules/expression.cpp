#include "rules/expression.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "core/config/suggest.hpp"
#include "rules/scanner.hpp"

namespace sentinel::rules {

using Kind = Expression::Step::Kind;

namespace {

using config::quote;

constexpr std::size_t deepest_nesting = 64;

double compute(Kind kind, double left, double right) {
  switch (kind) {
    case Kind::add:
      return left + right;
    case Kind::subtract:
      return left - right;
    case Kind::multiply:
      return left * right;
    case Kind::divide:
      return left / right;
    case Kind::remainder:
      return std::fmod(left, right);
    case Kind::power:
      return std::pow(left, right);
    case Kind::number:
    case Kind::window:
    case Kind::negate:
      break;
  }
  return std::numeric_limits<double>::quiet_NaN();
}

double evaluate_side(const std::vector<Expression::Step>& steps, std::span<const double> windows) {
  std::array<double, Expression::deepest_stack> stack;  // NOLINT: written before it is read
  std::size_t depth = 0;
  for (const auto& step : steps) {
    if (step.kind == Kind::number) {
      stack[depth++] = step.number;
    } else if (step.kind == Kind::window) {
      stack[depth++] = step.window < windows.size() ? windows[step.window] : std::numeric_limits<double>::quiet_NaN();
    } else if (step.kind == Kind::negate) {
      stack[depth - 1] = -stack[depth - 1];
    } else {
      --depth;
      stack[depth - 1] = compute(step.kind, stack[depth - 1], stack[depth]);
    }
  }
  return depth == 1 ? stack[0] : std::numeric_limits<double>::quiet_NaN();
}

/// How tightly an operator binds; PromQL's order.
int precedence(Kind kind) {
  switch (kind) {
    case Kind::add:
    case Kind::subtract:
      return 1;
    case Kind::multiply:
    case Kind::divide:
    case Kind::remainder:
    case Kind::negate:
      return 2;
    case Kind::power:
      return 3;
    case Kind::number:
    case Kind::window:
      break;
  }
  return 4;
}

std::string_view symbol(Kind kind) {
  switch (kind) {
    case Kind::add:
      return " + ";
    case Kind::subtract:
    case Kind::negate:
      return " - ";
    case Kind::multiply:
      return " * ";
    case Kind::divide:
      return " / ";
    case Kind::remainder:
      return " % ";
    case Kind::power:
      return " ^ ";
    case Kind::number:
    case Kind::window:
      break;
  }
  return "";
}

/// The bracket that closes the one at \p open, brackets in strings not counted; npos when there is none.
std::size_t closing(std::string_view text, std::size_t open) {
  std::size_t depth = 0;
  char in_string = '\0';
  for (std::size_t i = open; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string != '\0') {
      if (c == '\\' && in_string != '`') ++i;
      if (c == in_string) in_string = '\0';
    } else if (c == '"' || c == '\'' || c == '`') {
      in_string = c;
    } else if (c == '(' || c == '{') {
      ++depth;
    } else if ((c == ')' || c == '}') && --depth == 0) {
      return i;
    }
  }
  return std::string_view::npos;
}

/// Whether the bracket that comes next closes at the text's end.
bool closes_at_end(const Scanner& scanner, std::string_view text) {
  return (scanner.peek() == '(' || scanner.peek() == '{') && closing(text, scanner.offset()) == text.size() - 1;
}

/// A text of PromQL as an operand: a name, a selector, a call, `sum by (…) (…)` or what has parentheses stays as it is.
std::string as_operand(const std::string& text) {
  Scanner scanner(text);
  const bool named = !scanner.take_name(true).empty();
  if ((named && scanner.at_end()) || closes_at_end(scanner, text)) return text;
  if (named && scanner.take(" by ") && scanner.peek() == '(') {
    const auto end = closing(text, scanner.offset());
    const std::string rest = text.substr(std::min(end, text.size() - 1) + 1);
    if (rest.starts_with(" (") && closing(rest, 1) == rest.size() - 1) return text;
  }
  return "(" + text + ")";
}

struct Printed {
  std::string text;
  int precedence = 4;
};

std::string within(const Printed& operand, int least) {
  return operand.precedence < least ? "(" + operand.text + ")" : operand.text;
}

std::string print_side(const std::vector<Expression::Step>& steps, std::span<const std::string> names) {
  std::vector<Printed> stack;
  for (const auto& step : steps) {
    if (step.kind == Kind::number) {
      stack.push_back({format_number(step.number)});
    } else if (step.kind == Kind::window) {
      stack.push_back({as_operand(step.window < names.size() ? names[step.window] : std::string("?"))});
    } else if (step.kind == Kind::negate) {
      stack.back() = {"-" + within(stack.back(), 3), 2};
    } else {
      const Printed right = std::move(stack.back());
      stack.pop_back();
      Printed& left = stack.back();
      const int own = precedence(step.kind);
      const bool from_the_right = step.kind == Kind::power;
      left.text = within(left, from_the_right ? own + 1 : own) + std::string(symbol(step.kind)) +
                  within(right, from_the_right ? own : own + 1);
      left.precedence = own;
    }
  }
  return stack.empty() ? std::string() : stack.back().text;
}

}  // namespace

class ExpressionParser {
 public:
  ExpressionParser(std::string_view text, std::span<const std::string> names) : scanner_(text), names_(names) {}

  Parsed<Expression> parse() {
    if (!read()) return {{}, scanner_.mistake()};
    return {std::move(expression_), {}};
  }

 private:
  bool read() {
    if (scanner_.rest().size() > longest_expression_bytes) return fail("is longer than 8 KiB");
    scanner_.skip_space();
    const std::size_t begin = scanner_.offset();
    if (scanner_.at_end()) return fail("is empty; write a comparison such as > 80");
    const bool left_given = std::string_view("<>=!").find(scanner_.peek()) == std::string_view::npos;
    if (left_given) {
      if (!read_sum(expression_.left_)) return false;
    } else if (names_.size() == 1) {
      if (!add_window(expression_.left_, 0)) return false;
    }
    scanner_.skip_space();
    const std::size_t at = scanner_.offset();
    const auto comparison = scanner_.take_comparison();
    if (!comparison) return refuse_rest(at, "a comparison is missing here; write for example > 80");
    if (!left_given && names_.size() != 1) {
      return fail("say what is compared: this rule has the windows " + joined_names(), begin);
    }
    expression_.comparison_ = *comparison;
    if (expression_.windows_.empty()) {
      return fail("the left side names no window" + hint_of_names() + "; put what is measured on the left", begin);
    }
    scanner_.skip_space();
    if (scanner_.peek_name() == "bool") return fail("bool cannot stand here: an alert's condition holds or does not");
    if (!read_sum(expression_.right_)) return false;
    scanner_.skip_space();
    if (!scanner_.at_end()) return refuse_rest(scanner_.offset(), "the expression ends before it");
    return true;
  }

  bool refuse_rest(std::size_t at, std::string_view otherwise) {
    if (scanner_.mistake()) return false;
    const std::string next = scanner_.describe_next();
    const auto word = scanner_.peek_name();
    if (word == "and" || word == "or" || word == "unless") {
      return fail(next + " cannot stand here: a rule has one comparison; write another pipeline for the other", at);
    }
    Scanner ahead = scanner_;
    if (ahead.take_comparison()) {
      return fail("a second comparison cannot stand here: one at the top decides", at);
    }
    if (scanner_.at_end()) return fail(std::string(otherwise), at);
    return fail(next + " cannot stand here: " + std::string(otherwise), at);
  }

  bool fail(std::string message) { return fail(std::move(message), scanner_.offset()); }
  bool fail(std::string message, std::size_t offset) {
    scanner_.fail(offset, std::move(message));
    return false;
  }

  [[nodiscard]] std::string joined_names() const { return config::join_names({names_.begin(), names_.end()}); }
  [[nodiscard]] std::string hint_of_names() const {
    const bool named = std::any_of(names_.begin(), names_.end(), [](const auto& name) { return !name.empty(); });
    return named ? " (this rule has " + joined_names() + ")" : "";
  }

  /// Appends an operand, unless the stack machine has no room for it.
  bool push(std::vector<Expression::Step>& steps, Expression::Step step) {
    if (depth_ == Expression::deepest_stack)
      return fail("is nested too deep; put at most 64 operands into one another");
    ++depth_;
    steps.push_back(step);
    return true;
  }

  void apply(std::vector<Expression::Step>& steps, Kind kind) {
    --depth_;
    steps.push_back({kind, 0, 0});
  }

  bool add_window(std::vector<Expression::Step>& steps, std::uint32_t index) {
    auto& windows = expression_.windows_;
    if (std::find(windows.begin(), windows.end(), index) == windows.end()) windows.push_back(index);
    return push(steps, {Kind::window, 0, index});
  }

  using Operators = std::array<std::pair<char, Kind>, 3>;

  bool read_sum(std::vector<Expression::Step>& steps) {
    const std::size_t base = depth_;
    static constexpr Operators sums = {{{'+', Kind::add}, {'-', Kind::subtract}, {}}};
    const bool good = read_chain(steps, sums, true);
    // Each side has a stack of its own, of one value at its end.
    if (nesting_ == 0) depth_ = base;
    return good;
  }

  bool read_chain(std::vector<Expression::Step>& steps, const Operators& operators, bool of_sums) {
    static constexpr Operators products = {{{'*', Kind::multiply}, {'/', Kind::divide}, {'%', Kind::remainder}}};
    const auto operand = [&] { return of_sums ? read_chain(steps, products, false) : read_unary(steps); };
    if (!operand()) return false;
    for (;;) {
      scanner_.skip_space();
      const char next = scanner_.peek();
      const auto found = std::find_if(operators.begin(), operators.end(),
                                      [next](const auto& entry) { return next != '\0' && entry.first == next; });
      if (found == operators.end()) return true;
      scanner_.take({&found->first, 1});
      if (!operand()) return false;
      apply(steps, found->second);
    }
  }

  bool enter() {
    if (nesting_ == deepest_nesting) return fail("is nested too deep; 64 levels are read");
    ++nesting_;
    return true;
  }

  /// A sign binds less than ^: -2 ^ 2 is -4.
  bool read_unary(std::vector<Expression::Step>& steps) {
    scanner_.skip_space();
    if (scanner_.peek() != '-' && scanner_.peek() != '+') return read_power(steps);
    const bool negative = scanner_.peek() == '-';
    if (!enter()) return false;
    scanner_.take(negative ? "-" : "+");
    const bool good = read_unary(steps);
    --nesting_;
    if (good && negative) steps.push_back({Kind::negate, 0, 0});
    return good;
  }

  bool read_power(std::vector<Expression::Step>& steps) {
    if (!read_operand(steps)) return false;
    scanner_.skip_space();
    if (!scanner_.take("^")) return true;
    if (!enter()) return false;
    const bool good = read_unary(steps);
    --nesting_;
    if (good) apply(steps, Kind::power);
    return good;
  }

  bool read_operand(std::vector<Expression::Step>& steps) {
    scanner_.skip_space();
    const std::size_t begin = scanner_.offset();
    if (scanner_.peek() == '(') return read_parentheses(steps);
    if (is_letter(scanner_.peek())) return read_name(steps);
    if (is_digit(scanner_.peek()) || scanner_.peek() == '.') {
      const auto number = scanner_.take_number();
      return number && push(steps, {Kind::number, *number, 0});
    }
    return fail(scanner_.describe_next() + " cannot stand here; write a number" + (names_.size() > 1 ? ", " : " or ") +
                    "a window's name" + hint_of_names() + (names_.size() > 1 ? " or (" : ""),
                begin);
  }

  bool read_parentheses(std::vector<Expression::Step>& steps) {
    const std::size_t begin = scanner_.offset();
    if (!enter()) return false;
    scanner_.take("(");
    const bool good = read_sum(steps);
    --nesting_;
    if (!good) return false;
    scanner_.skip_space();
    if (scanner_.take(")")) return true;
    if (scanner_.at_end()) return fail("the ) of this ( is missing", begin);
    Scanner ahead = scanner_;
    if (ahead.take_comparison()) {
      return fail("a comparison cannot stand in parentheses: one at the top decides");
    }
    return fail(scanner_.describe_next() + " cannot stand here; write an operator or )");
  }

  bool read_name(std::vector<Expression::Step>& steps) {
    const std::size_t begin = scanner_.offset();
    const std::string name(scanner_.take_name());
    scanner_.skip_space();
    if (scanner_.peek() == '(') {
      return fail(quote(name) + " cannot be called here: what is computed of a series is a window's fn: and agg:",
                  begin);
    }
    if (scanner_.peek() == '{' || scanner_.peek() == '[') {
      return fail("a selector cannot stand here; put it into windows: and write the name it has there", begin);
    }
    if (const auto found = std::find(names_.begin(), names_.end(), name); found != names_.end()) {
      return add_window(steps, static_cast<std::uint32_t>(found - names_.begin()));
    }
    Scanner number(name);
    if (const auto value = number.take_number(); value && number.at_end()) {
      return push(steps, {Kind::number, *value, 0});
    }
    if (number.mistake() && name.size() == 3 && (name[0] == 'n' || name[0] == 'N')) {
      return fail(number.mistake()->message, begin);
    }
    const std::vector<std::string> known(names_.begin(), names_.end());
    if (hint_of_names().empty()) {
      return fail("there is no window named " + quote(name) + "; this rule has one without a name: write > 80 alone",
                  begin);
    }
    return fail("there is no window named " + quote(name) + config::did_you_mean(name, known) + "; this rule has " +
                    joined_names(),
                begin);
  }

  Scanner scanner_;
  std::span<const std::string> names_;
  Expression expression_;
  std::size_t depth_ = 0;    ///< of the stack machine
  std::size_t nesting_ = 0;  ///< of this parser
};

Expression::Outcome Expression::evaluate(std::span<const double> windows) const {
  Outcome outcome;
  outcome.left = evaluate_side(left_, windows);
  outcome.right = evaluate_side(right_, windows);
  outcome.holds =
      !std::isnan(outcome.left) && !std::isnan(outcome.right) && rules::holds(comparison_, outcome.left, outcome.right);
  return outcome;
}

Parsed<Expression> parse_expression(std::string_view text, std::span<const std::string> names) {
  return ExpressionParser(text, names).parse();
}

std::string to_string(const Expression& expression, std::span<const std::string> names) {
  return print_side(expression.left(), names) + ' ' + std::string(symbol(expression.comparison())) + ' ' +
         print_side(expression.right(), names);
}

}  // namespace sentinel::rules
