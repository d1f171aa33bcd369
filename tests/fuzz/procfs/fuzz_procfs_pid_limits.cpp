#include <sentinel/procfs/pid_limits.hpp>

#include "tests/fuzz/harness.hpp"

using namespace sentinel::fuzz;
using namespace sentinel::procfs;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto limit = parse_open_files_limit(text(data, size));
  if (!limit) require_refusal(limit.error());
  return 0;
}
