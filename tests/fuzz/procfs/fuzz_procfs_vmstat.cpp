#include <sentinel/procfs/vmstat.hpp>

#include "tests/fuzz/harness.hpp"

using namespace sentinel::fuzz;
using namespace sentinel::procfs;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto vmstat = parse_vmstat(text(data, size));
  if (!vmstat) require_refusal(vmstat.error());
  return 0;
}
