#include "tests/fuzz/rules/require_mistake.hpp"

using namespace sentinel::rules;
using namespace sentinel::fuzz;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = text(data, size);
  const auto parsed = parse_selector(input);
  require_parsed(parsed, input);
  if (!parsed.value) return 0;
  const auto printed = to_string(*parsed.value);
  const auto again = parse_selector(printed);
  require(again.value.has_value(), "a selector reads what it prints");
  require(to_string(*again.value) == printed, "and prints the same");
  for (const std::string_view value : {"", "time_wait", "\xc3\xa9\n"}) {
    for (const auto& matcher : parsed.value->matchers) static_cast<void>(matcher.matches(value));
    require(parsed.value->matches_metric(value) == again.value->matches_metric(value), "and selects the same");
  }
  return 0;
}
