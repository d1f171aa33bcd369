#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "rules/engine/alert.hpp"
#include "rules/rule.hpp"

namespace sentinel::rules {

/// CLOCK_BOOTTIME in nanoseconds; negative for what a restored alert knows of the time before the boot.
using BootTime = std::int64_t;

/// An instant in both clocks. The Unix time of what happened is taken once: a wall clock that is set later changes
/// nothing of it.
struct Instant {
  BootTime boot_ns = 0;
  std::int64_t unix_ns = 0;
};

/// What a rule made of one group's window.
struct Verdict {
  Expression::Outcome outcome;
  bool known = false;  ///< the windows had a value
};

/// One label set that a rule's condition holds of, or held of lately, and where it stands between inactive and firing.
///
/// inactive -> pending when the condition holds; -> firing when it held at every window's end for `for`, counted from
/// the first; -> inactive when it holds no more (pending), or did not for `keep_firing_for` after the last end at which
/// it held (firing). Without a value for two intervals a pending or firing one ends as `no_data`, `keep_firing_for`
/// granted.
class Offender {
 public:
  /// What judging it led to.
  enum class Change { none, fired, resolved, told_late };

  /// `step_ns` is the interval of the rule's windows, `keep_firing` what AlertSpec::keep_firing_for() says of them.
  Change judge(const Verdict& verdict, const AlertSpec& spec, Instant at, std::uint64_t step_ns,
               std::chrono::nanoseconds keep_firing);
  /// Ends it without a judgement. Returns whether it had fired.
  bool end(std::string reason, Instant at);
  /// Goes on after a time without a judgement, such as a restart. A pending one has held for as long as it had when it
  /// was judged last: the time in between does not count, and a longer one than an hour makes it inactive.
  void take_up(const AlertSpec& spec, BootTime now_ns);
  /// Neither pending nor firing, and no cooldown needs it.
  [[nodiscard]] bool forgettable(const AlertSpec& spec, BootTime now_ns) const;

  [[nodiscard]] bool active() const { return state != AlertState::inactive; }

  AlertState state = AlertState::inactive;
  Expression::Outcome outcome;  ///< of the last window that had a value
  Instant active_since;         ///< its condition began to hold; in boot_ns, a time without judgement is left out
  Instant fired_at;
  Instant resolved_at;
  std::string reason;                  ///< of resolved_at
  BootTime held_at_ns = 0;             ///< its condition held last
  BootTime known_at_ns = 0;            ///< its windows had a value last
  std::optional<BootTime> told_at_ns;  ///< its firing was told last: a cooldown counts from then
  bool silent = false;                 ///< its firing was not told
  BootTime lenient_until_ns = 0;       ///< restored: until its windows are whole again, they don't speak against it

  // What goes with it into an Alert.
  Labels labels;
  std::uint64_t fingerprint = 0;
  std::shared_ptr<const Context> context;
  std::uint64_t time_ns = 0;  ///< of what tripped or resolved it
  std::uint64_t lost = 0;
  bool judged = false;  ///< at the end at hand

 private:
  Change hold(const AlertSpec& spec, Instant at);
  Change fire(const AlertSpec& spec, Instant at);
};

}  // namespace sentinel::rules
