#pragma once

#include <chrono>
#include <sentinel/result.hpp>
#include <string>
#include <string_view>

namespace sentinel::config {

/// Reads "5s", "100ms", "1.5h", "1h30m": numbers with the units d h m s ms us ns, in that order, each once; or "0".
/// Errors: invalid_argument with an example; also for a part of a nanosecond and for more than 292 years.
[[nodiscard]] Result<std::chrono::nanoseconds> parse_duration(std::string_view text);

/// The shortest notation that parse_duration reads back: "1m30s", "100ms", "0s".
[[nodiscard]] std::string format_duration(std::chrono::nanoseconds duration);

}  // namespace sentinel::config
