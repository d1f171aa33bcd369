#include <string>
#include <vector>

#include "rules/expression.hpp"
#include "tests/fuzz/rules/require_mistake.hpp"

using namespace sentinel::rules;
using namespace sentinel::fuzz;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = text(data, size);
  const std::vector<std::string> one = {""};
  require_parsed(parse_expression(input, one), input);
  const std::vector<std::string> names = {"a", "sent", "again"};
  const auto parsed = parse_expression(input, names);
  require_parsed(parsed, input);
  if (!parsed.value) return 0;
  const auto printed = to_string(*parsed.value, names);
  // Parentheses that the text left out may take it over the limits of length and nesting.
  const auto again = parse_expression(printed, names);
  if (again.value) require(to_string(*again.value, names) == printed, "an expression prints what it reads");
  for (const double value : {0.0, 1.0, -3.5, 1e300}) {
    const std::vector<double> values = {value, value + 1, 2};
    const auto outcome = parsed.value->evaluate(values);
    if (!again.value) continue;
    const auto other = again.value->evaluate(values);
    require(outcome.holds == other.holds, "and holds when what it prints does");
  }
  return 0;
}
