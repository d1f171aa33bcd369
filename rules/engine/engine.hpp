#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <sentinel/abi.h>
#include <sentinel/result.hpp>

#include "rules/engine/alert.hpp"
#include "rules/rule.hpp"

namespace sentinel::rules {

/// The two clocks of one moment.
struct Moment {
  std::uint64_t boottime_ns = 0;
  std::int64_t unix_ns = 0;
};

/// A window that one collector may fill with folded records: of the events of one group and pane, their number and sum
/// instead of each.
struct FoldedWindow {
  std::uint64_t demand = 0;  ///< that such a record names; never 0, never another window's
  std::string rule;          ///< its identity
  std::uint32_t window = 0;  ///< of the rule
  std::string instance;      ///< the collector
  std::string metric;        ///< the event
};

/// A value of a window that a rule without an alert emits.
struct WindowValue {
  const Rule& rule;
  const Labels& labels;
  double value;
  std::uint64_t time_ns;  ///< end of the window, CLOCK_BOOTTIME
};

/// Takes what the chain makes. Called from within Engine's functions.
class Output {
 public:
  virtual ~Output() = default;
  /// pending -> firing, or firing -> inactive. Those between inactive and pending are not told, alerts() shows them. An
  /// alert that fired silently and still fires when its cooldown ends is told once more, then not silent.
  virtual void transition(const Alert& alert) = 0;
  virtual void window_value(const WindowValue& value) = 0;
  /// A record that a rule without windows lets through.
  virtual void record(const Rule& rule, const sentinel_delivery& batch, const sentinel_record& record) = 0;
};

/// What a rule did, for the status and metrics.
struct RuleStats {
  std::string name;
  std::string expression;  ///< in one line to be read
  std::string severity;    ///< empty: without an alert
  bool idle = true;        ///< no metric that feeds it has been seen
  std::uint64_t records = 0;
  std::uint64_t groups = 0;
  std::uint64_t overflow = 0;  ///< records of groups beyond the bound
  std::uint64_t late = 0;      ///< records of panes that were closed already
  std::uint64_t pending = 0;   ///< alerts
  std::uint64_t firing = 0;
};

/// filter -> window -> alert over records and time. Takes its time from outside and is a pure function of its calls:
/// the same calls give the same output, byte for byte. One thread at a time; neither allocates nor formats for a record
/// of a series that it has seen.
class Engine {
 public:
  /// `agent_labels` go on every alert.
  explicit Engine(Labels agent_labels);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// From now on these rules. Windows and alert states of rules whose identity stays go on; alerts of the others are
  /// resolved as `rule_changed`.
  void set_rules(std::vector<std::shared_ptr<const Rule>> rules, Moment now, Output& out);

  /// Who takes folded records from now on. Those of other demands are nobody's: what no longer wants them is gone.
  void set_folds(std::vector<FoldedWindow> folds);

  /// The records of one good collection, scheduled at `tick_ns`; `every_ns` 0: a collection of events that has no
  /// interval. A series that its source's newest collection with an interval lacks has ended. A tick is a time that has
  /// come: first it closes what advance() would close then.
  void consume(const sentinel_delivery& batch, std::uint64_t tick_ns, std::uint64_t every_ns, Output& out);
  /// Records of a collector that never arrived, and were lost by `time_ns`, within the `spread_ns` before it: told on
  /// each alert whose window may miss them.
  void lost(std::string_view instance, std::uint64_t count, std::uint64_t time_ns, std::uint64_t spread_ns = 1);

  /// Closes the panes that ended 200 ms ago and judges their rules. A `now` before one that was given is taken for
  /// that.
  void advance(Moment now, Output& out);
  /// CLOCK_BOOTTIME at which advance() has something to do; the greatest number when never.
  [[nodiscard]] std::uint64_t next_ns() const;

  /// Pending and firing, by rule in their order, then by labels.
  [[nodiscard]] std::vector<Alert> alerts() const;
  [[nodiscard]] std::vector<RuleStats> stats() const;

  /// Pending and firing alerts as JSON, for a successor of this process (restore before the first set_rules()'
  /// consume): a restored alert goes on, is not told as new, keeps its times, and is resolved as `no_data` if nothing
  /// feeds it. Of a pending one the time in between does not count for `for`; after more than an hour it begins anew.
  [[nodiscard]] std::string save() const;
  /// After set_rules(). An alert that was told and whose rule has another identity now, or other labels, is resolved as
  /// `rule_changed` by the next call that has an Output. Errors: invalid_argument, with what is wrong; then nothing was
  /// restored.
  Result<void> restore(std::string_view state, Moment now);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sentinel::rules
