#include "core/store/store.hpp"

#include <algorithm>
#include <functional>
#include <utility>

#include <sentinel/config.hpp>
#include <sentinel/text.hpp>

#include "core/store/batch.hpp"

namespace sentinel::store {
namespace {

constexpr std::string_view other = "other";

std::size_t mix(std::size_t seed, std::string_view value) {
  return seed * 1099511628211U ^ std::hash<std::string_view>{}(value);
}

}  // namespace

std::size_t Store::LabelHash::operator()(std::span<const std::string_view> values) const noexcept {
  std::size_t hash = 0;
  for (const auto value : values) hash = mix(hash, value);
  return hash;
}

std::size_t Store::LabelHash::operator()(const std::shared_ptr<const LabelSet>& labels) const noexcept {
  std::size_t hash = 0;
  for (const auto& value : labels->values()) hash = mix(hash, from_abi(value));
  return hash;
}

bool Store::LabelEqual::operator()(const std::shared_ptr<const LabelSet>& a,
                                   const std::shared_ptr<const LabelSet>& b) const noexcept {
  return std::equal(a->values().begin(), a->values().end(), b->values().begin(), b->values().end(),
                    [](const auto& x, const auto& y) { return from_abi(x) == from_abi(y); });
}

bool Store::LabelEqual::operator()(std::span<const std::string_view> a,
                                   const std::shared_ptr<const LabelSet>& b) const noexcept {
  return std::equal(a.begin(), a.end(), b->values().begin(), b->values().end(),
                    [](const auto& x, const auto& y) { return x == from_abi(y); });
}

bool Store::LabelEqual::operator()(const std::shared_ptr<const LabelSet>& a,
                                   std::span<const std::string_view> b) const noexcept {
  return (*this)(b, a);
}

Store::Store(std::size_t history_bytes) : history_(history_bytes) {}
Store::~Store() = default;

std::unique_ptr<Producer> Store::producer(std::string instance, Labels constant, std::size_t series_limit,
                                          std::set<std::string> leaving) {
  const std::lock_guard lock(mutex_);
  ++instances_[instance].generations;
  return std::unique_ptr<Producer>(
      new Producer(*this, std::move(instance), std::move(constant), series_limit, std::move(leaving)));
}

View Store::view(const std::function<bool(std::string_view)>& wanted) const {
  const auto whole = [&](const MetricInfo& metric) {
    return wanted(metric.instance) ? SeriesFilter::Take::all : SeriesFilter::Take::none;
  };
  return view(SeriesFilter{whole, nullptr});
}

View Store::view(const SeriesFilter& wanted) const {
  View view;
  const std::lock_guard lock(mutex_);
  for (const auto& [key, metric] : metrics_) {
    const auto take = metric->slots.empty() ? SeriesFilter::Take::none : wanted.metric(*metric->info);
    if (take == SeriesFilter::Take::none) continue;
    view.add_family(metric->info);
    for (const auto index : metric->slots) {
      const Slot& slot = slots_[index];
      if (!slot.has_value || slot.hidden) continue;
      if (take == SeriesFilter::Take::some && !wanted.series(*metric->info, *slot.labels, slot.value)) continue;
      view.add_series(slot.labels, slot.time_ns, slot.value, slot.buckets);
    }
  }
  view.finish();
  return view;
}

std::vector<Track> Store::history(std::string_view metric, std::uint64_t from_ns, std::uint64_t to_ns) const {
  std::vector<Track> tracks;
  const std::lock_guard lock(mutex_);
  // Of every series at once, one pass over the history is all it takes.
  auto all =
      metric.empty() ? history_.read_all(from_ns, to_ns) : std::unordered_map<SeriesHandle, std::vector<Sample>>();
  const auto add = [&](const auto& info, const auto& labels, SeriesHandle handle) {
    auto samples = metric.empty() ? std::move(all[handle]) : history_.read(handle, from_ns, to_ns);
    if (!samples.empty()) tracks.push_back({info, labels, std::move(samples)});
  };
  for (const auto& gone : retired_) {
    if (metric.empty() || gone.metric->decl.name == metric) add(gone.metric, gone.labels, gone.handle);
  }
  for (const auto& [key, live_metric] : metrics_) {
    if (!metric.empty() && key.first != metric) continue;
    for (const auto slot : live_metric->slots) add(live_metric->info, slots_[slot].labels, handle_of(slot));
  }
  return tracks;
}

StoreStats Store::stats() const {
  const std::lock_guard lock(mutex_);
  StoreStats stats;
  stats.history_bytes = history_.bytes();
  for (const auto& [key, metric] : metrics_) {
    stats.series += metric->slots.size();
    if (metric->overflow > 0) stats.overflow[{metric->info->instance, metric->info->decl.name}] += metric->overflow;
  }
  return stats;
}

Result<Store::Metric*> Store::declare(const Producer& producer, MetricDecl decl) {
  const auto& instance = producer.instance_;
  const auto& constant = producer.constant_;
  for (const auto& key : decl.label_keys) {
    if (constant.contains(key)) {
      return Error{Errc::invalid_argument, "metric '" + decl.name + "' has a label '" + key + "' of its own: take '" +
                                               key + "' out of the `labels:` of collector '" + instance + "'"};
    }
  }
  if (auto checked = check_against_others(producer, decl); !checked) return checked.error();

  const auto [first, last] = metrics_.equal_range({decl.name, instance});
  for (auto it = first; it != last; ++it) {
    Metric& known = *it->second;
    if (known.info->decl.same_identity(decl) && known.info->constant == constant) {
      ++known.generations;
      return &known;
    }
  }
  auto metric = std::make_unique<Metric>();
  metric->id = next_metric_++;
  metric->generations = 1;
  MetricKey key{decl.name, instance};
  metric->info = std::make_shared<const MetricInfo>(instance, std::move(decl), constant);
  return metrics_.emplace(std::move(key), std::move(metric))->second.get();
}

Result<void> Store::check_against_others(const Producer& producer, const MetricDecl& decl) const {
  const auto& instance = producer.instance_;
  const auto& constant = producer.constant_;
  const auto differs_in_constant = [&](const Labels& theirs) {
    return std::any_of(constant.begin(), constant.end(), [&](const auto& label) {
      const auto found = theirs.find(label.first);
      return found != theirs.end() && found->second != label.second;
    });
  };
  for (auto it = metrics_.lower_bound({decl.name, ""}); it != metrics_.end() && it->first.first == decl.name; ++it) {
    const MetricInfo& theirs = *it->second->info;
    if (theirs.instance == instance || producer.leaving_.contains(theirs.instance)) continue;
    const std::string both =
        "collectors '" + theirs.instance + "' and '" + instance + "' both have a metric '" + decl.name + "'";
    if (theirs.decl.kind != decl.kind || theirs.decl.help != decl.help || theirs.decl.unit != decl.unit ||
        theirs.decl.label_keys != decl.label_keys || theirs.decl.bounds != decl.bounds) {
      return Error{Errc::invalid_argument, both + ", and disagree about its kind, help, unit, label keys or bounds"};
    }
    // Whoever names itself in a label is told apart by it; the configuration sees to it that no two are of one plugin.
    const bool names_its_plugin =
        std::find(decl.label_keys.begin(), decl.label_keys.end(), "plugin") != decl.label_keys.end();
    if (decl.kind != MetricKind::event && !names_its_plugin && !differs_in_constant(theirs.constant)) {
      return Error{Errc::invalid_argument,
                   both +
                       " and would produce the same series: give each its own `labels:`, such as `labels: {source: " +
                       instance + "}`"};
    }
  }
  return {};
}

void Store::release(Metric& metric) {
  if (--metric.generations > 0) return;
  const auto slots = metric.slots;
  for (const auto slot : slots) end_series(slot, newest_ns_);
  const auto [first, last] = metrics_.equal_range({metric.info->decl.name, metric.info->instance});
  const auto found = std::find_if(first, last, [&](const auto& entry) { return entry.second.get() == &metric; });
  metrics_.erase(found);
}

Result<SeriesHandle> Store::find_or_add(Metric& metric, std::span<const std::string_view> values, std::size_t limit) {
  // The key of a series holds its constant labels too.
  std::vector<std::string_view> with_constant;
  if (!metric.info->constant.empty()) {
    with_constant.assign(values.begin(), values.end());
    for (const auto& [key, value] : metric.info->constant) with_constant.emplace_back(value);
    values = with_constant;
  }
  if (const auto found = metric.by_labels.find(values); found != metric.by_labels.end()) {
    return handle_of(found->second);
  }
  if (metric.slots.size() < limit) return handle_of(add_slot(metric, values));

  ++metric.overflow;
  std::vector<std::string_view> folded(values.begin(), values.end());
  std::fill_n(folded.begin(), metric.info->decl.label_keys.size(), other);
  const auto found = metric.by_labels.find(std::span<const std::string_view>(folded));
  const std::uint32_t slot = found != metric.by_labels.end() ? found->second : add_slot(metric, folded);
  slots_[slot].is_other = true;
  return handle_of(slot);
}

std::uint32_t Store::add_slot(Metric& metric, std::span<const std::string_view> values) {
  std::uint32_t index = 0;
  if (free_slots_.empty()) {
    index = static_cast<std::uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    index = free_slots_.back();
    free_slots_.pop_back();
  }
  Slot& slot = slots_[index];
  slot.metric = &metric;
  slot.labels = std::make_shared<const LabelSet>(std::vector<std::string_view>(values.begin(), values.end()));
  metric.by_labels.emplace(slot.labels, index);
  metric.slots.push_back(index);
  return index;
}

Store::Slot* Store::live(SeriesHandle handle) {
  const std::uint64_t index = (handle & 0xffffffffU) - 1;
  if (index >= slots_.size()) return nullptr;
  Slot& slot = slots_[index];
  return slot.metric != nullptr && slot.generation == handle >> 32 ? &slot : nullptr;
}

SeriesHandle Store::handle_of(std::uint32_t slot) const {
  return static_cast<SeriesHandle>(slots_[slot].generation) << 32 | (slot + 1U);
}

void Store::end_series(std::uint32_t index, std::uint64_t now_ns) {
  Slot& slot = slots_[index];
  if (slot.has_value && history_.oldest_ns() <= now_ns) {
    retired_.push_back({handle_of(index), now_ns, slot.metric->info, slot.labels});
  }
  slot.metric->by_labels.erase(slot.labels);
  std::erase(slot.metric->slots, index);
  const std::uint32_t generation = slot.generation + 1;
  slot = Slot{};
  slot.generation = generation;
  free_slots_.push_back(index);
}

void Store::end_unreported(const std::string& instance, std::uint64_t collection, std::uint64_t now_ns) {
  for (auto& [key, metric] : metrics_) {
    if (key.second != instance) continue;
    const auto slots = metric->slots;
    for (const auto slot : slots) {
      if (slots_[slot].collection != collection) end_series(slot, now_ns);
    }
  }
}

void Store::forget_retired() {
  const auto oldest = history_.oldest_ns();
  std::erase_if(retired_, [&](const Retired& gone) { return gone.ended_ns < oldest; });
}

Producer::Producer(Store& store, std::string instance, Labels constant, std::size_t series_limit,
                   std::set<std::string> leaving)
    : store_(store),
      instance_(std::move(instance)),
      constant_(std::move(constant)),
      series_limit_(series_limit),
      leaving_(std::move(leaving)) {}

Producer::~Producer() {
  end();
}

void Producer::hide() {
  const std::lock_guard lock(store_.mutex_);
  for (auto& [id, metric] : metrics_) {
    if (metric->generations > 1) continue;
    for (const auto slot : metric->slots) store_.slots_[slot].hidden = true;
  }
}

void Producer::end() {
  const std::lock_guard lock(store_.mutex_);
  if (std::exchange(ended_, true)) return;
  for (auto& [id, metric] : metrics_) store_.release(*metric);
  metrics_.clear();
  const auto found = store_.instances_.find(instance_);
  if (--found->second.generations == 0) store_.instances_.erase(found);
}

Result<MetricId> Producer::declare(MetricDecl decl) {
  const std::lock_guard lock(store_.mutex_);
  for (const auto& [id, metric] : metrics_) {
    if (metric->info->decl.name == decl.name) {
      return Error{Errc::invalid_argument, "metric '" + decl.name + "' is declared twice"};
    }
  }
  const auto metric = store_.declare(*this, std::move(decl));
  if (!metric) return metric.error();
  metrics_.emplace((*metric)->id, *metric);
  return (*metric)->id;
}

Result<SeriesHandle> Producer::series(MetricId id, std::span<const std::string_view> values) {
  const std::lock_guard lock(store_.mutex_);
  const auto found = metrics_.find(id);
  if (found == metrics_.end()) {
    return Error{Errc::invalid_argument, "metric " + std::to_string(id) + " was not declared by this instance"};
  }
  const MetricDecl& decl = found->second->info->decl;
  if (decl.kind == MetricKind::event) {
    return Error{Errc::invalid_argument, "'" + decl.name + "' is an event type and has no series"};
  }
  if (values.size() != decl.label_keys.size()) {
    return Error{Errc::invalid_argument, "metric '" + decl.name + "' has " + std::to_string(decl.label_keys.size()) +
                                             " label keys, " + std::to_string(values.size()) + " values were given"};
  }
  return store_.find_or_add(*found->second, values, series_limit_);
}

Result<Producer::Meaning> Producer::resolve(MetricId id, SeriesHandle series) const {
  const std::lock_guard lock(store_.mutex_);
  const auto found = metrics_.find(id);
  if (found == metrics_.end()) {
    return Error{Errc::invalid_argument, "metric " + std::to_string(id) + " was not declared by this instance"};
  }
  const auto& info = found->second->info;
  if (info->decl.kind == MetricKind::event) return Meaning{info, nullptr};
  const auto* slot = store_.live(series);
  if (slot == nullptr || slot->metric != found->second) {
    return Error{Errc::invalid_argument, "series " + std::to_string(series) + " of metric '" + info->decl.name +
                                             "' does not exist or has ended: look it up again"};
  }
  return Meaning{info, slot->labels};
}

void Producer::commit(const RecordBatch& batch) {
  const std::lock_guard lock(store_.mutex_);
  if (ended_) return;
  auto& instance = store_.instances_[instance_];
  const std::uint64_t collection = ++instance.collections;
  instance.failing_since_ns = 0;
  store_.newest_ns_ = std::max(store_.newest_ns_, batch.tick_ns());

  std::vector<History::Point> points;
  points.reserve(batch.records().size());
  for (const auto& record : batch.records()) {
    // A series may have ended between append and commit only when another generation of the instance committed.
    auto* slot = store_.live(record.series);
    if (slot == nullptr) continue;
    const bool again = slot->collection == collection;
    if (again && slot->is_other) {
      slot->value += record.value;
      for (std::uint32_t i = 0; i < record.bucket_count; ++i) slot->buckets[i] += record.buckets[i];
      continue;
    }
    slot->collection = collection;
    slot->has_value = true;
    slot->hidden = false;
    slot->value = record.value;
    slot->time_ns = record.time_ns;
    if (record.bucket_count > 0) slot->buckets.assign(record.buckets, record.buckets + record.bucket_count);
  }
  store_.end_unreported(instance_, collection, batch.tick_ns());
  for (auto& [id, metric] : metrics_) {
    for (const auto slot : metric->slots) points.push_back({store_.handle_of(slot), store_.slots_[slot].value});
  }
  store_.history_.append(batch.tick_ns(), std::move(points));
  store_.forget_retired();
}

void Producer::fail(std::uint64_t tick_ns, std::uint64_t every_ns) {
  const std::lock_guard lock(store_.mutex_);
  if (ended_) return;
  auto& instance = store_.instances_[instance_];
  store_.newest_ns_ = std::max(store_.newest_ns_, tick_ns);
  if (instance.failing_since_ns == 0) {
    instance.failing_since_ns = tick_ns;
  } else if (tick_ns >= instance.failing_since_ns + 2 * every_ns) {
    store_.end_unreported(instance_, instance.collections + 1, tick_ns);
  }
}

std::vector<std::shared_ptr<const MetricInfo>> Producer::declared() const {
  const std::lock_guard lock(store_.mutex_);
  std::vector<std::shared_ptr<const MetricInfo>> all;
  for (const auto& [id, metric] : metrics_) all.push_back(metric->info);
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a->decl.name < b->decl.name; });
  return all;
}

}  // namespace sentinel::store
