#pragma once

#include <cstdint>
#include <deque>
#include <unordered_map>
#include <vector>

#include "core/store/metric.hpp"

namespace sentinel::store {

/// One value of a series at a time (CLOCK_BOOTTIME).
struct Sample {
  std::uint64_t time_ns = 0;
  double value = 0;
};

/// The values of the last minutes, as one block a collection, within a budget of memory: when it is used up, the oldest
/// collection goes. Not thread-safe; the store guards it.
class History {
 public:
  struct Point {
    SeriesHandle series = 0;
    double value = 0;
  };

  explicit History(std::size_t budget_bytes) : budget_bytes_(budget_bytes) {}

  /// Keeps one collection's values. More than the whole budget is not kept at all.
  void append(std::uint64_t time_ns, std::vector<Point> points);

  /// The values of a series in [from, to], oldest first.
  [[nodiscard]] std::vector<Sample> read(SeriesHandle series, std::uint64_t from_ns, std::uint64_t to_ns) const;

  /// The same of every series.
  [[nodiscard]] std::unordered_map<SeriesHandle, std::vector<Sample>> read_all(std::uint64_t from_ns,
                                                                               std::uint64_t to_ns) const;

  /// Time of the oldest collection kept, or the greatest time when there is none.
  [[nodiscard]] std::uint64_t oldest_ns() const { return blocks_.empty() ? UINT64_MAX : blocks_.front().time_ns; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  struct Block {
    std::uint64_t time_ns = 0;
    std::vector<Point> points;
    [[nodiscard]] std::size_t bytes() const { return sizeof(Block) + points.capacity() * sizeof(Point); }
  };

  std::size_t budget_bytes_;
  std::size_t bytes_ = 0;
  std::deque<Block> blocks_;
};

}  // namespace sentinel::store
