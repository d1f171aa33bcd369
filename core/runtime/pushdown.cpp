#include "core/runtime/pushdown.hpp"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>

#include "rules/alternatives.hpp"
#include "rules/engine/window.hpp"
#include "rules/expression.hpp"
#include "rules/scanner.hpp"

namespace sentinel::runtime {
namespace {

using rules::Comparison;
using rules::Function;
using rules::Matcher;

bool contains(const std::vector<std::string>& all, std::string_view one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

/// Whether a record holds the field by itself: the host knows all others.
bool varies(const EventType& event, std::string_view field) {
  return contains(event.label_keys, field) ||
         (!event.constant.contains(field) && rules::context_field(field) != rules::ContextField::none);
}

/// What a matcher of a field that does not vary comes to.
bool holds_always(const EventType& event, const Matcher& matcher) {
  const auto found = event.constant.find(matcher.label());
  return matcher.matches(found == event.constant.end() ? std::string_view() : std::string_view(found->second));
}

/// A matcher as a set of texts; nothing when it is more than that.
std::optional<Demand::Predicate> predicate_of(const Matcher& matcher) {
  const bool positive = matcher.op() == Matcher::Op::equal || matcher.op() == Matcher::Op::matches;
  const bool regex = matcher.op() == Matcher::Op::matches || matcher.op() == Matcher::Op::not_matches;
  Demand::Predicate made;
  made.kind = positive ? SENTINEL_ANY_OF : SENTINEL_NONE_OF;
  made.field = matcher.label();
  made.text = to_string(matcher);
  if (regex && matcher.value() == ".+") {  // what is there
    made.kind = positive ? SENTINEL_NONE_OF : SENTINEL_ANY_OF;
    made.values = {""};
    return made;
  }
  auto values = regex ? rules::literal_alternatives(matcher.value()) : std::vector<std::string>{matcher.value()};
  if (!values) return std::nullopt;
  made.values = std::move(*values);
  return made;
}

/// Fills in what a filter asks of an event. False: no event can match.
bool add_filter(const rules::Selector& filter, const EventType& event, Demand& demand) {
  for (const auto& matcher : filter.matchers) {
    if (!varies(event, matcher.label())) {
      if (!holds_always(event, matcher)) return false;
    } else if (auto predicate = predicate_of(matcher)) {
      demand.predicates.push_back(std::move(*predicate));
    } else {
      demand.user.push_back(to_string(matcher));
    }
  }
  if (!filter.comparison) return true;
  Demand::Predicate compares;
  compares.kind = SENTINEL_COMPARES;
  compares.comparison = static_cast<std::uint32_t>(*filter.comparison) + SENTINEL_EQUAL_TO;
  compares.number = filter.value;
  compares.text = std::string(rules::symbol(*filter.comparison)) + ' ' + rules::format_number(filter.value);
  demand.predicates.push_back(std::move(compares));
  return true;
}

std::uint32_t fold_of(const rules::WindowSpec& window) {
  if (window.aggregation != rules::Aggregation::none) return SENTINEL_FOLD_NONE;
  switch (window.function) {
    case Function::count:
    case Function::rate:
      return SENTINEL_FOLD_COUNT;
    case Function::sum:
    case Function::avg:
      return SENTINEL_FOLD_SUM;
    default:
      return SENTINEL_FOLD_NONE;
  }
}

/// The number that a window must exceed, or reach, for its rule's alert; nothing where that is not one number.
std::optional<double> limit_of(const rules::Rule& rule, std::uint32_t window) {
  using Kind = rules::Expression::Step::Kind;
  if (!rule.alert) return std::nullopt;
  const auto& when = rule.alert->when;
  if (when.comparison() != Comparison::greater && when.comparison() != Comparison::greater_or_equal)
    return std::nullopt;
  if (when.left().size() != 1 || when.right().size() != 1) return std::nullopt;
  const auto& left = when.left().front();
  const auto& right = when.right().front();
  if (left.kind != Kind::window || left.window != window) return std::nullopt;
  if (right.kind != Kind::number || !std::isfinite(right.number)) return std::nullopt;
  return right.number;
}

/// The same in one pane: one of those that reach it together has its share.
std::optional<double> threshold_of(const rules::Rule& rule, std::uint32_t index, const rules::Grid& grid) {
  const auto& window = rule.windows[index];
  const auto limit = limit_of(rule, index);
  if (!limit || window.function == Function::avg) return std::nullopt;
  const double times = window.function == Function::rate ? static_cast<double>(grid.over_ns()) / 1e9 : 1;
  return *limit * times / static_cast<double>(grid.panes);
}

std::optional<Demand> of_window(const rules::Rule& rule, std::uint32_t index, const EventType& event) {
  const auto& window = rule.windows[index];
  if (!window.filter.matches_metric(event.name)) return std::nullopt;
  Demand demand;
  demand.consumer = rule.windows.size() > 1 ? rule.name + ": " + window.name : rule.name;
  demand.rule = rule.identity();
  demand.window = index;
  if (!add_filter(window.filter, event, demand)) return std::nullopt;
  if (window.by) {
    std::copy_if(window.by->begin(), window.by->end(), std::back_inserter(demand.by),
                 [&](const std::string& field) { return varies(event, field); });
  }
  const rules::Grid grid = rules::event_grid(window);
  demand.pane_ns = grid.width_ns;
  if (demand.user.empty()) demand.fold = fold_of(window);
  if (demand.fold != SENTINEL_FOLD_NONE) demand.threshold = threshold_of(rule, index, grid);
  return demand;
}

std::optional<Demand> of_tap(const rules::Rule& rule, const EventType& event, const std::set<std::string>& sinks) {
  const auto takes = [&](const std::string& sink) { return sinks.contains(sink); };
  if (std::none_of(rule.to.begin(), rule.to.end(), takes) || !rule.filter->matches_metric(event.name)) {
    return std::nullopt;
  }
  Demand demand;
  demand.consumer = rule.name;
  demand.rule = rule.identity();
  if (!add_filter(*rule.filter, event, demand)) return std::nullopt;
  return demand;
}

void append(std::string& key, std::string_view item) {
  key += std::to_string(item.size());
  key += ':';
  key += item;
}

}  // namespace

std::uint64_t DemandIds::of(const std::string& instance, const Demand& demand) {
  std::string key;
  append(key, instance);
  append(key, demand.event);
  append(key, demand.rule);
  append(key, demand.rule.empty() ? demand.consumer : std::to_string(demand.window));
  return ids_.try_emplace(std::move(key), ids_.size() + 1).first->second;
}

std::vector<Demand> demands_of(const std::string& instance, const std::vector<EventType>& events,
                               const Consumers& consumers, DemandIds& ids) {
  std::vector<Demand> demands;
  const auto add = [&](const EventType& event, std::optional<Demand> demand) {
    if (!demand) return;
    demand->metric = event.metric;
    demand->event = event.name;
    demand->id = ids.of(instance, *demand);
    demands.push_back(std::move(*demand));
  };
  for (const auto& event : events) {
    for (const auto& rule : consumers.rules) {
      if (!rule->from.empty() && !contains(rule->from, instance)) continue;
      if (rule->windows.empty()) add(event, of_tap(*rule, event, consumers.sinks));
      for (std::uint32_t i = 0; i < rule->windows.size(); ++i) add(event, of_window(*rule, i, event));
    }
    for (const auto& pipeline : consumers.config.pipelines) {
      if (pipeline.is_rule() || !contains(pipeline.from, instance)) continue;
      const auto takes = [&](const std::string& sink) { return consumers.sinks.contains(sink); };
      if (std::none_of(pipeline.to.begin(), pipeline.to.end(), takes)) continue;
      Demand whole;
      whole.consumer = pipeline.name;
      add(event, std::move(whole));
    }
  }
  return demands;
}

void add_folds(const std::string& instance, const std::vector<Demand>& demands,
               std::vector<rules::FoldedWindow>& folds) {
  for (const auto& demand : demands) {
    if (demand.fold == SENTINEL_FOLD_NONE) continue;
    folds.push_back({demand.id, demand.rule, demand.window, instance, demand.event});
  }
}

}  // namespace sentinel::runtime
