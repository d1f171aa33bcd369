#pragma once

#include <cstdint>
#include <sentinel/result.hpp>
#include <string>
#include <string_view>

namespace sentinel::config {

/// Reads "64KiB", "1.5GiB", "10MB", "4096": a number with B, kB MB GB TB (powers of 1000) or KiB MiB GiB TiB (powers of
/// 1024), or bytes alone. Errors: invalid_argument with an example; also for a part of a byte and for 2^63 or more.
[[nodiscard]] Result<std::uint64_t> parse_bytes(std::string_view text);

/// The largest power of 1024 that divides it: "64KiB", "2MiB", "1000B".
[[nodiscard]] std::string format_bytes(std::uint64_t bytes);

}  // namespace sentinel::config
