#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <random>
#include <string_view>

namespace sentinel::delivery {

/// How long to wait before the next try: doubled with each failure, up to a longest, and by chance up to a half less,
/// so that many agents don't come back at once. Not thread-safe.
class Backoff {
 public:
  Backoff(std::chrono::nanoseconds first, std::chrono::nanoseconds longest);

  /// After one more failure. What the server asked for goes first, up to ten times the longest.
  std::chrono::nanoseconds next(std::optional<std::chrono::nanoseconds> asked = {});
  void reset() { failures_ = 0; }
  [[nodiscard]] std::uint64_t failures() const { return failures_; }

 private:
  std::chrono::nanoseconds first_;
  std::chrono::nanoseconds longest_;
  std::uint64_t failures_ = 0;
  std::minstd_rand random_;
};

/// The Retry-After header (RFC 9110, 10.2.3): seconds, or a date in the fixed form. Nothing when it is neither.
[[nodiscard]] std::optional<std::chrono::nanoseconds> parse_retry_after(std::string_view value, std::int64_t unix_ns);

}  // namespace sentinel::delivery
