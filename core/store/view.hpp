#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <sentinel/abi.h>

#include "core/store/metric.hpp"

namespace sentinel::store {

/// A consistent copy of the live series of some instances, sorted by metric name and instance, in the shape of the ABI.
/// Owns or keeps alive all that it points to; move-only; read by one thread at a time.
class View {
 public:
  View() = default;
  View(View&&) = default;
  View& operator=(View&&) = default;
  View(const View&) = delete;
  View& operator=(const View&) = delete;

  [[nodiscard]] sentinel_series_view abi() const {
    return {sizeof(sentinel_series_view), static_cast<std::uint32_t>(families_.size()), families_.data()};
  }
  [[nodiscard]] std::size_t series_count() const { return series_.size(); }

  /// Building, by the store: a family, then its series; finish() last.
  void add_family(std::shared_ptr<const MetricInfo> info);
  void add_series(std::shared_ptr<const LabelSet> labels, std::uint64_t time_ns, double value,
                  const std::vector<std::uint64_t>& buckets);
  void finish();

 private:
  std::vector<sentinel_family> families_;
  std::vector<sentinel_series> series_;
  std::vector<std::uint64_t> buckets_;
  std::vector<std::shared_ptr<const MetricInfo>> infos_;
  std::vector<std::shared_ptr<const LabelSet>> labels_;
};

}  // namespace sentinel::store
