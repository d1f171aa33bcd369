#include "rules/engine/alerting.hpp"

#include <algorithm>

namespace sentinel::rules {
namespace {

/// A group's own labels win over the rule's, and those over the agent's; the name and severity over all.
Labels alert_labels(const Rule& rule, std::string_view shown, const Labels& agent) {
  Labels labels = decode_labels(shown);
  labels.insert(rule.alert->labels.begin(), rule.alert->labels.end());
  labels.insert(agent.begin(), agent.end());
  labels["alertname"] = rule.name;
  labels["severity"] = to_string(rule.alert->severity);
  return labels;
}

}  // namespace

Alert alert_of(const std::shared_ptr<const Rule>& rule, const Offender& offender) {
  Alert alert;
  alert.rule = rule;
  alert.state = offender.state;
  alert.labels = offender.labels;
  alert.fingerprint = offender.fingerprint;
  alert.value = offender.outcome.left;
  alert.threshold = offender.outcome.right;
  alert.active_since_ns = offender.active_since.unix_ns;
  alert.fired_at_ns = offender.fired_at.unix_ns;
  if (!offender.active()) {
    alert.resolved_at_ns = offender.resolved_at.unix_ns;
    alert.reason = offender.reason;
  }
  alert.time_ns = offender.time_ns;
  alert.lost = offender.lost;
  alert.context = offender.context;
  alert.silent = offender.silent;
  const auto label = [&](std::string_view name) -> std::string_view {
    const auto found = alert.labels.find(name);
    return found == alert.labels.end() ? std::string_view() : std::string_view(found->second);
  };
  for (const auto& [name, text] : rule->alert->annotations) {
    alert.annotations.emplace(name, text.render(alert.value, label));
  }
  return alert;
}

Offender& Alerting::find_or_add(const Rule& rule, std::string_view shown) {
  const auto found = offenders_.lower_bound(shown);
  if (found != offenders_.end() && found->first == shown) return found->second;
  Offender& offender = offenders_.emplace_hint(found, shown, Offender())->second;
  offender.labels = alert_labels(rule, shown, agent_labels_);
  offender.fingerprint = fingerprint(offender.labels);
  return offender;
}

bool Alerting::restore(const Rule& rule, std::string shown, Offender offender) {
  if (offender.labels != alert_labels(rule, shown, agent_labels_)) return false;
  offenders_.insert_or_assign(std::move(shown), std::move(offender));
  return true;
}

void Alerting::change(const std::shared_ptr<const Rule>& rule, Offender& offender, const Verdict& verdict,
                      const Exemplar* exemplar, const End& end, Output& out) {
  offender.judged = true;
  const AlertState before = offender.state;
  const auto change = offender.judge(verdict, *rule->alert, end.at, end.step_ns, end.keep_firing);
  if (offender.active()) offender.lost = end.lost;
  if (offender.state != before) {
    offender.time_ns = static_cast<std::uint64_t>(end.at.boot_ns);
    if (before == AlertState::inactive) offender.context = nullptr;
    if (offender.active() && exemplar != nullptr) {
      offender.context = std::make_shared<const Context>(exemplar->context());
      offender.time_ns = exemplar->time_ns();
    }
  }
  if (change != Offender::Change::none) out.transition(alert_of(rule, offender));
}

void Alerting::judge(const std::shared_ptr<const Rule>& rule, const Matching::Windows& windows, const End& end,
                     Output& out) {
  const AlertSpec& spec = *rule->alert;
  for (auto& [shown, offender] : offenders_) offender.judged = false;
  const auto& rows = matching_.rows(windows, spec.when, static_cast<std::uint64_t>(end.at.boot_ns));
  // First those that offend: of two rows of one label set (a pid that was given out again) the worse one counts.
  for (const auto& row : rows) {
    if (!row.verdict.outcome.holds) continue;
    Offender& offender = find_or_add(*rule, row.shown);
    if (!offender.judged) change(rule, offender, row.verdict, row.exemplar, end, out);
  }
  for (const auto& row : rows) {
    if (offenders_.empty()) break;
    const auto found = offenders_.find(row.shown);
    if (found != offenders_.end() && !found->second.judged) change(rule, found->second, row.verdict, nullptr, end, out);
  }
  const Verdict absent = offenders_.empty() ? Verdict() : matching_.of_absent(windows, spec.when);
  for (auto& [shown, offender] : offenders_) {
    if (!offender.judged) change(rule, offender, absent, nullptr, end, out);
  }
  std::erase_if(offenders_, [&](const auto& entry) { return entry.second.forgettable(spec, end.at.boot_ns); });
}

void Alerting::end_all(const std::shared_ptr<const Rule>& rule, std::string_view reason, Instant at, Output& out) {
  for (auto& [shown, offender] : offenders_) {
    if (!offender.end(std::string(reason), at)) continue;
    offender.time_ns = static_cast<std::uint64_t>(at.boot_ns);
    out.transition(alert_of(rule, offender));
  }
  offenders_.clear();
}

std::vector<Alert> Alerting::alerts(const std::shared_ptr<const Rule>& rule) const {
  std::vector<Alert> all;
  for (const auto& [shown, offender] : offenders_) {
    if (offender.active()) all.push_back(alert_of(rule, offender));
  }
  return all;
}

bool Alerting::any_active() const {
  return std::any_of(offenders_.begin(), offenders_.end(), [](const auto& entry) { return entry.second.active(); });
}

}  // namespace sentinel::rules
