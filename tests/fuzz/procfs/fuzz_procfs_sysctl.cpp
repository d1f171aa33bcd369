#include <array>
#include <sentinel/procfs/sysctl.hpp>

#include "tests/fuzz/harness.hpp"

using namespace sentinel::fuzz;
using namespace sentinel::procfs;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::array<std::uint64_t, 3> three{};
  std::array<std::uint64_t, 1> one{};
  const auto file_nr = parse_sysctl("file-nr", text(data, size), three);
  const auto count = parse_sysctl("nf_conntrack_count", text(data, size), one);
  require(!file_nr.ok() || !count.ok(), "a line has one number or three");
  if (!file_nr) require_refusal(file_nr.error());
  if (!count) require_refusal(count.error());
  return 0;
}
