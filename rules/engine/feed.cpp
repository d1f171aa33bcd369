#include <algorithm>

#include "rules/engine/window.hpp"

namespace sentinel::rules {
namespace {

/// The labels that tell groups apart: those named; else all of samples that are not joined, and none of others.
std::vector<std::string> group_labels(const WindowSpec& spec, const sentinel_metric& metric) {
  if (spec.by) return *spec.by;
  std::vector<std::string> names;
  if (metric.kind == SENTINEL_EVENT || spec.aggregation != Aggregation::none) return names;
  // A filter that selects several metrics tells them apart.
  if (spec.filter.metric.empty()) names.emplace_back("__name__");
  for (std::uint32_t i = 0; i < metric.label_count; ++i) names.emplace_back(text_of(metric.label_keys[i]));
  return names;
}

}  // namespace

Feed::Feed(Window& to, const Source& of, const sentinel_metric& metric)
    : window(to), source(of), filter(to.spec().filter, metric) {
  auto names = group_labels(to.spec(), metric);
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  for (auto& name : names) {
    Field field(name, metric);
    by.push_back({std::move(name), std::move(field)});
  }
  if (to.spec().function == Function::distinct) distinct.emplace(to.spec().distinct_of, metric);
}

}  // namespace sentinel::rules
