#include "rules/engine/filter.hpp"

#include <algorithm>

namespace sentinel::rules {

Filter::Filter(const Selector& selector, const sentinel_metric& metric) : selector_(&selector) {
  for (const auto& matcher : selector.matchers) {
    Field field(matcher.label(), metric);
    if (field.known()) {
      conditions_.push_back({&matcher, std::move(field)});
    } else if (!matcher.matches({})) {
      never_ = true;
    }
  }
}

bool Filter::matches_labels(const RecordView& record) const {
  Field::Digits digits;
  return std::all_of(conditions_.begin(), conditions_.end(), [&](const Condition& condition) {
    return condition.matcher->matches(condition.field.text(record, digits));
  });
}

}  // namespace sentinel::rules
