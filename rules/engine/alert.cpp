#include "rules/engine/alert.hpp"

namespace sentinel::rules {
namespace {

constexpr unsigned char separator = 0xff;

std::uint64_t add(std::uint64_t hash, unsigned char byte) {
  return (hash ^ byte) * 1099511628211ULL;
}

}  // namespace

std::string_view to_string(AlertState state) noexcept {
  switch (state) {
    case AlertState::pending:
      return "pending";
    case AlertState::firing:
      return "firing";
    case AlertState::inactive:
      break;
  }
  return "inactive";
}

std::uint64_t fingerprint(const Labels& labels) noexcept {
  std::uint64_t hash = 14695981039346656037ULL;
  for (const auto& [name, value] : labels) {
    for (const char c : name) hash = add(hash, static_cast<unsigned char>(c));
    hash = add(hash, separator);
    for (const char c : value) hash = add(hash, static_cast<unsigned char>(c));
    hash = add(hash, separator);
  }
  return hash;
}

}  // namespace sentinel::rules
