#include "rules/selector.hpp"

#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <utility>

#include "core/config/suggest.hpp"
#include "rules/scanner.hpp"

namespace sentinel::rules {

namespace {

using config::quote;

constexpr std::size_t most_matchers = 64;
constexpr std::int64_t regex_memory_bytes = 1 << 20;

std::string_view symbol(Matcher::Op op) {
  switch (op) {
    case Matcher::Op::equal:
      return "=";
    case Matcher::Op::not_equal:
      return "!=";
    case Matcher::Op::matches:
      return "=~";
    case Matcher::Op::not_matches:
      return "!~";
  }
  return "=";
}

RE2::Options regex_options() {
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(regex_memory_bytes);
  return options;
}

bool is_metric_name(std::string_view text) {
  Scanner scanner(text);
  return !scanner.take_name(true).empty() && scanner.at_end();
}

class SelectorParser {
 public:
  explicit SelectorParser(std::string_view text) : scanner_(text) {}

  Parsed<Selector> parse() {
    auto selector = read();
    if (!selector) return {{}, scanner_.mistake()};
    return {std::move(selector), {}};
  }

 private:
  std::optional<Selector> read() {
    if (scanner_.rest().size() > longest_expression_bytes) {
      return scanner_.fail(0, "is longer than 8 KiB; a filter selects one metric");
    }
    scanner_.skip_space();
    const std::size_t begin = scanner_.offset();
    selector_.metric = scanner_.take_name(true);
    scanner_.skip_space();
    if (scanner_.peek() == '{') {
      if (!read_matchers()) return std::nullopt;
    } else if (selector_.metric.empty()) {
      return scanner_.fail(begin, scanner_.describe_next() +
                                      " is no selector; begin with a metric's name or {, as in "
                                      "sentinel_tcp_connections{state=\"time_wait\"}");
    }
    if (!check_names(begin)) return std::nullopt;
    scanner_.skip_space();
    if (scanner_.at_end()) return std::move(selector_);
    return read_comparison();
  }

  bool read_matchers() {
    scanner_.take("{");
    scanner_.skip_space();
    while (!scanner_.take("}")) {
      if (!read_matcher()) return false;
      scanner_.skip_space();
      if (!scanner_.take(",") && scanner_.peek() != '}') {
        scanner_.fail(scanner_.offset(), scanner_.describe_next() + " cannot stand here; write , or } after a matcher");
        return false;
      }
      scanner_.skip_space();
    }
    return true;
  }

  bool read_matcher() {
    const std::size_t begin = scanner_.offset();
    const std::string label(scanner_.take_name());
    if (label.empty()) {
      scanner_.fail(begin, scanner_.describe_next() + " is no label's name; write for example {state=\"time_wait\"}");
      return false;
    }
    scanner_.skip_space();
    const auto op = read_op();
    if (!op) return false;
    scanner_.skip_space();
    const std::size_t value_begin = scanner_.offset();
    auto value = scanner_.take_string();
    if (!value) return false;
    std::shared_ptr<const re2::RE2> regex;
    if (*op == Matcher::Op::matches || *op == Matcher::Op::not_matches) {
      regex = compile(*value, value_begin);
      if (!regex) return false;
    }
    if (selector_.name.size() + selector_.matchers.size() == most_matchers) {
      scanner_.fail(begin, "is one matcher too many; 64 may stand in a selector");
      return false;
    }
    auto& list = label == "__name__" ? selector_.name : selector_.matchers;
    if (label == "__name__" && !selector_.metric.empty()) {
      scanner_.fail(begin,
                    "the metric's name stands here twice; leave __name__ or " + quote(selector_.metric) + " out");
      return false;
    }
    list.emplace_back(label, *op, std::move(*value), std::move(regex));
    return true;
  }

  std::optional<Matcher::Op> read_op() {
    const std::size_t begin = scanner_.offset();
    constexpr std::string_view allowed = "; write =, !=, =~ or !~ between a label and its value";
    const auto refuse = [&](std::string_view wrong, std::string_view meant) {
      return scanner_.fail(
          begin, quote(wrong) + " matches no label" + std::string(allowed) + " (did you mean " + quote(meant) + "?)");
    };
    if (scanner_.rest().starts_with("==")) return refuse("==", "=");
    if (scanner_.rest().starts_with("~=")) return refuse("~=", "=~");
    if (scanner_.rest().starts_with("<>")) return refuse("<>", "!=");
    if (scanner_.rest().starts_with(":")) return refuse(":", "=");
    if (scanner_.take("=~")) return Matcher::Op::matches;
    if (scanner_.take("!~")) return Matcher::Op::not_matches;
    if (scanner_.take("!=")) return Matcher::Op::not_equal;
    if (scanner_.take("=")) return Matcher::Op::equal;
    return scanner_.fail(begin, scanner_.describe_next() + " cannot stand here" + std::string(allowed));
  }

  std::shared_ptr<const re2::RE2> compile(const std::string& pattern, std::size_t begin) {
    const auto options = regex_options();
    auto regex = std::make_shared<const RE2>("^(?s:" + pattern + ")$", options);
    if (regex->ok()) return regex;
    // What RE2 says of the bare pattern names what stands in the file.
    const RE2 bare(pattern, options);
    const std::string& why = bare.ok() ? regex->error() : bare.error();
    scanner_.fail(begin, "this is no regular expression of RE2: " + config::printable(why, 200));
    return nullptr;
  }

