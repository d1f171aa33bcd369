#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "rules/engine/alert.hpp"
#include "rules/engine/engine.hpp"
#include "rules/engine/matching.hpp"
#include "rules/engine/offender.hpp"

namespace sentinel::rules {

/// The alerts of one rule: its offenders by label set, judged at each end of its windows.
class Alerting {
 public:
  explicit Alerting(const Labels& agent_labels) : agent_labels_(agent_labels) {}

  /// An end of all windows, and what is known of it.
  struct End {
    Instant at;
    std::uint64_t step_ns = 0;
    std::uint64_t lost = 0;
    std::chrono::nanoseconds keep_firing{};
  };
  /// Judges every label set of the windows, and those that they have no more.
  void judge(const std::shared_ptr<const Rule>& rule, const Matching::Windows& windows, const End& end, Output& out);
  /// Ends all; those that fired are told as resolved.
  void end_all(const std::shared_ptr<const Rule>& rule, std::string_view reason, Instant at, Output& out);

  /// Pending and firing, by labels.
  [[nodiscard]] std::vector<Alert> alerts(const std::shared_ptr<const Rule>& rule) const;
  [[nodiscard]] bool any_active() const;

  /// For saving and restoring; keys are label sets of groups.
  using Offenders = std::map<std::string, Offender, std::less<>>;
  [[nodiscard]] const Offenders& offenders() const { return offenders_; }
  /// False, and nothing is done, when the alert's labels would be others than those it has.
  bool restore(const Rule& rule, std::string shown, Offender offender);

 private:
  Offender& find_or_add(const Rule& rule, std::string_view shown);
  void change(const std::shared_ptr<const Rule>& rule, Offender& offender, const Verdict& verdict,
              const Exemplar* exemplar, const End& end, Output& out);

  const Labels& agent_labels_;
  Offenders offenders_;
  Matching matching_;
};

/// The alert that an offender of a rule is now.
[[nodiscard]] Alert alert_of(const std::shared_ptr<const Rule>& rule, const Offender& offender);

}  // namespace sentinel::rules
