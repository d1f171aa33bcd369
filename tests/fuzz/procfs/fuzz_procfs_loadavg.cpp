#include <cmath>
#include <sentinel/procfs/loadavg.hpp>

#include "tests/fuzz/harness.hpp"

using namespace sentinel::fuzz;
using namespace sentinel::procfs;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto load = parse_loadavg(text(data, size));
  if (!load) {
    require_refusal(load.error());
    return 0;
  }
  for (const double value : {load->load1, load->load5, load->load15}) {
    require(std::isfinite(value) && value >= 0, "a load is a number");
  }
  return 0;
}
