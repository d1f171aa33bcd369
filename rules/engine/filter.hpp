#pragma once

#include <string_view>
#include <vector>

#include "rules/engine/field.hpp"
#include "rules/selector.hpp"

namespace sentinel::rules {

/// A selector as one metric's records meet it. The selector must outlive it.
class Filter {
 public:
  /// `metric` is one that the selector matches by name.
  Filter(const Selector& selector, const sentinel_metric& metric);

  /// Whether no record of the metric can match.
  [[nodiscard]] bool never_matches() const { return never_; }
  /// Labels and context fields, without the value: decided once a series, and for each event. No allocation.
  [[nodiscard]] bool matches_labels(const RecordView& record) const;
  [[nodiscard]] bool matches_value(double value) const {
    return !selector_->comparison || holds(*selector_->comparison, value, selector_->value);
  }

 private:
  struct Condition {
    const Matcher* matcher;
    Field field;
  };
  const Selector* selector_;
  std::vector<Condition> conditions_;
  bool never_ = false;
};

}  // namespace sentinel::rules
