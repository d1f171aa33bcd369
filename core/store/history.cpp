#include "core/store/history.hpp"

#include <utility>

namespace sentinel::store {

void History::append(std::uint64_t time_ns, std::vector<Point> points) {
  Block block{time_ns, std::move(points)};
  const std::size_t size = block.bytes();
  if (size > budget_bytes_) return;
  while (!blocks_.empty() && bytes_ + size > budget_bytes_) {
    bytes_ -= blocks_.front().bytes();
    blocks_.pop_front();
  }
  bytes_ += size;
  blocks_.push_back(std::move(block));
}

std::vector<Sample> History::read(SeriesHandle series, std::uint64_t from_ns, std::uint64_t to_ns) const {
  std::vector<Sample> samples;
  for (const auto& block : blocks_) {
    if (block.time_ns < from_ns || block.time_ns > to_ns) continue;
    for (const auto& point : block.points) {
      if (point.series == series) samples.push_back({block.time_ns, point.value});
    }
  }
  return samples;
}

std::unordered_map<SeriesHandle, std::vector<Sample>> History::read_all(std::uint64_t from_ns,
                                                                        std::uint64_t to_ns) const {
  std::unordered_map<SeriesHandle, std::vector<Sample>> all;
  for (const auto& block : blocks_) {
    if (block.time_ns < from_ns || block.time_ns > to_ns) continue;
    for (const auto& point : block.points) all[point.series].push_back({block.time_ns, point.value});
  }
  return all;
}

}  // namespace sentinel::store
