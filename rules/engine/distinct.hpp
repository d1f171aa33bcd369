#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "rules/engine/hyperloglog.hpp"

namespace sentinel::rules {

/// How many different texts there were: exact to 512, estimated to within 1.6 % beyond. Mergeable. Texts are told apart
/// by a hash of 64 bits.
class Distinct {
 public:
  static constexpr std::size_t most_exact = 512;

  void add(std::uint64_t hash);
  void merge(const Distinct& other);
  /// Forgets what it saw; the exact part keeps its memory.
  void clear();
  [[nodiscard]] double count() const;
  [[nodiscard]] bool empty() const { return exact_ == 0 && !estimate_; }

 private:
  void insert(std::uint64_t hash);

  std::vector<std::uint64_t> slots_;  // open addressing, at most half full; 0: free
  std::size_t exact_ = 0;
  std::unique_ptr<HyperLogLog> estimate_;
};

/// Well mixed, never 0, the same in every process: a replayed recording gives the same numbers.
[[nodiscard]] std::uint64_t hash_text(std::string_view text) noexcept;

}  // namespace sentinel::rules
