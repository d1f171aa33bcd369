#include <sentinel/procfs/diskstats.hpp>

#include "tests/fuzz/harness.hpp"

using namespace sentinel::fuzz;
using namespace sentinel::procfs;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static std::vector<DiskStat> reused;
  const auto done = parse_diskstats(text(data, size), reused);
  if (!done) {
    require_refusal(done.error());
    return 0;
  }
  require(reused.empty() || !reused.front().partition, "a partition follows its device");
  for (const auto& disk : reused) {
    require(!disk.name.empty() && disk.name.find(' ') == std::string_view::npos, "a name is one word");
  }
  return 0;
}
