#pragma once

#include <cstdint>
#include <string>

#include "rules/engine/engine.hpp"

namespace sentinel::runtime {

/// The body of /api/v1/alerts, as Prometheus' own (https://prometheus.io/docs/prometheus/latest/querying/api/#alerts),
/// with what this agent knows besides: fingerprint, times, threshold, expression, context, lost records.
[[nodiscard]] std::string alerts_json(const rules::Engine& engine);

/// The body of /api/v1/rules: each rule with its expression, what it did, and how many alerts it has.
[[nodiscard]] std::string rules_json(const rules::Engine& engine);

}  // namespace sentinel::runtime
