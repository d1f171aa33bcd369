#include "core/runtime/window_values.hpp"

#include <algorithm>
#include <sentinel/config.hpp>
#include <set>

#include "core/telemetry/log.hpp"

namespace sentinel::runtime {
namespace {

constexpr std::size_t most_series = 10'000;

}  // namespace

void WindowValues::add(const rules::WindowValue& value) {
  const rules::WindowSpec& window = value.rule.windows.front();
  if (window.name.empty()) return;
  Pipeline& pipeline = pipelines_[value.rule.name];
  pipeline.metric = window.name;
  pipeline.every_ns = static_cast<std::uint64_t>(window.every.value_or(window.over).count());
  pipeline.time_ns = std::max(pipeline.time_ns, value.time_ns);
  pipeline.values.push_back({value.labels, value.value});
}

std::vector<std::pair<std::string, SinkQueue::Batch>> WindowValues::commit() {
  std::vector<std::pair<std::string, SinkQueue::Batch>> batches;
  for (auto& [name, pipeline] : pipelines_) {
    if (pipeline.values.empty()) continue;
    if (const auto declared = declare(name, pipeline); !declared) {
      telemetry::log_error(name, "window value " + pipeline.metric + ": " + declared.error().message);
      pipeline.values.clear();
      continue;
    }
    auto batch = std::make_shared<store::RecordBatch>(*pipeline.producer);
    batch->reset(pipeline.time_ns, pipeline.every_ns);
    for (const auto& value : pipeline.values) {
      std::vector<sentinel_string> labels;
      for (const auto& key : pipeline.keys) {
        const auto found = value.labels.find(key);
        labels.push_back(found == value.labels.end() ? sentinel_string{nullptr, 0} : to_abi(found->second));
      }
      const auto series = batch->series(pipeline.id, labels.data(), static_cast<std::uint32_t>(labels.size()));
      if (!series) continue;
      sentinel_record record{};
      record.size = sizeof(record);
      record.metric = pipeline.id;
      record.series = *series;
      record.value = value.value;
      (void)batch->append(record);  // the id and the series are the store's own: nothing to refuse
    }
    pipeline.values.clear();
    pipeline.producer->commit(*batch);
    batches.emplace_back(name, std::move(batch));
  }
  return batches;
}

Result<void> WindowValues::declare(const std::string& name, Pipeline& pipeline) const {
  std::set<std::string> keys(pipeline.keys.begin(), pipeline.keys.end());
  for (const auto& value : pipeline.values) {
    for (const auto& [key, text] : value.labels) keys.insert(key);
  }
  if (pipeline.producer && keys.size() == pipeline.keys.size()) return {};
  pipeline.keys.assign(keys.begin(), keys.end());
  // A metric's keys are fixed: one more key is another metric, of another generation.
  pipeline.producer.reset();
  pipeline.producer = store_.producer(producer_name(name), {}, most_series);
  const auto id = pipeline.producer->declare(
      {MetricKind::gauge, pipeline.metric, "Value of the window of pipeline " + name + ".", {}, pipeline.keys, {}});
  if (!id) {
    pipeline.producer.reset();
    pipeline.keys.clear();
    return id.error();
  }
  pipeline.id = *id;
  return {};
}

void WindowValues::keep(const std::vector<std::string>& names) {
  std::erase_if(pipelines_,
                [&](const auto& entry) { return std::find(names.begin(), names.end(), entry.first) == names.end(); });
}

}  // namespace sentinel::runtime
