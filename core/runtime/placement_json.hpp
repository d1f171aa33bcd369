#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <sentinel/result.hpp>

#include "core/runtime/placement.hpp"

namespace sentinel::runtime {

/// What crosses to the child that is made an offer, and back: a line of JSON each. Errors of those that read: failed,
/// when the text is malformed.
[[nodiscard]] std::string demands_line(const std::vector<Demand>& demands);
[[nodiscard]] Result<std::vector<Demand>> read_demands(std::string_view line);
[[nodiscard]] std::string offered_line(const Offered& offered);
[[nodiscard]] Result<Offered> read_offered(std::string_view line);

}  // namespace sentinel::runtime
