#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sentinel::rules {

/// The texts that a regular expression matches, when it is nothing but them: `close|time_wait`, `(a|b)`,
/// `10\.0\.0\.1`. Nothing when it is more. Any thread.
[[nodiscard]] std::optional<std::vector<std::string>> literal_alternatives(std::string_view regex);

}  // namespace sentinel::rules
