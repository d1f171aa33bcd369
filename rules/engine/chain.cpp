#include "rules/engine/chain.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace sentinel::rules {
namespace {

constexpr BootTime restored_wait_ns = 60'000'000'000;

bool same_labels(const Rule& a, const Rule& b) {
  return a.name == b.name && a.alert && b.alert && a.alert->severity == b.alert->severity &&
         a.alert->labels == b.alert->labels;
}

}  // namespace

Chain::Chain(std::shared_ptr<const Rule> rule, const Clock& clock, const Labels& agent_labels)
    : rule_(std::move(rule)), clock_(clock), alerting_(agent_labels) {
  for (const auto& spec : rule_->windows) windows_.push_back(std::make_unique<Window>(spec, rule_->alert.has_value()));
}

void Chain::replace(std::shared_ptr<const Rule> rule, Output& out) {
  if (rule_->alert && !same_labels(*rule_, *rule)) end(out);
  rule_ = std::move(rule);
  for (std::size_t i = 0; i < windows_.size(); ++i) windows_[i]->rebind(rule_->windows[i], rule_->alert.has_value());
}

void Chain::end(Output& out) {
  if (rule_->alert) alerting_.end_all(rule_, "rule_changed", clock_.at(clock_.now_ns), out);
}

void Chain::connect(const Source& source, const sentinel_metric& metric, std::vector<std::unique_ptr<Feed>>& feeds) {
  const auto& from = rule_->from;
  if (!from.empty() && std::find(from.begin(), from.end(), source.name) == from.end()) return;
  for (const auto& window : windows_) {
    if (!window->spec().filter.matches_metric(text_of(metric.name))) continue;
    auto feed = std::make_unique<Feed>(*window, source, metric);
    if (feed->filter.never_matches() || !window->accept(source, metric.kind == SENTINEL_EVENT)) continue;
    feeds.push_back(std::move(feed));
    adjust();
  }
}

void Chain::adjust() {
  bool changed = false;
  for (const auto& window : windows_) {
    if (window->fed() && window->adjust()) changed = true;
  }
  if (!changed) return;
  step_ns_ = 0;
  for (const auto& window : windows_) {
    if (!window->fed()) continue;
    step_ns_ = step_ns_ == 0 ? window->grid().step_ns : common_step(step_ns_, window->grid().step_ns);
  }
  awake_ = false;  // the next record sets the next end
}

bool Chain::ready() const {
  const auto fed = [&](std::uint32_t index) { return windows_[index]->fed(); };
  if (!rule_->alert) return true;
  const auto& named = rule_->alert->when.windows();
  return std::all_of(named.begin(), named.end(), fed);
}

std::uint64_t Chain::last_due_ns() const {
  const std::uint64_t due = clock_.now_ns - std::min(clock_.now_ns, closing_lag_ns);
  return due - due % step_ns_;
}

void Chain::wake() {
  if (!ready()) return;
  awake_ = true;
  closed_ns_ = std::max(closed_ns_, last_due_ns());
  next_end_ns_ = closed_ns_ - closed_ns_ % step_ns_ + step_ns_;
}

void Chain::take(Window& window, Series& series, double value, std::uint64_t tick_ns) {
  if (!awake_) wake();
  // A late sample counts in the oldest pane that is still open, so that a slow collector's are not lost.
  const Grid& grid = window.grid();
  const bool late = tick_ns <= closed_ns_;
  const std::uint64_t pane = late ? closed_ns_ / grid.width_ns + 1 : grid.pane_of(tick_ns);
  if (!window.add(series, value, tick_ns, pane)) return;
  ++records_;
  if (late) ++late_;
}

void Chain::take(const Feed& feed, const RecordView& record, std::uint64_t count) {
  if (std::isnan(record.record.value)) return;
  const std::uint64_t time_ns = std::min(record.record.time_ns, clock_.now_ns + future_ns);
  if (!awake_) wake();
  const std::uint64_t pane = feed.window.grid().pane_of(time_ns);
  records_ += count;
  // A late event keeps its pane: windows to come may still hold it.
  if (time_ns <= closed_ns_) late_ += count;
  if (!feed.window.add(feed, record, pane, count)) overflow_ += count;
}

std::uint64_t Chain::longest_over_ns() const {
  std::uint64_t longest = 0;
  for (const auto& spec : rule_->windows) longest = std::max(longest, static_cast<std::uint64_t>(spec.over.count()));
  return longest;
}

