#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/runtime/sink_queue.hpp"
#include "core/store/store.hpp"
#include "rules/engine/engine.hpp"

namespace sentinel::runtime {

/// What windows of pipelines without an alert come to, as series of the store: each pipeline is a producer, named
/// `pipeline:<name>`, of one gauge. One thread at a time.
class WindowValues {
 public:
  explicit WindowValues(store::Store& store) : store_(store) {}

  [[nodiscard]] static std::string producer_name(std::string_view pipeline) {
    return "pipeline:" + std::string(pipeline);
  }

  /// Notes a value until commit().
  void add(const rules::WindowValue& value);
  /// Puts what was noted into the store; returns it by pipeline.
  [[nodiscard]] std::vector<std::pair<std::string, SinkQueue::Batch>> commit();
  /// Ends the series of pipelines that are not among `names`.
  void keep(const std::vector<std::string>& names);

 private:
  struct Value {
    rules::Labels labels;
    double value = 0;
  };
  struct Pipeline {
    std::string metric;
    std::uint64_t every_ns = 0;
    std::uint64_t time_ns = 0;
    std::vector<Value> values;
    std::vector<std::string> keys;
    std::unique_ptr<store::Producer> producer;
    store::MetricId id = 0;
  };

  Result<void> declare(const std::string& name, Pipeline& pipeline) const;

  store::Store& store_;
  std::map<std::string, Pipeline> pipelines_;
};

}  // namespace sentinel::runtime
