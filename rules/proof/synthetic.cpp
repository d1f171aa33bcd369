#include "rules/proof/synthetic.hpp"

#include <algorithm>

#include <sentinel/config.hpp>

namespace sentinel::rules {

void Synthetic::declare(const SeriesName& name, bool event) {
  const auto [found, is_new] = ids_.try_emplace(name.metric, 0);
  if (is_new) {
    metrics_.emplace_back().name = name.metric;
    found->second = static_cast<std::uint32_t>(metrics_.size());  // ids begin with 1
  }
  Metric& metric = metrics_[found->second - 1];
  for (const auto& [key, value] : name.labels) {
    if (std::find(metric.keys.begin(), metric.keys.end(), key) == metric.keys.end()) metric.keys.push_back(key);
  }
  metric.key_views.clear();
  for (const auto& key : metric.keys) metric.key_views.push_back(to_abi(key));
  const auto kind = event ? SENTINEL_EVENT : metric.name.ends_with("_total") ? SENTINEL_COUNTER : SENTINEL_GAUGE;
  metric.abi.size = sizeof(sentinel_metric);
  metric.abi.kind = static_cast<std::uint32_t>(kind);
  metric.abi.name = to_abi(metric.name);
  metric.abi.label_keys = metric.key_views.data();
  metric.abi.label_count = static_cast<std::uint32_t>(metric.key_views.size());
}

void Synthetic::begin(std::uint64_t time_ns) {
  rows_.clear();
  records_.clear();
  time_ns_ = time_ns;
}

Synthetic::Metric& Synthetic::metric(const SeriesName& name, std::uint32_t& id) {
  id = ids_.find(name.metric)->second;
  return metrics_[id - 1];
}

Synthetic::Row& Synthetic::row_of(const Metric& metric, const SeriesName& name) {
  Row& row = rows_.emplace_back();
  for (const auto& key : metric.keys) {
    const auto found = name.labels.find(key);
    row.labels.push_back(found == name.labels.end() ? sentinel_string{} : to_abi(found->second));
  }
  return row;
}

void Synthetic::add_sample(const SeriesName& name, std::uint64_t handle, double value) {
  std::uint32_t id = 0;
  row_of(metric(name, id), name);
  records_.push_back({sizeof(sentinel_record), id, handle, time_ns_, value, 0, 0, nullptr, nullptr, 0, 0});
}

void Synthetic::add_event(const InputEvents& events) {
  std::uint32_t id = 0;
  Row& row = row_of(metric(events.name, id), events.name);
  const Context& context = events.context;
  row.context = {sizeof(sentinel_context),
                 context.pid,
                 context.tid,
                 context.ppid,
                 context.start_time_ns,
                 context.cgroup_id,
                 to_abi(context.comm),
                 to_abi(context.parent_comm),
                 to_abi(context.container_id),
                 context.stack.data(),
                 row.labels.data(),
                 static_cast<std::uint32_t>(context.stack.size()),
                 static_cast<std::uint32_t>(row.labels.size()),
                 to_abi(context.exe),
                 to_abi(context.pod),
                 nullptr};
  records_.push_back({sizeof(sentinel_record), id, 0, time_ns_, events.value, 0, 0, nullptr, &row.context, 0, 0});
}

sentinel_delivery Synthetic::delivery() {
  const auto metric_of = [](const sentinel_delivery* self, const sentinel_record* record) {
    return static_cast<const sentinel_metric*>(
        &static_cast<Synthetic*>(self->context)->metrics_[record->metric - 1].abi);
  };
  const auto labels_of = [](const sentinel_delivery* self, const sentinel_record* record) {
    // Each record has a row of its own, in the same order.
    const auto index = static_cast<std::size_t>(record - self->records);
    return static_cast<const sentinel_string*>(static_cast<Synthetic*>(self->context)->rows_[index].labels.data());
  };
  return {sizeof(sentinel_delivery), 0,    records_.data(), records_.size(),
          to_abi(instance_),         this, metric_of,       labels_of};
}

}  // namespace sentinel::rules
