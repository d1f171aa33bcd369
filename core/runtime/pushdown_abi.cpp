#include "core/runtime/pushdown_abi.hpp"

#include <cstdint>
#include <sentinel/config.hpp>

namespace sentinel::runtime {

const sentinel_string* AbiDemands::texts(const std::vector<std::string>& from) {
  auto& made = texts_.emplace_back();
  made.reserve(from.size());
  for (const auto& text : from) made.push_back(to_abi(text));
  return made.data();
}

AbiDemands::AbiDemands(const std::vector<Demand>& demands) {
  demands_.reserve(demands.size());
  for (const auto& demand : demands) {
    auto& predicates = predicates_.emplace_back();
    predicates.reserve(demand.predicates.size());
    for (const auto& predicate : demand.predicates) {
      predicates.push_back({sizeof(sentinel_predicate), predicate.kind, to_abi(predicate.field),
                            texts(predicate.values), static_cast<std::uint32_t>(predicate.values.size()),
                            predicate.comparison, predicate.number});
    }
    sentinel_demand abi = {};
    abi.size = sizeof(sentinel_demand);
    abi.metric = demand.metric;
    abi.id = demand.id;
    abi.consumer = to_abi(demand.consumer);
    abi.predicates = predicates.data();
    abi.by = texts(demand.by);
    abi.predicate_count = static_cast<std::uint32_t>(predicates.size());
    abi.by_count = static_cast<std::uint32_t>(demand.by.size());
    abi.complete = demand.user.empty() ? 1 : 0;
    abi.fold = demand.fold;
    abi.pane_ns = demand.pane_ns;
    abi.has_threshold = demand.threshold ? 1 : 0;
    abi.threshold = demand.threshold.value_or(0);
    demands_.push_back(abi);
  }
}

}  // namespace sentinel::runtime
