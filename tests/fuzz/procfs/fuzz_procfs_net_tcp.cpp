#include <algorithm>
#include <numeric>
#include <sentinel/procfs/net_tcp.hpp>

#include "tests/fuzz/harness.hpp"

using namespace sentinel::fuzz;
using namespace sentinel::procfs;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = text(data, size);
  const auto counts = count_tcp_states(input);
  if (!counts) {
    require_refusal(counts.error());
    return 0;
  }
  const auto lines = static_cast<std::uint64_t>(std::count(input.begin(), input.end(), '\n'));
  const auto sockets = std::accumulate(counts->sockets.begin(), counts->sockets.end(), std::uint64_t{0});
  require(1 + sockets + counts->malformed_lines == lines, "each line is the header, a socket or malformed");
  return 0;
}
