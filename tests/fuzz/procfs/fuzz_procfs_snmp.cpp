#include <sentinel/procfs/snmp.hpp>

#include "tests/fuzz/harness.hpp"

using namespace sentinel::fuzz;
using namespace sentinel::procfs;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto table = parse_snmp(text(data, size));
  if (!table) {
    require_refusal(table.error());
    return 0;
  }
  for (const auto* protocol : {"Tcp", "TcpExt", "A", ""}) {
    for (const auto* name : {"InSegs", "ListenDrops", "A", ""}) {
      require(table->find(protocol, name) == table->find(protocol, name), "a lookup is stable");
    }
    require(!table->find(protocol, ""), "nothing has no name");
  }
  return 0;
}
