#include "rules/engine/window.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace sentinel::rules {
namespace {

/// After which a group that only waits for its source, failed or taken away, is forgotten all the same.
constexpr std::uint64_t forgotten_after_ns = 3'600ULL * 1'000'000'000;

std::uint64_t nanoseconds(std::chrono::nanoseconds time) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(1, time.count()));
}

/// Joins values as they come.
class Joined {
 public:
  explicit Joined(Aggregation aggregation) : aggregation_(aggregation) {}
  void add(double value) {
    ++count_;
    if (aggregation_ == Aggregation::min) {
      number_ = count_ == 1 ? value : std::min(number_, value);
    } else if (aggregation_ == Aggregation::max) {
      number_ = count_ == 1 ? value : std::max(number_, value);
    } else {
      number_ += value;
    }
  }
  [[nodiscard]] std::optional<double> value() const {
    if (count_ == 0) return std::nullopt;
    if (aggregation_ == Aggregation::count) return static_cast<double>(count_);
    return aggregation_ == Aggregation::avg ? number_ / static_cast<double>(count_) : number_;
  }

 private:
  Aggregation aggregation_;
  double number_ = 0;
  std::uint64_t count_ = 0;
};

}  // namespace

Grid event_grid(const WindowSpec& spec) {
  return make_grid(nanoseconds(spec.over), nanoseconds(spec.every.value_or(spec.over)));
}

Window::Window(const WindowSpec& spec, bool keeps_context) : spec_(&spec), keeps_context_(keeps_context) {}

void Window::rebind(const WindowSpec& spec, bool keeps_context) {
  spec_ = &spec;
  keeps_context_ = keeps_context;
}

bool Window::accept(const Source& source, bool events) {
  const Kind kind = events ? Kind::events : Kind::samples;
  if (fed() && kind_ != kind) return false;
  kind_ = kind;
  if (std::find(sources_.begin(), sources_.end(), &source) == sources_.end()) sources_.push_back(&source);
  return true;
}

bool Window::adjust() {
  const std::uint64_t over = nanoseconds(spec_->over);
  std::uint64_t every = over;
  if (spec_->every) {
    every = nanoseconds(*spec_->every);
  } else if (kind_ == Kind::samples) {
    std::uint64_t shortest = never;
    for (const auto* source : sources_) {
      if (source->every_ns > 0) shortest = std::min(shortest, source->every_ns);
    }
    if (shortest != never) every = shortest;
  }
  const Grid grid = kind_ == Kind::events ? event_grid(*spec_) : make_grid(over, every);
  if (grid == grid_) return false;
  set_grid(grid);
  return true;
}

void Window::set_grid(const Grid& grid) {
  grid_ = grid;
  for (const auto& group : groups_) {
    if (group->ring) group->ring.emplace(spec_->function, grid_);
    if (group->exemplars) *group->exemplars = {};
    for (const auto& series : group->series) {
      if (series->own) series->own.emplace(spec_->function, grid_);
    }
  }
}

bool Window::has_one_group() const {
  if (spec_->by) return spec_->by->empty();
  return of_events() || spec_->aggregation != Aggregation::none;
}

Group* Window::find_or_add(const Feed& feed, const RecordView& record, std::string_view key) {
  if (Group* found = groups_.find(key)) return found;
  if (is_full()) return nullptr;
  Group& group = groups_.add(std::string(key));
  Field::Digits digits;
  for (const auto& [name, field] : feed.by) append_label(group.shown, name, field.text(record, digits));
  if (of_events() || spec_->aggregation == Aggregation::none) group.ring.emplace(spec_->function, grid_);
  if (of_events() && keeps_context_) group.exemplars = std::make_unique<Exemplars>();
  return &group;
}

Series* Window::series(const Feed& feed, const RecordView& record) {
  const std::uint64_t handle = record.record.series;
  if (const auto found = by_handle_.find(handle); found != by_handle_.end()) return found->second;
  Field::Digits digits;
  key_.clear();
  for (const auto& [name, field] : feed.by) append_label(key_, name, field.text(record, digits));
  Group* group = find_or_add(feed, record, key_);
  if (group == nullptr) return nullptr;
  auto& series = *group->series.emplace_back(std::make_unique<Series>());
  series.handle = handle;
  series.source = &feed.source;
  series.group = group;
  if (!group->ring) series.own.emplace(spec_->function, grid_);
  if (feed.distinct) series.hash = hash_text(feed.distinct->text(record, digits));
  by_handle_.emplace(handle, &series);
  return &series;
}

