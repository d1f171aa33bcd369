#include <sentinel/procfs/net_dev.hpp>

#include "tests/fuzz/harness.hpp"

using namespace sentinel::fuzz;
using namespace sentinel::procfs;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static std::vector<NetDevice> reused;
  const auto done = parse_net_dev(text(data, size), reused);
  if (!done) require_refusal(done.error());
  if (!done) return 0;
  for (const auto& device : reused) require(!device.name.empty(), "a device has a name");
  return 0;
}
