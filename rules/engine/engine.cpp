#include "rules/engine/engine.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "rules/engine/chain.hpp"
#include "rules/engine/dispatch.hpp"
#include "rules/engine/saved.hpp"

namespace sentinel::rules {
namespace {

/// A rule at its place: with windows it has a chain, without a tap.
struct Running {
  std::string identity;
  std::unique_ptr<Chain> chain;
  std::unique_ptr<Tap> tap;
};

// Times beyond these are nobody's; within them no sum or difference overflows.
constexpr std::uint64_t latest_boot_ns = 1ULL << 60;  // 36 years after the boot
constexpr std::int64_t latest_unix_ns = 1LL << 62;    // the year 2116
constexpr std::int64_t latest_shifted_ns = 1LL << 61;

std::int64_t shifted(std::int64_t time_ns, std::int64_t by_ns) {
  std::int64_t sum = 0;
  if (__builtin_add_overflow(time_ns, by_ns, &sum)) sum = by_ns < 0 ? -latest_shifted_ns : latest_shifted_ns;
  return std::clamp(sum, -latest_shifted_ns, latest_shifted_ns);
}

/// Moves an offender's times from CLOCK_BOOTTIME to what is saved.
void to_unix(Offender& offender, std::int64_t offset_ns) {
  offender.active_since.boot_ns += offset_ns;
  offender.held_at_ns += offset_ns;
  if (offender.told_at_ns) *offender.told_at_ns += offset_ns;
}

/// And back, whatever it is that was saved.
void to_boottime(Offender& offender, std::int64_t offset_ns) {
  offender.active_since.boot_ns = shifted(offender.active_since.boot_ns, -offset_ns);
  offender.held_at_ns = shifted(offender.held_at_ns, -offset_ns);
  if (offender.told_at_ns) offender.told_at_ns = shifted(*offender.told_at_ns, -offset_ns);
}

}  // namespace

struct Engine::State {
  explicit State(Labels labels) : agent_labels(std::move(labels)) {}

  void set_time(Moment now);
  void close_due(Output& out);
  void connect();
  void resolve_orphan(SavedAlert saved);