bool Window::add(Series& series, double value, std::uint64_t tick_ns, std::uint64_t pane) {
  series.collection = series.source->collections;
  if (std::isnan(value) ||
      (spec_->filter.comparison && !holds(*spec_->filter.comparison, value, spec_->filter.value))) {
    return false;
  }
  const std::uint64_t last_ns = std::exchange(series.tick_ns, tick_ns);
  if (spec_->function == Function::rate) {
    const double last = std::exchange(series.last, value);
    const std::uint64_t longest = std::max(grid_.over_ns(), 2 * grid_.step_ns);
    if (!std::exchange(series.has_last, true) || tick_ns - std::min(last_ns, tick_ns) > longest) return true;
    value = value >= last ? value - last : value;
    series.has_grown = series.group->has_grown = true;
  }
  series.group->newest_ns = pane * grid_.width_ns;
  (series.own ? *series.own : *series.group->ring).add(pane, value, series.hash);
  return true;
}

bool Window::add(const Feed& feed, const RecordView& record, std::uint64_t pane, std::uint64_t count) {
  key_.clear();
  for (const auto& key : feed.by) key.field.append_identity(record, key_);
  Group* group = find_or_add(feed, record, key_);
  if (group == nullptr) return false;
  std::uint64_t hash = 0;
  if (feed.distinct) {
    Field::Digits digits;
    hash = hash_text(feed.distinct->text(record, digits));
  }
  group->newest_ns = std::max(group->newest_ns, pane * grid_.width_ns);
  const double value = spec_->function == Function::rate ? static_cast<double>(count) : record.record.value;
  group->ring->add(pane, value, hash, count);
  if (group->exemplars) group->exemplars->add(record.record, pane);
  return true;
}

double Window::rate_seconds() const {
  const std::uint64_t over = grid_.over_ns();
  return static_cast<double>(of_events() ? over : std::max(over, grid_.step_ns)) / 1e9;
}

std::optional<double> Window::pooled_value(const Group& group, std::uint64_t end) {
  if (!of_events()) {
    if (spec_->function == Function::rate && !group.has_grown) return std::nullopt;
    const auto ended = [](const auto& series) { return series->ended(); };
    if (spec_->function == Function::last && std::all_of(group.series.begin(), group.series.end(), ended)) {
      return std::nullopt;
    }
  }
  fold_.clear();
  group.ring->fold(end, fold_);
  return value_of(spec_->function, fold_, rate_seconds(), spec_->quantile);
}

std::optional<double> Window::joined_value(const Group& group, std::uint64_t end) {
  Joined joined(spec_->aggregation);
  for (const auto& series : group.series) {
    if (spec_->function == Function::rate && !series->has_grown) continue;
    fold_.clear();
    const bool any = series->own->fold(end, fold_);
    if (series->ended() && (!any || spec_->function == Function::last)) continue;
    if (const auto value = value_of(spec_->function, fold_, rate_seconds(), spec_->quantile)) joined.add(*value);
  }
  if (const auto value = joined.value()) return value;
  const bool zero = has_one_group() && group.had_value && is_zero_without_data(spec_->function);
  return zero ? std::optional(0.0) : std::nullopt;
}

void Window::evaluate(std::uint64_t end_ns) {
  const std::uint64_t end = end_ns / grid_.width_ns;
  for (const auto& group : groups_) {
    group->value = group->ring ? pooled_value(*group, end) : joined_value(*group, end);
    group->had_value = group->had_value || group->value.has_value();
  }
}

bool Window::idle(std::uint64_t end_ns) const {
  return std::all_of(groups_.begin(), groups_.end(), [&](const std::unique_ptr<Group>& group) {
    return group->newest_ns + grid_.over_ns() <= end_ns || group->newest_ns == 0;
  });
}

void Window::forget(std::uint64_t end_ns, std::vector<std::uint64_t>& forgotten) {
  const std::uint64_t end = end_ns / grid_.width_ns;
  const auto waited_too_long = [&](std::uint64_t since_ns) {
    return since_ns + grid_.over_ns() + 2 * grid_.step_ns + forgotten_after_ns < end_ns;
  };
  for (const auto& group : groups_) {
    std::erase_if(group->series, [&](const std::unique_ptr<Series>& series) {
      const bool ended = series->ended() && (!series->own || series->own->idle(end));
      if (!ended && !waited_too_long(series->tick_ns)) return false;
      forgotten.push_back(series->handle);
      by_handle_.erase(series->handle);
      return true;
    });
  }
  if (has_one_group()) return;
  groups_.forget_if([&](const Group& group) { return group.series.empty() && (!group.ring || group.ring->idle(end)); });
}

}  // namespace sentinel::rules
