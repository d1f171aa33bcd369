#include "core/config/bytes.hpp"

#include <array>
#include <limits>
#include <string>

#include "core/config/suggest.hpp"

namespace sentinel::config {

namespace {

struct Unit {
  std::string_view name;
  std::uint64_t bytes;
};

constexpr std::uint64_t kib = 1024;
constexpr std::array<Unit, 11> units = {{{"", 1},
                                         {"B", 1},
                                         {"kB", 1000},
                                         {"MB", 1'000'000},
                                         {"GB", 1'000'000'000},
                                         {"TB", 1'000'000'000'000},
                                         {"KiB", kib},
                                         {"MiB", kib* kib},
                                         {"GiB", kib* kib* kib},
                                         {"TiB", kib* kib* kib* kib},
                                         {"KB", 1000}}};

constexpr std::string_view examples = "; write for example 64KiB, 10MB or 4096";

}  // namespace

Result<std::uint64_t> parse_bytes(std::string_view text) {
  const auto refuse = [text](const std::string& why) {
    return Error{Errc::invalid_argument, quote(text) + why + std::string(examples)};
  };
  const std::size_t whole_size = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto whole = text.substr(0, whole_size);
  auto rest = text.substr(whole_size);
  if (whole.empty()) return refuse(" is no size in bytes");
  std::string_view fraction;
  if (!rest.empty() && rest.front() == '.') {
    rest.remove_prefix(1);
    fraction = rest.substr(0, std::min(rest.find_first_not_of("0123456789"), rest.size()));
    rest.remove_prefix(fraction.size());
    if (fraction.empty() || fraction.size() > 6) return refuse(" needs one to six digits after its point");
  }
  const Unit* unit = nullptr;
  for (const auto& candidate : units) {
    if (candidate.name == rest) unit = &candidate;
  }
  if (unit == nullptr) return refuse(" has a unit that is none of B, kB, MB, GB, TB, KiB, MiB, GiB, TiB");

  std::uint64_t bytes = 0;
  for (const char c : whole) {
    if (__builtin_mul_overflow(bytes, 10U, &bytes) || __builtin_add_overflow(bytes, unsigned(c - '0'), &bytes)) {
      return refuse(" is too large");
    }
  }
  // At most six digits times 2^40 stays below 2^60.
  std::uint64_t numerator = 0;
  std::uint64_t denominator = 1;
  for (const char c : fraction) {
    numerator = numerator * 10 + static_cast<unsigned>(c - '0');
    denominator *= 10;
  }
  if (numerator * unit->bytes % denominator != 0) return refuse(" is no whole number of bytes");
  if (__builtin_mul_overflow(bytes, unit->bytes, &bytes) ||
      __builtin_add_overflow(bytes, numerator * unit->bytes / denominator, &bytes) ||
      bytes > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    return refuse(" is too large");
  }
  return bytes;
}

std::string format_bytes(std::uint64_t bytes) {
  static constexpr std::array<std::string_view, 5> names = {"B", "KiB", "MiB", "GiB", "TiB"};
  std::size_t at = 0;
  while (bytes != 0 && bytes % kib == 0 && at + 1 < names.size()) {
    bytes /= kib;
    ++at;
  }
  return std::to_string(bytes) += names[at];
}

}  // namespace sentinel::config
