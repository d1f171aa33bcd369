#include "rules/template.hpp"

#include "tests/fuzz/rules/require_mistake.hpp"

using namespace sentinel::rules;
using namespace sentinel::fuzz;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = text(data, size);
  const auto parsed = parse_template(input);
  require_parsed(parsed, input);
  if (!parsed.value) return 0;
  const auto label = [](std::string_view name) { return name; };
  const auto printed = to_prometheus(*parsed.value);
  const auto again = parse_template(printed);
  for (const double value : {0.0, -1234.5, 1e300}) {
    const auto shown = parsed.value->render(value, label);
    require(shown.size() <= 4096, "a text is bounded");
    if (again.value) require(again.value->render(value, label) == shown, "Prometheus is told the same");
  }
  return 0;
}
