#include "core/store/view.hpp"

#include <utility>

#include <sentinel/config.hpp>

namespace sentinel::store {

void View::add_family(std::shared_ptr<const MetricInfo> info) {
  families_.push_back({sizeof(sentinel_family), static_cast<std::uint32_t>(info->decl.kind), to_abi(info->decl.name),
                       to_abi(info->decl.help), to_abi(info->decl.unit), to_abi(info->instance), info->keys().data(),
                       info->decl.bounds.data(), nullptr, 0, static_cast<std::uint32_t>(info->keys().size()),
                       static_cast<std::uint32_t>(info->decl.bounds.size())});
  infos_.push_back(std::move(info));
}

void View::add_series(std::shared_ptr<const LabelSet> labels, std::uint64_t time_ns, double value,
                      const std::vector<std::uint64_t>& buckets) {
  series_.push_back({sizeof(sentinel_series), static_cast<std::uint32_t>(buckets.size()), labels->values().data(),
                     time_ns, value, nullptr});
  buckets_.insert(buckets_.end(), buckets.begin(), buckets.end());
  labels_.push_back(std::move(labels));
  ++families_.back().series_count;
}

void View::finish() {
  // Only now do the arrays stay where they are.
  std::size_t next_series = 0;
  for (auto& family : families_) {
    family.series = series_.data() + next_series;
    next_series += family.series_count;
  }
  std::size_t next_bucket = 0;
  for (auto& series : series_) {
    series.buckets = buckets_.data() + next_bucket;
    next_bucket += series.bucket_count;
  }
}

}  // namespace sentinel::store
