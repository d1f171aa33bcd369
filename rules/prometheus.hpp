#pragma once

#include <chrono>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "rules/rule.hpp"

namespace sentinel::rules {

/// How the Prometheus scrapes that is to evaluate the rules. A range must hold a sample (of `rate`: two, also when a
/// scrape fails), so ranges are at least one interval, those of `rate` four.
struct ScrapeOptions {
  std::chrono::nanoseconds interval = std::chrono::seconds(15);
};

/// The rules with an alert as a rule file of Prometheus 2.42 or newer
/// (https://prometheus.io/docs/prometheus/latest/configuration/alerting_rules/): same expressions, thresholds, waits,
/// labels and texts, in the rules' order; the same rules give the same text. Joined windows stay apart by `instance`,
/// because that Prometheus may scrape many hosts. A rule that Prometheus cannot evaluate (of events, which it never
/// sees) stands in a comment with the reason, and in \p not_exportable as `name: reason`. Any thread.
[[nodiscard]] std::string to_prometheus(std::span<const std::shared_ptr<const Rule>> rules,
                                        const std::set<std::string>& event_metrics,
                                        std::vector<std::string>& not_exportable, const ScrapeOptions& options = {});

}  // namespace sentinel::rules
