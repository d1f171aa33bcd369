#include "rules/engine/sketch.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace sentinel::rules {
namespace {

constexpr double gamma = (1 + Sketch::relative_error) / (1 - Sketch::relative_error);
// Below it a number counts as zero, so that the logarithm stays among normal numbers.
constexpr double smallest = 1e-300;

std::int32_t bucket_of(double magnitude) {
  static const double scale = 1 / std::log(gamma);
  return static_cast<std::int32_t>(
      std::ceil(std::log(std::min(magnitude, std::numeric_limits<double>::max())) * scale));
}

double value_of(std::int32_t bucket) {
  return std::min(2 * std::pow(gamma, bucket) / (gamma + 1), std::numeric_limits<double>::max());
}

std::uint32_t saturating_sum(std::uint32_t a, std::uint32_t b) {
  return a > std::numeric_limits<std::uint32_t>::max() - b ? std::numeric_limits<std::uint32_t>::max() : a + b;
}

}  // namespace

void Sketch::Side::clear() {
  counts.clear();
  total = 0;
}

/// Makes the buckets span `bucket`, folding the lowest; returns the bucket that takes its place.
std::int32_t Sketch::Side::make_room(std::int32_t bucket) {
  if (counts.empty()) {
    first = bucket;
    counts.push_back(0);
    return bucket;
  }
  const std::int32_t last = first + static_cast<std::int32_t>(counts.size()) - 1;
  if (bucket > last) {
    const std::int32_t lowest = std::max(first, bucket - most_buckets + 1);
    if (lowest > last) {
      counts.assign(1, static_cast<std::uint32_t>(std::min<std::uint64_t>(total, ~0U)));
      first = lowest;
    } else if (lowest > first) {
      const auto fold = counts.begin() + (lowest - first);
      for (auto it = counts.begin(); it != fold; ++it) *fold = saturating_sum(*fold, *it);
      counts.erase(counts.begin(), fold);
      first = lowest;
    }
    counts.resize(static_cast<std::size_t>(bucket - first) + 1);
    return bucket;
  }
  if (bucket < first) {
    const std::int32_t lowest = std::max(bucket, last - most_buckets + 1);
    counts.insert(counts.begin(), static_cast<std::size_t>(first - lowest), 0U);
    first = lowest;
  }
  return std::max(bucket, first);
}

void Sketch::Side::add(std::int32_t bucket, std::uint32_t count) {
  if (const auto at = static_cast<std::uint32_t>(bucket - first); at >= counts.size()) bucket = make_room(bucket);
  auto& taken = counts[static_cast<std::size_t>(bucket - first)];
  taken = saturating_sum(taken, count);
  total += count;
}

void Sketch::add(double value) {
  const double magnitude = std::abs(value);
  if (magnitude < smallest) {
    ++zeros_;
  } else {
    (value > 0 ? positive_ : negative_).add(bucket_of(magnitude), 1);
  }
}

void Sketch::merge(const Sketch& other) {
  const auto merge_side = [](Side& to, const Side& from) {
    if (from.total == 0) return;
    for (std::size_t i = from.counts.size(); i-- > 0;) {  // the greatest first, for room is made by folding the lowest
      if (from.counts[i] > 0) to.add(from.first + static_cast<std::int32_t>(i), from.counts[i]);
    }
  };
  merge_side(positive_, other.positive_);
  merge_side(negative_, other.negative_);
  zeros_ += other.zeros_;
}

void Sketch::clear() {
  positive_.clear();
  negative_.clear();
  zeros_ = 0;
}

double Sketch::quantile(double q) const {
  auto rank = static_cast<std::uint64_t>(std::clamp(q, 0.0, 1.0) * static_cast<double>(count() - 1));
  for (std::size_t i = negative_.counts.size(); i-- > 0;) {
    if (rank < negative_.counts[i]) return -value_of(negative_.first + static_cast<std::int32_t>(i));
    rank -= negative_.counts[i];
  }
  if (rank < zeros_) return 0;
  rank -= zeros_;
  std::int32_t highest = positive_.first;
  for (std::size_t i = 0; i < positive_.counts.size(); ++i) {
    if (positive_.counts[i] == 0) continue;
    highest = positive_.first + static_cast<std::int32_t>(i);
    if (rank < positive_.counts[i]) return value_of(highest);
    rank -= positive_.counts[i];
  }
  return value_of(highest);
}

}  // namespace sentinel::rules
