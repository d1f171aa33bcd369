#include "rules/engine/hyperloglog.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace sentinel::rules {

void HyperLogLog::add(std::uint64_t hash) {
  const auto index = static_cast<std::size_t>(hash >> (64 - index_bits));
  // The bit behind the last one ends the count of a remainder of zeros.
  const std::uint64_t rest = hash << index_bits | 1ULL << (index_bits - 1);
  const auto rank = static_cast<std::uint8_t>(std::countl_zero(rest) + 1);
  registers_[index] = std::max(registers_[index], rank);
}

void HyperLogLog::merge(const HyperLogLog& other) {
  std::transform(registers_.begin(), registers_.end(), other.registers_.begin(), registers_.begin(),
                 [](std::uint8_t a, std::uint8_t b) { return std::max(a, b); });
}

double HyperLogLog::estimate() const {
  constexpr double count = 1U << index_bits;
  constexpr double alpha = 0.7213 / (1 + 1.079 / count);
  double sum = 0;
  std::size_t zeros = 0;
  for (const auto rank : registers_) {
    sum += std::ldexp(1.0, -static_cast<int>(rank));
    if (rank == 0) ++zeros;
  }
  const double raw = alpha * count * count / sum;
  return raw <= 2.5 * count && zeros > 0 ? count * std::log(count / static_cast<double>(zeros)) : raw;
}

}  // namespace sentinel::rules
