#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <sentinel/abi.h>

#include "rules/engine/chain.hpp"
#include "rules/engine/engine.hpp"
#include "rules/engine/filter.hpp"
#include "rules/engine/source.hpp"

namespace sentinel::rules {

/// A rule without windows: lets through the records that its filter matches.
struct Tap {
  std::shared_ptr<const Rule> rule;
  bool fed = false;
  std::uint64_t records = 0;
};

/// Leads records to the rules that take them. What a metric or a series is, is looked up once; from then on a record
/// finds its way by two indices, whatever the number of rules.
class Dispatch {
 public:
  /// The collector of that name; lives as long as this.
  Source& source(std::string_view name);

  /// From now on to these. What was looked up is looked up anew.
  void connect(std::vector<Chain*> chains, std::vector<Tap*> taps);
  /// From now on these windows take what is folded for them; no other record that is folded is anybody's.
  void set_folds(std::vector<FoldedWindow> folds);
  /// A series that its windows have forgotten.
  void forget(std::uint64_t handle);

  void consume(Source& source, const sentinel_delivery& batch, std::uint64_t tick_ns, Output& out);

 private:
  /// Where records of one metric of one source go.
  struct ToWindows {
    Chain* chain;
    std::unique_ptr<Feed> feed;
    std::uint64_t demand = 0;  // whose folded records it takes; 0: nobody's
  };
  struct ToOutput {
    Tap* tap;
    Filter filter;
  };
  struct Route {
    bool events = false;
    std::vector<ToWindows> windows;
    std::vector<ToOutput> outputs;
  };
  struct Metric {
    bool known = false;
    std::unique_ptr<Route> route;  // null: nobody takes it
  };

  /// Where samples of one series go.
  struct Target {
    Chain* chain;
    const Feed* feed;
    Series* series;  // null: there is no room for its group
  };
  struct Slot {
    std::uint32_t generation = 0;
    const Route* route = nullptr;
    std::vector<Target> targets;
    std::vector<const ToOutput*> outputs;
  };

  struct Entry {
    Source source;
    std::vector<Metric> metrics;  // by id
  };

  void forget_routes();
  [[nodiscard]] std::uint64_t demand_of(const Chain& chain, const Feed& feed, const sentinel_metric& metric) const;
  Route* learn(Entry& entry, const sentinel_delivery& batch, const sentinel_record& record);
  void learn(Slot& slot, const Route& route, const RecordView& record);
  Slot* slot(const Route& route, const sentinel_delivery& batch, const sentinel_record& record);
  void take_sample(const Route& route, const sentinel_delivery& batch, const sentinel_record& record,
                   std::uint64_t tick_ns, Output& out);
  static void take_folded(const Route& route, const sentinel_delivery& batch, const sentinel_record& record);
  static void take_event(Route& route, const sentinel_delivery& batch, const sentinel_record& record, Output& out);

  std::map<std::string, Entry, std::less<>> entries_;
  std::vector<Slot> slots_;  // by the lower half of a series handle
  std::vector<Chain*> chains_;
  std::vector<Tap*> taps_;
  std::vector<FoldedWindow> folds_;
};

}  // namespace sentinel::rules
