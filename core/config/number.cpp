#include "core/config/number.hpp"

#include <charconv>
#include <cmath>
#include <string>
#include <system_error>

#include "core/config/suggest.hpp"

namespace sentinel::config {

namespace {

Error refuse(std::string_view text, std::string_view why) {
  return {Errc::invalid_argument, quote(text) + std::string(why)};
}

/// from_chars takes no plus sign.
std::string_view without_plus(std::string_view text) {
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  return text;
}

}  // namespace

Result<std::int64_t> parse_integer(std::string_view text) {
  const auto digits = without_plus(text);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error == std::errc::result_out_of_range) return refuse(text, " leaves the range of 64 bits");
  if (error != std::errc() || end != digits.data() + digits.size()) return refuse(text, " is no whole number");
  return number;
}

Result<double> parse_number(std::string_view text) {
  const auto digits = without_plus(text);
  double number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error == std::errc::result_out_of_range) return refuse(text, " leaves the range of numbers");
  if (error != std::errc() || end != digits.data() + digits.size() || !std::isfinite(number)) {
    return refuse(text, " is no number");
  }
  return number;
}

Result<bool> parse_boolean(std::string_view text) {
  if (text == "true") return true;
  if (text == "false") return false;
  return refuse(text, " is neither true nor false");
}

}  // namespace sentinel::config
