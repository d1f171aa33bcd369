#include <cmath>
#include <sentinel/procfs/pressure.hpp>

#include "tests/fuzz/harness.hpp"

using namespace sentinel::fuzz;
using namespace sentinel::procfs;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto pressure = parse_pressure(text(data, size));
  if (!pressure) {
    require_refusal(pressure.error());
    return 0;
  }
  for (const auto& line : {pressure->some, pressure->full.value_or(PressureLine{})}) {
    for (const double value : {line.avg10, line.avg60, line.avg300}) {
      require(std::isfinite(value) && value >= 0, "an average is a number");
    }
  }
  return 0;
}
