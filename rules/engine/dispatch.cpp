#include "rules/engine/dispatch.hpp"

#include <algorithm>
#include <utility>

namespace sentinel::rules {
namespace {

// Ids and handles index vectors; a host that hands out greater ones is broken.
constexpr std::uint32_t most_metrics = 1U << 22;
constexpr std::uint32_t most_slots = 1U << 24;

}  // namespace

Source& Dispatch::source(std::string_view name) {
  const auto found = entries_.find(name);
  if (found != entries_.end()) return found->second.source;
  Entry& entry = entries_[std::string(name)];
  entry.source.name = name;
  return entry.source;
}

void Dispatch::connect(std::vector<Chain*> chains, std::vector<Tap*> taps) {
  forget_routes();
  chains_ = std::move(chains);
  taps_ = std::move(taps);
}

void Dispatch::set_folds(std::vector<FoldedWindow> folds) {
  forget_routes();
  folds_ = std::move(folds);
}

void Dispatch::forget_routes() {
  slots_.clear();
  for (auto& [name, entry] : entries_) entry.metrics.clear();
}

std::uint64_t Dispatch::demand_of(const Chain& chain, const Feed& feed, const sentinel_metric& metric) const {
  const auto window = static_cast<std::uint32_t>(&feed.window.spec() - chain.rule()->windows.data());
  for (const auto& fold : folds_) {
    if (fold.window == window && fold.instance == feed.source.name && fold.metric == text_of(metric.name) &&
        fold.rule == chain.rule()->identity()) {
      return fold.demand;
    }
  }
  return 0;
}

void Dispatch::forget(std::uint64_t handle) {
  const auto index = static_cast<std::uint32_t>(handle);
  if (index < slots_.size() && slots_[index].generation == handle >> 32) slots_[index] = {};
}

Dispatch::Route* Dispatch::learn(Entry& entry, const sentinel_delivery& batch, const sentinel_record& record) {
  if (record.metric >= most_metrics) return nullptr;
  const sentinel_metric& metric = *batch.metric(&batch, &record);
  auto route = std::make_unique<Route>();
  route->events = metric.kind == SENTINEL_EVENT;
  for (auto* chain : chains_) {
    std::vector<std::unique_ptr<Feed>> feeds;
    chain->connect(entry.source, metric, feeds);
    for (auto& feed : feeds) {
      const std::uint64_t demand = route->events ? demand_of(*chain, *feed, metric) : 0;
      route->windows.push_back({chain, std::move(feed), demand});
    }
  }
  for (auto* tap : taps_) {
    const auto& from = tap->rule->from;
    if (!from.empty() && std::find(from.begin(), from.end(), entry.source.name) == from.end()) continue;
    if (!tap->rule->filter->matches_metric(text_of(metric.name))) continue;
    tap->fed = true;
    Filter filter(*tap->rule->filter, metric);
    if (!filter.never_matches()) route->outputs.push_back({tap, std::move(filter)});
  }
  if (record.metric >= entry.metrics.size()) entry.metrics.resize(record.metric + 1);
  Metric& learned = entry.metrics[record.metric];
  learned.known = true;
  if (!route->windows.empty() || !route->outputs.empty()) learned.route = std::move(route);
  return learned.route.get();
}

void Dispatch::learn(Slot& slot, const Route& route, const RecordView& record) {
  slot = {static_cast<std::uint32_t>(record.record.series >> 32), &route, {}, {}};
  for (const auto& to : route.windows) {
    if (!to.feed->filter.matches_labels(record)) continue;
    slot.targets.push_back({to.chain, to.feed.get(), to.feed->window.series(*to.feed, record)});
  }
  for (const auto& to : route.outputs) {
    if (to.filter.matches_labels(record)) slot.outputs.push_back(&to);
  }
}

Dispatch::Slot* Dispatch::slot(const Route& route, const sentinel_delivery& batch, const sentinel_record& record) {
  const auto index = static_cast<std::uint32_t>(record.series);
  if (index >= slots_.size()) {
    if (index >= most_slots) return nullptr;
    slots_.resize(std::max<std::size_t>(index + 1ULL, 2 * slots_.size()));
  }
  Slot& slot = slots_[index];
  if (slot.generation != record.series >> 32 || slot.route != &route) {
    learn(slot, route, {record, batch.labels(&batch, &record)});
  }
  return &slot;
}

void Dispatch::take_sample(const Route& route, const sentinel_delivery& batch, const sentinel_record& record,
                           std::uint64_t tick_ns, Output& out) {
  Slot* found = slot(route, batch, record);
  if (found == nullptr) return;
  for (auto& target : found->targets) {
    if (target.series == nullptr) {
      Window& window = target.feed->window;
      if (!window.is_full()) target.series = window.series(*target.feed, {record, batch.labels(&batch, &record)});
      if (target.series == nullptr) {
        target.chain->overflow();
        continue;
      }
    }
    target.chain->take(target.feed->window, *target.series, record.value, tick_ns);
  }
  for (const auto* to : found->outputs) {
    if (!to->filter.matches_value(record.value)) continue;
    ++to->tap->records;
    out.record(*to->tap->rule, batch, record);
  }
}

/// It is the one window's that had it folded, which has its filter evaluated already.
void Dispatch::take_folded(const Route& route, const sentinel_delivery& batch, const sentinel_record& record) {
  for (const auto& to : route.windows) {
    if (to.demand != 0 && to.demand == record.demand) {
      to.chain->take(*to.feed, {record, batch.labels(&batch, &record)}, record.count);
      return;
    }
  }
}

void Dispatch::take_event(Route& route, const sentinel_delivery& batch, const sentinel_record& record, Output& out) {
  const RecordView view{record, batch.labels(&batch, &record)};
  const auto matches = [&](const Filter& filter) {
    return filter.matches_value(record.value) && filter.matches_labels(view);
  };
  for (auto& to : route.windows) {
    if (matches(to.feed->filter)) to.chain->take(*to.feed, view);
  }
  for (auto& to : route.outputs) {
    if (!matches(to.filter)) continue;
    ++to.tap->records;
    out.record(*to.tap->rule, batch, record);
  }
}

void Dispatch::consume(Source& source, const sentinel_delivery& batch, std::uint64_t tick_ns, Output& out) {
  Entry& entry = entries_.find(source.name)->second;
  const auto* at = reinterpret_cast<const char*>(batch.records);
  const std::uint64_t stride = batch.count == 0 ? 0 : batch.records->size;
  for (std::uint64_t i = 0; i < batch.count; ++i, at += stride) {
    const auto& record = *reinterpret_cast<const sentinel_record*>(at);
    Route* route = nullptr;
    if (record.metric < entry.metrics.size() && entry.metrics[record.metric].known) {
      route = entry.metrics[record.metric].route.get();
    } else {
      route = learn(entry, batch, record);
    }
    if (route == nullptr) continue;
    if (route->events && (record.flags & SENTINEL_RECORD_FOLDED) != 0) {
      take_folded(*route, batch, record);
    } else if (route->events) {
      take_event(*route, batch, record, out);
    } else {
      take_sample(*route, batch, record, tick_ns, out);
    }
  }
}

}  // namespace sentinel::rules
