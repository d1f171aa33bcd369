#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include <sentinel/abi.h>

#include "rules/proof/test_file.hpp"

namespace sentinel::rules {

/// A collector that isn't there: makes batches of made-up samples and events as the runtime would hand them on. The
/// batch that delivery() gives is valid until the next begin(). One thread.
class Synthetic {
 public:
  explicit Synthetic(std::string instance) : instance_(std::move(instance)) {}
  Synthetic(const Synthetic&) = delete;
  Synthetic& operator=(const Synthetic&) = delete;

  /// Makes the metric of this name known with these labels beside those known. Call it for all before begin().
  void declare(const SeriesName& name, bool event);

  void begin(std::uint64_t time_ns);
  void add_sample(const SeriesName& name, std::uint64_t handle, double value);
  void add_event(const InputEvents& events);
  [[nodiscard]] sentinel_delivery delivery();

 private:
  struct Metric {
    std::string name;
    std::vector<std::string> keys;
    std::vector<sentinel_string> key_views;
    sentinel_metric abi{};
  };
  struct Row {
    std::vector<sentinel_string> labels;
    sentinel_context context{};
  };

  Metric& metric(const SeriesName& name, std::uint32_t& id);
  Row& row_of(const Metric& metric, const SeriesName& name);

  std::string instance_;
  std::deque<Metric> metrics_;
  std::map<std::string, std::uint32_t, std::less<>> ids_;
  std::deque<Row> rows_;
  std::vector<sentinel_record> records_;
  std::uint64_t time_ns_ = 0;
};

}  // namespace sentinel::rules
