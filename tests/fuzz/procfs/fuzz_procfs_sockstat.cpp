#include <sentinel/procfs/sockstat.hpp>

#include "tests/fuzz/harness.hpp"

using namespace sentinel::fuzz;
using namespace sentinel::procfs;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto stat = parse_sockstat(text(data, size));
  if (!stat) require_refusal(stat.error());
  return 0;
}
