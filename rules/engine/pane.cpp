#include "rules/engine/pane.hpp"

#include <algorithm>

namespace sentinel::rules {
namespace {

/// `more` of `count` records into a pane; the same for one value and for a whole later pane.
void join(Function function, Pane& pane, double more, std::uint64_t count) {
  switch (function) {
    case Function::sum:
    case Function::rate:
    case Function::avg:
      pane.number += more;
      break;
    case Function::min:
      pane.number = pane.count == 0 ? more : std::min(pane.number, more);
      break;
    case Function::max:
      pane.number = pane.count == 0 ? more : std::max(pane.number, more);
      break;
    case Function::last:
      pane.number = more;
      break;
    case Function::count:
    case Function::quantile:
    case Function::distinct:
      break;
  }
  pane.count += count;
}

}  // namespace

void Ring::Fold::clear() {
  pane = {};
  sketch.clear();
  distinct.clear();
}

Ring::Ring(Function function, const Grid& grid) : function_(function), grid_(grid), panes_(grid.capacity) {
  if (function == Function::quantile) sketches_.resize(grid.capacity);
  if (function == Function::distinct) distincts_.resize(grid.capacity);
}

void Ring::open(std::uint64_t pane) {
  const std::uint64_t first = newest_ == 0 ? pane : newest_ + 1;
  const std::uint64_t stale = std::min(pane - first + 1, grid_.capacity);
  for (std::uint64_t k = pane - stale + 1; k <= pane; ++k) {
    const auto at = k % grid_.capacity;
    panes_[at] = {};
    if (!sketches_.empty()) sketches_[at].clear();
    if (!distincts_.empty()) distincts_[at].clear();
  }
  newest_ = pane;
}

void Ring::add(std::uint64_t pane, double value, std::uint64_t hash, std::uint64_t count) {
  if (pane > newest_) {
    open(pane);
  } else if (pane + grid_.capacity <= newest_) {
    return;
  }
  const auto at = pane % grid_.capacity;
  join(function_, panes_[at], value, count);
  if (function_ == Function::quantile) sketches_[at].add(value);
  if (function_ == Function::distinct) distincts_[at].add(hash);
}

bool Ring::fold(std::uint64_t end, Fold& fold) const {
  if (newest_ == 0) return false;
  const std::uint64_t behind = std::max(end - std::min(end, grid_.panes),  // before the window
                                        newest_ - std::min(newest_, grid_.capacity));
  bool any = false;
  for (std::uint64_t k = behind + 1; k <= std::min(end, newest_); ++k) {
    const auto at = k % grid_.capacity;
    if (panes_[at].count == 0) continue;
    any = true;
    join(function_, fold.pane, panes_[at].number, panes_[at].count);
    if (function_ == Function::quantile) fold.sketch.merge(sketches_[at]);
    if (function_ == Function::distinct) fold.distinct.merge(distincts_[at]);
  }
  return any;
}

std::optional<double> value_of(Function function, const Ring::Fold& fold, double seconds, double q) {
  if (fold.pane.count == 0) return is_zero_without_data(function) ? std::optional(0.0) : std::nullopt;
  switch (function) {
    case Function::count:
      return static_cast<double>(fold.pane.count);
    case Function::rate:
      return fold.pane.number / seconds;
    case Function::avg:
      return fold.pane.number / static_cast<double>(fold.pane.count);
    case Function::quantile:
      return fold.sketch.quantile(q);
    case Function::distinct:
      return fold.distinct.count();
    case Function::sum:
    case Function::min:
    case Function::max:
    case Function::last:
      return fold.pane.number;
  }
  return std::nullopt;
}

}  // namespace sentinel::rules
