#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "rules/selector.hpp"

namespace sentinel::rules {

/// One value for each interval; nothing where there is no sample.
using Values = std::vector<std::optional<double>>;

/// The notation of promtool's unit tests
/// (https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/#series): `10`, `1+2x3` (1 3 5 7),
/// `1-2x3`, `5x3` (5 5 5 5), `_`, `_x3`, `stale`, `NaN`, `Inf`, parted by spaces. At most \p most values come out.
[[nodiscard]] Parsed<Values> parse_values(std::string_view text, std::size_t most);

}  // namespace sentinel::rules
