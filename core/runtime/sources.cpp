#include "core/runtime/sources.hpp"

#include <algorithm>
#include <memory>
#include <sentinel/config.hpp>
#include <set>
#include <utility>
#include <vector>

#include "core/runtime/window_values.hpp"

namespace sentinel::runtime {
namespace {

/// Whether a selector takes a live series.
bool selects(const rules::Selector& selector, const store::MetricInfo& info, const store::LabelSet& labels,
             double value) {
  if (!selector.matches_metric(info.decl.name)) return false;
  if (selector.comparison && !rules::holds(*selector.comparison, value, selector.value)) return false;
  return std::all_of(selector.matchers.begin(), selector.matchers.end(), [&](const rules::Matcher& matcher) {
    const auto& keys = info.keys();
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (from_abi(keys[i]) == matcher.label()) return matcher.matches(from_abi(labels.values()[i]));
    }
    return matcher.matches({});
  });
}

}  // namespace

store::SeriesFilter sources_of(const config::Config& config, const Chain::Rules& rules, const std::string& sink) {
  struct Source {
    std::set<std::string, std::less<>> instances;
    std::shared_ptr<const rules::Rule> rule;  // null: all of their series
  };
  auto sources = std::make_shared<std::vector<Source>>();
  for (const auto& pipeline : config.pipelines) {
    if (std::find(pipeline.to.begin(), pipeline.to.end(), sink) == pipeline.to.end()) continue;
    Source source{{pipeline.from.begin(), pipeline.from.end()}, nullptr};
    if (!pipeline.windows.empty()) {
      source.instances = {WindowValues::producer_name(pipeline.name)};
    } else if (pipeline.filter) {
      const auto rule =
          std::find_if(rules.begin(), rules.end(), [&](const auto& other) { return other->name == pipeline.name; });
      if (rule == rules.end()) continue;
      source.rule = *rule;
    }
    sources->push_back(std::move(source));
  }
  using Take = store::SeriesFilter::Take;
  const auto metric = [sources](const store::MetricInfo& info) {
    Take take = Take::none;
    for (const auto& source : *sources) {
      if (!source.instances.contains(info.instance)) continue;
      if (!source.rule) return Take::all;
      if (source.rule->filter->matches_metric(info.decl.name)) take = Take::some;
    }
    return take;
  };
  const auto series = [sources](const store::MetricInfo& info, const store::LabelSet& labels, double value) {
    return std::any_of(sources->begin(), sources->end(), [&](const Source& source) {
      return source.rule && source.instances.contains(info.instance) &&
             selects(*source.rule->filter, info, labels, value);
    });
  };
  return {metric, series};
}

}  // namespace sentinel::runtime