  /// What Prometheus demands of the names and matchers together.
  bool check_names(std::size_t begin) {
    if (selector_.metric.empty() && selector_.name.size() == 1) {
      const Matcher& only = selector_.name.front();
      if (only.op() == Matcher::Op::equal && is_metric_name(only.value())) {
        selector_.metric = only.value();
        selector_.name.clear();
      }
    }
    const auto selects = [](const Matcher& matcher) { return !matcher.matches(""); };
    if (!selector_.metric.empty() || std::any_of(selector_.name.begin(), selector_.name.end(), selects) ||
        std::any_of(selector_.matchers.begin(), selector_.matchers.end(), selects)) {
      return true;
    }
    scanner_.fail(begin, "selects everything; name a metric, or give one matcher that the empty text does not match");
    return false;
  }

  std::optional<Selector> read_comparison() {
    const std::size_t begin = scanner_.offset();
    const auto comparison = scanner_.take_comparison();
    if (!comparison) return refuse_rest(begin);
    scanner_.skip_space();
    if (scanner_.peek_name() == "bool") {
      return scanner_.fail(scanner_.offset(), "bool cannot stand here: a filter lets a record through or does not");
    }
    const bool negative = scanner_.take("-");
    if (!negative) scanner_.take("+");
    scanner_.skip_space();
    const auto number = scanner_.take_number();
    if (!number) return std::nullopt;
    scanner_.skip_space();
    if (!scanner_.at_end()) return refuse_rest(scanner_.offset());
    selector_.comparison = *comparison;
    selector_.value = negative ? -*number : *number;
    return std::move(selector_);
  }

  /// What else PromQL knows, and where it belongs here.
  std::nullopt_t refuse_rest(std::size_t begin) {
    const char next = scanner_.peek();
    const auto word = scanner_.peek_name();
    std::string why = "; a filter is a selector with at most one comparison, as in sentinel_memory_usage > 80";
    if (next == '[') why = ": how far a window reaches back is its over:, as in window: {over: 1m, fn: rate}";
    if (next == '(') why = ": a filter only selects; window: {fn: rate} computes";
    if (next == '@' || word == "offset") why = ": a filter sees records as they come, without a shift in time";
    if (std::string_view("+-*/%^").find(next) != std::string_view::npos) {
      why = ": arithmetic stands in alert: when:, over the names in windows:";
    }
    if (word == "and" || word == "or" || word == "unless") why = ": a filter selects once; write another pipeline";
    return scanner_.fail(begin, scanner_.describe_next() + " cannot stand here" + why);
  }

  Scanner scanner_;
  Selector selector_;
};

}  // namespace

Matcher::Matcher(std::string label, Op op, std::string value, std::shared_ptr<const re2::RE2> regex)
    : label_(std::move(label)), op_(op), value_(std::move(value)), regex_(std::move(regex)) {}

bool Matcher::matches(std::string_view value) const {
  const auto found = [&] {
    return regex_->Match(re2::StringPiece(value.data(), value.size()), 0, value.size(), RE2::UNANCHORED, nullptr, 0);
  };
  switch (op_) {
    case Op::equal:
      return value == value_;
    case Op::not_equal:
      return value != value_;
    case Op::matches:
      return found();
    case Op::not_matches:
      return !found();
  }
  return false;
}

bool holds(Comparison comparison, double left, double right) noexcept {
  switch (comparison) {
    case Comparison::equal:
      return left == right;
    case Comparison::not_equal:
      return left != right;
    case Comparison::less:
      return left < right;
    case Comparison::less_or_equal:
      return left <= right;
    case Comparison::greater:
      return left > right;
    case Comparison::greater_or_equal:
      return left >= right;
  }
  return false;
}

std::string_view symbol(Comparison comparison) noexcept {
  constexpr std::array<std::string_view, 6> symbols = {"==", "!=", "<", "<=", ">", ">="};
  return symbols[static_cast<std::size_t>(comparison)];
}

ContextField context_field(std::string_view label) noexcept {
  static constexpr std::array<std::pair<std::string_view, ContextField>, 9> fields = {
      {{"pid", ContextField::pid},
       {"tid", ContextField::tid},
       {"ppid", ContextField::ppid},
       {"comm", ContextField::comm},
       {"parent_comm", ContextField::parent_comm},
       {"cgroup_id", ContextField::cgroup_id},
       {"container_id", ContextField::container_id},
       {"exe", ContextField::exe},
       {"pod", ContextField::pod}}};
  for (const auto& [name, field] : fields) {
    if (name == label) return field;
  }
  return ContextField::none;
}

bool Selector::matches_metric(std::string_view metric_name) const {
  if (!metric.empty()) return metric_name == metric;
  return std::all_of(name.begin(), name.end(), [&](const Matcher& matcher) { return matcher.matches(metric_name); });
}

Parsed<Selector> parse_selector(std::string_view text) {
  return SelectorParser(text).parse();
}

std::string to_string(const Matcher& matcher) {
  return matcher.label() + std::string(symbol(matcher.op())) + quote_string(matcher.value());
}

std::string to_string(const Selector& selector) {
  std::vector<std::string> texts;
  for (const auto& matcher : selector.name) texts.push_back(to_string(matcher));
  for (const auto& matcher : selector.matchers) texts.push_back(to_string(matcher));
  std::sort(texts.begin(), texts.end());
  texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
  std::string out = selector.metric;
  if (!texts.empty() || selector.metric.empty()) {
    out += '{';
    for (const auto& text : texts) out += (&text == &texts.front() ? "" : ",") + text;
    out += '}';
  }
  if (selector.comparison) {
    out += ' ';
    out += symbol(*selector.comparison);
    out += ' ' + format_number(selector.value);
  }
  return out;
}

}  // namespace sentinel::rules