std::uint64_t Chain::lost(std::uint64_t end_ns) const {
  const std::uint64_t over = std::min(longest_over_ns(), end_ns);
  std::vector<const Source*> sources;
  for (const auto& window : windows_) sources.insert(sources.end(), window->sources().begin(), window->sources().end());
  std::sort(sources.begin(), sources.end());
  sources.erase(std::unique(sources.begin(), sources.end()), sources.end());
  std::uint64_t sum = 0;
  for (const auto* source : sources) sum += source->lost.between(end_ns - over, end_ns);
  return sum;
}

void Chain::emit(std::uint64_t end_ns, Output& out) const {
  for (const auto& window : windows_) {
    for (const auto& group : window->groups()) {
      if (!group->value) continue;
      const Labels labels = decode_labels(group->shown);
      out.window_value({*rule_, labels, *group->value, end_ns});
    }
  }
}

void Chain::close(Output& out, std::vector<std::uint64_t>& forgotten) {
  const std::uint64_t end_ns = next_end_ns_;
  if (!ready()) {  // restored alerts that nothing feeds
    alerting_.end_all(rule_, "no_data", clock_.at(end_ns), out);
    next_end_ns_ = never;
    return;
  }
  for (const auto& window : windows_) {
    if (window->fed()) window->evaluate(end_ns);
  }
  if (rule_->alert) {
    alerting_.judge(rule_, windows_, {clock_.at(end_ns), step_ns_, lost(end_ns), keep_firing()}, out);
  } else {
    emit(end_ns, out);
  }
  for (const auto& window : windows_) window->forget(end_ns, forgotten);
  schedule_after(end_ns);
}

std::chrono::nanoseconds Chain::keep_firing() const {
  const bool events = std::any_of(windows_.begin(), windows_.end(),
                                  [](const std::unique_ptr<Window>& window) { return window->of_events(); });
  return rule_->alert->keep_firing_for(events);
}

/// After this long without a record, no end of the windows is different from the one before.
std::uint64_t Chain::settling_ns() const {
  std::uint64_t time = longest_over_ns() + 3 * step_ns_;
  if (!rule_->alert) return time;
  const AlertSpec& alert = *rule_->alert;
  for (const auto part : {alert.hold, keep_firing(), alert.cooldown}) time += static_cast<std::uint64_t>(part.count());
  return time;
}

void Chain::schedule_after(std::uint64_t end_ns) {
  closed_ns_ = end_ns;
  next_end_ns_ = end_ns + step_ns_;
  const bool idle = std::all_of(windows_.begin(), windows_.end(),
                                [&](const std::unique_ptr<Window>& window) { return window->idle(end_ns); });
  if (!idle) {
    idle_since_ns_ = never;
    return;
  }
  idle_since_ns_ = std::min(idle_since_ns_, end_ns);
  if (rule_->alert && !alerting_.any_active()) {
    awake_ = false;
    next_end_ns_ = never;
  } else if (end_ns - idle_since_ns_ > settling_ns()) {
    next_end_ns_ = std::max(next_end_ns_, last_due_ns());  // the machine slept: the ends in between tell nothing
  }
}

RuleStats Chain::stats() const {
  RuleStats stats;
  stats.name = rule_->name;
  stats.records = records_;
  stats.overflow = overflow_;
  stats.late = late_;
  for (const auto& window : windows_) {
    stats.groups += window->groups().size();
    if (window->fed()) stats.idle = false;
  }
  return stats;
}

bool Chain::restore(std::string shown, Offender offender) {
  const auto now = static_cast<BootTime>(clock_.now_ns);
  offender.take_up(*rule_->alert, now);
  offender.known_at_ns = now;
  offender.lenient_until_ns = now + static_cast<BootTime>(longest_over_ns());
  const BootTime kept_until = offender.held_at_ns + keep_firing().count();
  if (!alerting_.restore(*rule_, std::move(shown), std::move(offender))) return false;
  if (!ready()) {
    const auto wait = static_cast<std::uint64_t>(std::max(kept_until, now + restored_wait_ns));
    next_end_ns_ = next_end_ns_ == never ? wait : std::max(next_end_ns_, wait);
  } else if (!awake_) {
    wake();
  }
  return true;
}

}  // namespace sentinel::rules
