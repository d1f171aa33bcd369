#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "rules/engine/alerting.hpp"
#include "rules/engine/engine.hpp"
#include "rules/engine/window.hpp"

namespace sentinel::rules {

/// The engine's time: it goes forward alone.
struct Clock {
  std::uint64_t now_ns = 0;
  std::int64_t unix_offset_ns = 0;  ///< Unix time less CLOCK_BOOTTIME, as of now

  [[nodiscard]] Instant at(std::uint64_t boot_ns) const {
    const auto boot = static_cast<BootTime>(boot_ns);
    return {boot, boot + unix_offset_ns};
  }
};

/// One rule with windows at work: its records, the ends of its windows, its alerts or values.
///
/// A rule is judged at the multiples of its windows' common step, 200 ms after each, as soon as each of its windows was
/// fed once. It sleeps when nothing can change but by a record.
class Chain {
 public:
  Chain(std::shared_ptr<const Rule> rule, const Clock& clock, const Labels& agent_labels);

  [[nodiscard]] const std::shared_ptr<const Rule>& rule() const { return rule_; }
  /// Goes on with a rule of the same identity. Alerts stay, unless what their labels are made of has changed.
  void replace(std::shared_ptr<const Rule> rule, Output& out);
  /// Resolves its alerts as `rule_changed`.
  void end(Output& out);

  /// A metric of `source` was seen: makes what leads its records to the windows.
  void connect(const Source& source, const sentinel_metric& metric, std::vector<std::unique_ptr<Feed>>& feeds);
  /// A source's interval may have changed.
  void adjust();

  void take(Window& window, Series& series, double value, std::uint64_t tick_ns);
  /// An event, or `count` of them folded into one record.
  void take(const Feed& feed, const RecordView& record, std::uint64_t count = 1);
  void overflow() { ++overflow_; }

  /// End of the windows that is to be judged next; `never` while it sleeps.
  [[nodiscard]] std::uint64_t next_end_ns() const { return next_end_ns_; }
  /// Judges that end. Handles of series that were forgotten meanwhile are added to `forgotten`.
  void close(Output& out, std::vector<std::uint64_t>& forgotten);

  [[nodiscard]] RuleStats stats() const;
  [[nodiscard]] const Alerting& alerting() const { return alerting_; }
  /// An alert of a predecessor. It stays until the windows are whole again, and for a minute if nothing feeds them.
  /// False, and nothing is done, when the alert's labels would be others now.
  bool restore(std::string shown, Offender offender);

 private:
  [[nodiscard]] bool ready() const;
  [[nodiscard]] std::uint64_t longest_over_ns() const;
  [[nodiscard]] std::uint64_t lost(std::uint64_t end_ns) const;
  [[nodiscard]] std::uint64_t last_due_ns() const;
  void wake();
  void set_step();
  void emit(std::uint64_t end_ns, Output& out) const;
  void schedule_after(std::uint64_t end_ns);
  [[nodiscard]] std::uint64_t settling_ns() const;
  [[nodiscard]] std::chrono::nanoseconds keep_firing() const;

  std::shared_ptr<const Rule> rule_;
  const Clock& clock_;
  Alerting alerting_;
  Matching::Windows windows_;
  std::uint64_t step_ns_ = 1;
  std::uint64_t closed_ns_ = 0;  ///< the last end that was judged, or passed asleep
  std::uint64_t next_end_ns_ = never;
  std::uint64_t idle_since_ns_ = never;  ///< the first of the last ends that had no record
  bool awake_ = false;
  std::uint64_t records_ = 0;
  std::uint64_t overflow_ = 0;
  std::uint64_t late_ = 0;
};

}  // namespace sentinel::rules
