#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <sentinel/abi.h>

#include "core/config/config.hpp"
#include "core/store/metric.hpp"
#include "rules/engine/engine.hpp"
#include "rules/rule.hpp"

namespace sentinel::runtime {

/// An event that a collector declared, as filters see it.
struct EventType {
  std::uint32_t metric = 0;  ///< its number at the collector's host
  std::string name;
  std::vector<std::string> label_keys;
  store::Labels constant;  ///< of the pipeline file, the same on every event
};

/// What one consumer of an event needs of it: sentinel_demand, owned.
struct Demand {
  struct Predicate {
    std::uint32_t kind = SENTINEL_ANY_OF;  ///< sentinel_predicate_kind
    std::string field;
    std::vector<std::string> values;
    std::uint32_t comparison = 0;  ///< sentinel_comparison
    double number = 0;
    std::string text;  ///< as the filter has it

    friend bool operator==(const Predicate&, const Predicate&) = default;
  };

  std::uint64_t id = 0;
  std::uint32_t metric = 0;
  std::string event;
  std::string consumer;  ///< the pipeline, and its window where it has several
  std::vector<Predicate> predicates;
  std::vector<std::string> user;  ///< conditions that only user space can evaluate; none: the predicates are all
  std::vector<std::string> by;
  std::uint32_t fold = SENTINEL_FOLD_NONE;  ///< sentinel_fold
  std::uint64_t pane_ns = 0;                ///< 0: of no window
  std::optional<double> threshold;          ///< in one pane, in the fold's own unit
  std::string rule;                         ///< its identity; empty: a pipeline without a filter
  std::uint32_t window = 0;                 ///< of the rule

  friend bool operator==(const Demand&, const Demand&) = default;
};

/// Numbers of demands: the same for the same consumer of the same event of the same collector, however often the
/// configuration is read, so that folded records on their way stay somebody's; never the same for two.
class DemandIds {
 public:
  std::uint64_t of(const std::string& instance, const Demand& demand);

 private:
  std::map<std::string, std::uint64_t> ids_;
};

/// Who may consume events.
struct Consumers {
  const config::Config& config;
  const std::vector<std::shared_ptr<const rules::Rule>>& rules;
  std::set<std::string> sinks;  ///< that take records
};

/// The demands on a collector's events, in the order of events, rules and pipelines. What a filter says of the metric's
/// name and of constant labels is decided here; a consumer that it rules out makes no demand.
[[nodiscard]] std::vector<Demand> demands_of(const std::string& instance, const std::vector<EventType>& events,
                                             const Consumers& consumers, DemandIds& ids);

/// The windows that take what a collector folds for these demands.
void add_folds(const std::string& instance, const std::vector<Demand>& demands,
               std::vector<rules::FoldedWindow>& folds);

}  // namespace sentinel::runtime
