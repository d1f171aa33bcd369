#include "rules/engine/matching.hpp"

#include <algorithm>
#include <span>

namespace sentinel::rules {
namespace {

const Exemplar* exemplar_of(const Window& window, const Group& group, std::uint64_t end_ns) {
  return group.exemplars ? group.exemplars->newest_until(end_ns / window.grid().width_ns) : nullptr;
}

}  // namespace

const std::vector<Matching::Row>& Matching::rows(const Windows& windows, const Expression& when, std::uint64_t end_ns) {
  rows_.clear();
  if (windows.size() == 1) {
    rows_of_one(*windows.front(), when, end_ns);
  } else {
    rows_of_many(windows, when, end_ns);
  }
  return rows_;
}

void Matching::rows_of_one(const Window& window, const Expression& when, std::uint64_t end_ns) {
  for (const auto& group : window.groups()) {
    Row row{group->shown, {}, nullptr};
    if (group->value) {
      const double value = *group->value;
      row.verdict = {when.evaluate(std::span(&value, 1)), true};
      if (row.verdict.outcome.holds) row.exemplar = exemplar_of(window, *group, end_ns);
    }
    rows_.push_back(row);
  }
}

std::vector<const Group*>& Matching::groups_of(std::string_view shown, std::size_t windows) {
  const auto [found, added] = by_labels_.try_emplace(shown, matched_.size());
  if (added) matched_.emplace_back(shown, std::vector<const Group*>(windows, nullptr));
  return matched_[found->second].second;
}

void Matching::rows_of_many(const Windows& windows, const Expression& when, std::uint64_t end_ns) {
  by_labels_.clear();
  matched_.clear();
  everywhere_.assign(windows.size(), nullptr);
  bool labelled = false;
  for (const auto index : when.windows()) {
    const Window& window = *windows[index];
    if (!window.has_one_group() && window.groups().size() == 0) labelled = true;
    for (const auto& group : window.groups()) {
      if (group->shown.empty()) {
        everywhere_[index] = group.get();
        continue;
      }
      labelled = true;
      // Of processes that share a pid one after the other, the one with a value counts.
      auto& place = groups_of(group->shown, windows.size())[index];
      if (place == nullptr || group->value) place = group.get();
    }
  }
  if (!labelled) groups_of({}, windows.size());

  for (const auto& [shown, groups] : matched_) {
    Row row{shown, judge(windows, when, groups), nullptr};
    for (std::size_t i = 0; row.verdict.outcome.holds && i < groups.size() && row.exemplar == nullptr; ++i) {
      const Group* group = groups[i] != nullptr ? groups[i] : everywhere_[i];
      if (group != nullptr) row.exemplar = exemplar_of(*windows[i], *group, end_ns);
    }
    rows_.push_back(row);
  }
}

Verdict Matching::judge(const Windows& windows, const Expression& when, const std::vector<const Group*>& groups) const {
  std::vector<double> values(windows.size(), 0);
  for (const auto index : when.windows()) {
    const Group* group = groups[index] != nullptr ? groups[index] : everywhere_[index];
    if (group != nullptr && group->value) {
      values[index] = *group->value;
    } else if (group != nullptr || !windows[index]->is_zero_when_absent()) {
      return {};
    }
  }
  return {when.evaluate(values), true};
}

Verdict Matching::of_absent(const Windows& windows, const Expression& when) const {
  Verdict verdict;
  if (windows.size() == 1) {
    constexpr double nothing = 0;
    if (windows.front()->is_zero_when_absent()) verdict = {when.evaluate(std::span(&nothing, 1)), true};
  } else {
    verdict = judge(windows, when, std::vector<const Group*>(windows.size(), nullptr));
  }
  // A group that is gone can be at rest, but it cannot go on to offend.
  return verdict.outcome.holds ? Verdict{} : verdict;
}

}  // namespace sentinel::rules
