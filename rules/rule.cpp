#include "rules/rule.hpp"

#include <array>
#include <span>

#include "core/config/duration.hpp"
#include "rules/scanner.hpp"

namespace sentinel::rules {

namespace {

std::string listed(const std::vector<std::string>& names) {
  std::string out;
  for (const auto& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

std::string by_clause(const WindowSpec& window) {
  return window.by ? " by (" + listed(*window.by) + ")" : "";
}

/// `sum by (device) of rate over 1m of x`.
std::string describe(const WindowSpec& window) {
  std::string out(to_string(window.function));
  if (window.function == Function::quantile) out += ' ' + format_number(window.quantile);
  if (window.function == Function::distinct) out += ' ' + window.distinct_of;
  out += " over " + config::format_duration(window.over);
  if (window.aggregation == Aggregation::none) {
    out += by_clause(window);
  } else {
    out = std::string(to_string(window.aggregation)) + by_clause(window) + " of " + out;
  }
  const std::string filter = to_string(window.filter);
  return out + " of " + (window.filter.comparison ? "(" + filter + ")" : filter);
}

/// An item of an identity: its length first, so that no text can look like two.
void append(std::string& out, std::string_view item) {
  out += std::to_string(item.size());
  out += ':';
  out += item;
}

bool is_window_alone(const std::vector<Expression::Step>& side) {
  return side.size() == 1 && side.front().kind == Expression::Step::Kind::window;
}

}  // namespace

std::string_view to_string(Function function) noexcept {
  constexpr std::array<std::string_view, 9> words = {"count", "sum",  "rate",     "avg",     "min",
                                                     "max",   "last", "quantile", "distinct"};
  return words[static_cast<std::size_t>(function)];
}

std::string_view to_string(Aggregation aggregation) noexcept {
  constexpr std::array<std::string_view, 6> words = {"none", "sum", "avg", "min", "max", "count"};
  return words[static_cast<std::size_t>(aggregation)];
}

std::string_view to_string(Severity severity) noexcept {
  constexpr std::array<std::string_view, 3> words = {"info", "warning", "critical"};
  return words[static_cast<std::size_t>(severity)];
}

std::string WindowSpec::identity() const {
  std::string out;
  append(out, to_string(filter));
  append(out, config::format_duration(over));
  append(out, every ? config::format_duration(*every) : "");
  append(out, to_string(function));
  append(out, function == Function::quantile ? format_number(quantile) : "");
  append(out, function == Function::distinct ? distinct_of : "");
  append(out, to_string(aggregation));
  append(out, by ? "by" : "");
  if (by) {
    for (const auto& label : *by) append(out, label);
  }
  append(out, std::to_string(groups));
  return out;
}

std::string Rule::expression() const {
  if (windows.empty()) return filter ? to_string(*filter) : std::string();
  if (!alert) return describe(windows.front());
  const Expression& when = alert->when;
  if (windows.size() == 1 && is_window_alone(when.left())) {
    const std::array<std::string, 1> left = {std::string("w")};
    // All but the window's name, whose place its description takes.
    return describe(windows.front()) + to_string(when, left).substr(1);
  }
  std::vector<std::string> names;
  for (const auto& window : windows) names.push_back(window.name);
  std::string out = to_string(when, names);
  for (const auto& window : windows) {
    out += (&window == &windows.front() ? " where " : ", ") + window.name + " = " + describe(window);
  }
  return out;
}

std::string Rule::identity() const {
  std::string out;
  append(out, name);
  append(out, std::to_string(from.size()));
  for (const auto& source : from) append(out, source);
  append(out, filter ? to_string(*filter) : "");
  for (const auto& window : windows) append(out, window.identity());
  return out;
}

}  // namespace sentinel::rules