  const Labels agent_labels;
  Clock clock;
  Dispatch dispatch;
  std::vector<Running> rules;
  std::vector<std::uint64_t> forgotten;
  std::vector<Alert> orphans;  // restored alerts whose rule is gone: resolved as soon as there is an Output
};

Engine::Engine(Labels agent_labels) : state_(std::make_unique<State>(std::move(agent_labels))) {}
Engine::~Engine() = default;

void Engine::State::set_time(Moment now) {
  now.boottime_ns = std::min(now.boottime_ns, latest_boot_ns);
  now.unix_ns = std::clamp(now.unix_ns, -latest_unix_ns, latest_unix_ns);
  if (now.boottime_ns < clock.now_ns) return;
  clock = {now.boottime_ns, now.unix_ns - static_cast<std::int64_t>(now.boottime_ns)};
}

void Engine::State::connect() {
  std::vector<Chain*> chains;
  std::vector<Tap*> taps;
  for (const auto& running : rules) {
    if (running.chain) chains.push_back(running.chain.get());
    if (running.tap) taps.push_back(running.tap.get());
  }
  dispatch.connect(std::move(chains), std::move(taps));
}

/// An alert that had been told, and whose rule has changed since: somebody waits for its end.
void Engine::State::resolve_orphan(SavedAlert saved) {
  if (saved.offender.state != AlertState::firing || saved.offender.silent) return;
  auto rule = std::make_shared<Rule>();
  rule->name = std::move(saved.rule);
  rule->alerts_to = std::move(saved.alerts_to);
  rule->alert.emplace().severity = saved.severity;
  const Instant now = clock.at(clock.now_ns);
  saved.offender.end("rule_changed", now);
  saved.offender.time_ns = clock.now_ns;
  Alert alert = alert_of(rule, saved.offender);
  alert.annotations = std::move(saved.annotations);
  orphans.push_back(std::move(alert));
}

void Engine::State::close_due(Output& out) {
  for (const auto& alert : orphans) out.transition(alert);
  orphans.clear();
  for (;;) {
    std::uint64_t end_ns = never;
    for (const auto& running : rules) {
      if (running.chain) end_ns = std::min(end_ns, running.chain->next_end_ns());
    }
    if (end_ns == never || end_ns + closing_lag_ns > clock.now_ns) return;
    for (const auto& running : rules) {
      if (running.chain && running.chain->next_end_ns() == end_ns) running.chain->close(out, forgotten);
    }
    for (const auto handle : forgotten) dispatch.forget(handle);
    forgotten.clear();
  }
}

void Engine::set_rules(std::vector<std::shared_ptr<const Rule>> rules, Moment now, Output& out) {
  state_->set_time(now);
  std::map<std::string, Running, std::less<>> before;
  std::vector<std::string> order;
  for (auto& running : state_->rules) {
    order.push_back(running.identity);
    before.emplace(running.identity, std::move(running));
  }
  std::vector<Running> next;
  for (auto& rule : rules) {
    Running running;
    running.identity = rule->identity();
    const auto found = before.find(running.identity);
    if (found != before.end()) {
      running = std::move(found->second);
      before.erase(found);
    }
    if (rule->windows.empty()) {
      if (!running.tap) running.tap = std::make_unique<Tap>();
      running.tap->rule = std::move(rule);
    } else if (running.chain) {
      running.chain->replace(std::move(rule), out);
    } else {
      running.chain = std::make_unique<Chain>(std::move(rule), state_->clock, state_->agent_labels);
    }
    next.push_back(std::move(running));
  }
  for (const auto& identity : order) {
    const auto found = before.find(identity);
    if (found != before.end() && found->second.chain) found->second.chain->end(out);
  }
  // What leads to the old chains goes before them.
  state_->rules = std::move(next);
  state_->connect();
}

void Engine::consume(const sentinel_delivery& batch, std::uint64_t tick_ns, std::uint64_t every_ns, Output& out) {
  // A collection was scheduled at a time that has come.
  tick_ns = std::min(tick_ns, latest_boot_ns);
  if (tick_ns > state_->clock.now_ns) state_->clock.now_ns = tick_ns;
  state_->close_due(out);
  Source& source = state_->dispatch.source({batch.instance.data, batch.instance.size});
  if (every_ns > 0) {
    ++source.collections;
    if (std::exchange(source.every_ns, every_ns) != every_ns) {
      for (const auto& running : state_->rules) {
        if (running.chain) running.chain->adjust();
      }
    }
  }
  state_->dispatch.consume(source, batch, tick_ns, out);
}

void Engine::set_folds(std::vector<FoldedWindow> folds) {
  state_->dispatch.set_folds(std::move(folds));
}

void Engine::lost(std::string_view instance, std::uint64_t count, std::uint64_t time_ns, std::uint64_t spread_ns) {
  state_->dispatch.source(instance).lost.add(count, time_ns, spread_ns);
}

void Engine::advance(Moment now, Output& out) {
  state_->set_time(now);
  state_->close_due(out);
}

std::uint64_t Engine::next_ns() const {
  if (!state_->orphans.empty()) return state_->clock.now_ns;
  std::uint64_t end_ns = never;
  for (const auto& running : state_->rules) {
    if (running.chain) end_ns = std::min(end_ns, running.chain->next_end_ns());
  }
  return end_ns == never ? never : end_ns + closing_lag_ns;
}

std::vector<Alert> Engine::alerts() const {
  std::vector<Alert> all;
  for (const auto& running : state_->rules) {
    if (!running.chain) continue;
    for (auto& alert : running.chain->alerting().alerts(running.chain->rule())) all.push_back(std::move(alert));
  }
  return all;
}

std::vector<RuleStats> Engine::stats() const {
  std::vector<RuleStats> all;
  for (const auto& running : state_->rules) {
    if (running.chain) {
      RuleStats stats = running.chain->stats();
      const Rule& rule = *running.chain->rule();
      stats.expression = rule.expression();
      if (rule.alert) stats.severity = to_string(rule.alert->severity);
      for (const auto& [shown, offender] : running.chain->alerting().offenders()) {
        stats.pending += offender.state == AlertState::pending ? 1 : 0;
        stats.firing += offender.state == AlertState::firing ? 1 : 0;
      }
      all.push_back(std::move(stats));
    } else {
      RuleStats stats;
      stats.name = running.tap->rule->name;
      stats.expression = running.tap->rule->expression();
      stats.idle = !running.tap->fed;
      stats.records = running.tap->records;
      all.push_back(std::move(stats));
    }
  }
  return all;
}

std::string Engine::save() const {
  std::vector<SavedAlert> saved;
  for (const auto& running : state_->rules) {
    if (!running.chain || !running.chain->rule()->alert) continue;
    const auto& rule = running.chain->rule();
    for (const auto& [shown, offender] : running.chain->alerting().offenders()) {
      SavedAlert& alert = saved.emplace_back();
      alert.rule = rule->name;
      alert.identity = running.identity;
      alert.alerts_to = rule->alerts_to;
      alert.severity = rule->alert->severity;
      alert.group = decode_labels(shown);
      alert.annotations = alert_of(rule, offender).annotations;
      alert.offender = offender;
      to_unix(alert.offender, state_->clock.unix_offset_ns);
    }
  }
  return to_json(saved);
}

Result<void> Engine::restore(std::string_view text, Moment now) {
  state_->set_time(now);
  auto saved = from_json(text);
  if (!saved) return saved.error();
  for (auto& alert : *saved) {
    const auto found = std::find_if(state_->rules.begin(), state_->rules.end(), [&](const Running& running) {
      return running.chain && running.identity == alert.identity && running.chain->rule()->alert;
    });
    to_boottime(alert.offender, state_->clock.unix_offset_ns);
    if (found == state_->rules.end() || !found->chain->restore(encode_labels(alert.group), alert.offender)) {
      state_->resolve_orphan(std::move(alert));
    }
  }
  return {};
}

}  // namespace sentinel::rules
