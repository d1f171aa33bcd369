#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <sentinel/result.hpp>

namespace sentinel::rules {

// Numbers for people, byte for byte as Prometheus' templates print them
// (https://github.com/prometheus/prometheus/blob/main/template/template.go). Any thread.

/// As Go's %v does: the shortest text that reads back as the same number; an exponent from 1e+06 on and below 1e-04.
[[nodiscard]] std::string format_go(double value);
/// "1.235k", "12m": four digits and an SI prefix.
[[nodiscard]] std::string humanize(double value);
/// "1.5Gi": four digits and a binary prefix.
[[nodiscard]] std::string humanize_1024(double value);
/// "42.5%" of 0.425.
[[nodiscard]] std::string humanize_percentage(double value);
/// "1h 2m 3s", "4.5s", "12ms" of seconds.
[[nodiscard]] std::string humanize_duration(double value);

/// A pattern of printf with one conversion of e, E, f, F, g or G, a width of at most 64 and a precision of at most 32,
/// with text and %% around it. Errors: invalid_argument.
Result<void> check_printf(std::string_view pattern);
/// Of a pattern that check_printf() takes.
[[nodiscard]] std::string format_printf(std::string_view pattern, double value);

/// A whole text as a number; nothing for any other text.
[[nodiscard]] std::optional<double> parse_go_number(std::string_view text);

}  // namespace sentinel::rules
