#pragma once

#include <deque>
#include <span>
#include <vector>

#include <sentinel/abi.h>

#include "core/runtime/pushdown.hpp"

namespace sentinel::runtime {

/// Demands in the shape of the ABI; points into the demands, which must outlive it.
class AbiDemands {
 public:
  explicit AbiDemands(const std::vector<Demand>& demands);
  AbiDemands(const AbiDemands&) = delete;
  AbiDemands& operator=(const AbiDemands&) = delete;

  [[nodiscard]] std::span<const sentinel_demand> all() const { return demands_; }

 private:
  const sentinel_string* texts(const std::vector<std::string>& from);

  std::deque<std::vector<sentinel_string>> texts_;
  std::deque<std::vector<sentinel_predicate>> predicates_;
  std::vector<sentinel_demand> demands_;
};

}  // namespace sentinel::runtime
