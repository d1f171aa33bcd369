#include "core/delivery/backoff.hpp"

#include <algorithm>
#include <charconv>
#include <ctime>
#include <string>

namespace sentinel::delivery {

using std::chrono::nanoseconds;

namespace {

constexpr std::int64_t ns_per_s = 1'000'000'000;
constexpr std::int64_t most_retry_after_s = 1'000'000;
constexpr int patience_with_server = 10;

}  // namespace

Backoff::Backoff(nanoseconds first, nanoseconds longest)
    : first_(std::max(first, nanoseconds(1))), longest_(std::max(longest, first_)), random_(std::random_device()()) {}

nanoseconds Backoff::next(std::optional<nanoseconds> asked) {
  nanoseconds wait = first_;
  for (std::uint64_t i = 0; i < failures_ && wait < longest_; ++i) wait = wait > longest_ / 2 ? longest_ : wait * 2;
  ++failures_;
  const std::int64_t half = wait.count() / 2;
  wait = nanoseconds(wait.count() - std::uniform_int_distribution<std::int64_t>(0, half)(random_));
  if (asked) wait = std::clamp(*asked, wait, longest_ * patience_with_server);
  return wait;
}

std::optional<nanoseconds> parse_retry_after(std::string_view value, std::int64_t unix_ns) {
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), seconds);
  if (error == std::errc() && end == value.data() + value.size() && seconds >= 0) {
    return std::chrono::seconds(std::min(seconds, most_retry_after_s));
  }
  std::tm when = {};
  const std::string text(value);
  const char* rest = ::strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &when);
  if (rest == nullptr || *rest != '\0') return {};
  seconds = static_cast<std::int64_t>(::timegm(&when)) - unix_ns / ns_per_s;
  return std::chrono::seconds(std::clamp<std::int64_t>(seconds, 0, most_retry_after_s));
}

}  // namespace sentinel::delivery
