#pragma once

#include <cstdint>
#include <vector>

namespace sentinel::rules {

/// Quantiles of numbers to within 1 % of their value, mergeable and bounded: counts of numbers in buckets whose bounds
/// grow by a constant factor (DDSketch: Masson, Rim, Lee, VLDB 2019). At most 2,048 buckets a sign, which span 17
/// decimal orders of magnitude; beyond that those nearest to zero are folded together and lose precision, never the
/// large ones. Adding allocates only where the range of what it saw grows.
class Sketch {
 public:
  static constexpr double relative_error = 0.01;
  static constexpr std::int32_t most_buckets = 2'048;

  /// Infinities count as the greatest finite numbers. `value` is no NaN.
  void add(double value);
  void merge(const Sketch& other);
  /// Forgets what it saw; what it allocated is used again.
  void clear();

  [[nodiscard]] std::uint64_t count() const { return positive_.total + negative_.total + zeros_; }
  /// The number of rank floor(q * (count - 1)) in ascending order, or one within 1 % of it. Only when count() > 0.
  [[nodiscard]] double quantile(double q) const;

 private:
  /// Buckets of magnitudes: counts[i] is that of bucket first + i.
  struct Side {
    std::vector<std::uint32_t> counts;
    std::int32_t first = 0;
    std::uint64_t total = 0;

    void add(std::int32_t bucket, std::uint32_t count);
    [[nodiscard]] std::int32_t make_room(std::int32_t bucket);
    void clear();
  };

  Side positive_;
  Side negative_;
  std::uint64_t zeros_ = 0;
};

}  // namespace sentinel::rules
