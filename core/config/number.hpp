#pragma once

#include <cstdint>
#include <sentinel/result.hpp>
#include <string_view>

namespace sentinel::config {

/// A whole decimal number with an optional sign. Errors: invalid_argument, also when it leaves 64 bits.
[[nodiscard]] Result<std::int64_t> parse_integer(std::string_view text);

/// A finite decimal number such as "0.05", "-3", "1e6". Errors: invalid_argument.
[[nodiscard]] Result<double> parse_number(std::string_view text);

/// "true" or "false", and none of the other words that YAML 1.1 had for them. Errors: invalid_argument.
[[nodiscard]] Result<bool> parse_boolean(std::string_view text);

}  // namespace sentinel::config
