#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sentinel/result.hpp>

namespace re2 {
class RE2;
}

namespace sentinel::rules {

/// A mistake inside an expression: the byte at which it begins, and what is wrong and allowed.
struct Mistake {
  std::size_t offset = 0;
  std::string message;
};

/// `label="value"`, or one of PromQL's other three. Immutable; any thread.
class Matcher {
 public:
  enum class Op { equal, not_equal, matches, not_matches };

  /// `regex` is null unless the operator is one of the two with RE2, anchored at both ends as Prometheus does.
  Matcher(std::string label, Op op, std::string value, std::shared_ptr<const re2::RE2> regex);

  [[nodiscard]] const std::string& label() const { return label_; }
  [[nodiscard]] Op op() const { return op_; }
  [[nodiscard]] const std::string& value() const { return value_; }
  /// A label that is absent has the empty value, as in PromQL.
  [[nodiscard]] bool matches(std::string_view value) const;

 private:
  std::string label_;
  Op op_;
  std::string value_;
  std::shared_ptr<const re2::RE2> regex_;
};

enum class Comparison { equal, not_equal, less, less_or_equal, greater, greater_or_equal };

[[nodiscard]] bool holds(Comparison comparison, double left, double right) noexcept;
[[nodiscard]] std::string_view symbol(Comparison comparison) noexcept;

/// Names under which a selector finds what an event's context holds; a label of the metric of the same name wins.
/// pid, tid, ppid and cgroup_id are compared in decimal.
enum class ContextField { none, pid, tid, ppid, comm, parent_comm, cgroup_id, container_id, exe, pod };
[[nodiscard]] ContextField context_field(std::string_view label) noexcept;

/// A PromQL instant vector selector (https://prometheus.io/docs/prometheus/latest/querying/basics/), with an optional
/// comparison of the value: `sentinel_tcp_connections{state=~"time_wait|close_wait"} > 10`. No range, offset or @.
struct Selector {
  std::string metric;             ///< empty: by matchers of `__name__` alone
  std::vector<Matcher> name;      ///< of `__name__`; beside `metric` none
  std::vector<Matcher> matchers;  ///< of labels and context fields
  std::optional<Comparison> comparison;
  double value = 0;  ///< right side of the comparison

  [[nodiscard]] bool matches_metric(std::string_view metric_name) const;
};

/// Either, never both: `mistake` is empty when the text was good.
template <class T>
struct Parsed {
  std::optional<T> value;
  std::optional<Mistake> mistake;
};

/// Bounded: at most 8 KiB of text, 64 matchers, and RE2's own limits. Any thread.
[[nodiscard]] Parsed<Selector> parse_selector(std::string_view text);

/// `label="value"`, as PromQL writes it.
[[nodiscard]] std::string to_string(const Matcher& matcher);
/// As PromQL writes it, canonical: one text for all spellings of the same selector.
[[nodiscard]] std::string to_string(const Selector& selector);

}  // namespace sentinel::rules
