#include <sentinel/procfs/softnet.hpp>

#include "tests/fuzz/harness.hpp"

using namespace sentinel::fuzz;
using namespace sentinel::procfs;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static std::vector<SoftnetCpu> reused;
  const auto done = parse_softnet(text(data, size), reused);
  if (!done) {
    require_refusal(done.error());
    return 0;
  }
  require(!reused.empty(), "no CPU is a refusal");
  for (std::size_t i = 1; i < reused.size(); ++i) require(reused[i - 1].cpu < reused[i].cpu, "CPUs ascend");
  return 0;
}
