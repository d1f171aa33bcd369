#include "rules/engine/offender.hpp"

#include <algorithm>
#include <utility>

namespace sentinel::rules {
namespace {

/// As Prometheus has it by default, --rules.alert.for-outage-tolerance.
constexpr BootTime outage_tolerance_ns = 3'600'000'000'000;

bool in_cooldown(const AlertSpec& spec, const std::optional<BootTime>& told_at_ns, BootTime now_ns) {
  return spec.severity != Severity::critical && told_at_ns && now_ns - *told_at_ns < spec.cooldown.count();
}

}  // namespace

Offender::Change Offender::fire(const AlertSpec& spec, Instant at) {
  state = AlertState::firing;
  fired_at = at;
  silent = in_cooldown(spec, told_at_ns, at.boot_ns);
  if (!silent) told_at_ns = at.boot_ns;
  return Change::fired;
}

Offender::Change Offender::hold(const AlertSpec& spec, Instant at) {
  held_at_ns = at.boot_ns;
  if (state == AlertState::firing) {
    if (!silent || in_cooldown(spec, told_at_ns, at.boot_ns)) return Change::none;
    silent = false;
    told_at_ns = at.boot_ns;
    return Change::told_late;
  }
  if (state == AlertState::inactive) {
    state = AlertState::pending;
    active_since = at;
  }
  return at.boot_ns - active_since.boot_ns >= spec.hold.count() ? fire(spec, at) : Change::none;
}

Offender::Change Offender::judge(const Verdict& verdict, const AlertSpec& spec, Instant at, std::uint64_t step_ns,
                                 std::chrono::nanoseconds keep_firing) {
  if (verdict.known) {
    known_at_ns = at.boot_ns;
    if (verdict.outcome.holds) {
      outcome = verdict.outcome;
      return hold(spec, at);
    }
  }
  if (!active() || at.boot_ns < lenient_until_ns) return Change::none;
  if (!verdict.known && at.boot_ns - known_at_ns < static_cast<BootTime>(2 * step_ns)) return Change::none;
  const bool kept = state == AlertState::firing && at.boot_ns - held_at_ns < keep_firing.count();
  if (kept) return Change::none;
  if (verdict.known) outcome = verdict.outcome;
  return end(verdict.known ? "resolved" : "no_data", at) ? Change::resolved : Change::none;
}

bool Offender::end(std::string why, Instant at) {
  const bool fired = std::exchange(state, AlertState::inactive) == AlertState::firing;
  resolved_at = at;
  reason = std::move(why);
  return fired;
}

void Offender::take_up(const AlertSpec& spec, BootTime now_ns) {
  if (state != AlertState::pending) return;
  if (now_ns - held_at_ns > outage_tolerance_ns) {
    state = AlertState::inactive;
    return;
  }
  const BootTime held_ns = std::clamp<BootTime>(held_at_ns - active_since.boot_ns, 0, spec.hold.count());
  active_since.boot_ns = now_ns - held_ns;
  held_at_ns = now_ns;
}

bool Offender::forgettable(const AlertSpec& spec, BootTime now_ns) const {
  return !active() && !in_cooldown(spec, told_at_ns, now_ns);
}

}  // namespace sentinel::rules
