#include <sentinel/procfs/pid_stat.hpp>

#include "tests/fuzz/harness.hpp"

using namespace sentinel::fuzz;
using namespace sentinel::procfs;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = text(data, size);
  const auto stat = parse_pid_stat(input);
  PidStat same;
  require(try_parse_pid_stat(input, same) == stat.ok(), "both parsers agree");
  if (!stat) {
    require_refusal(stat.error());
    return 0;
  }
  require(stat->pid >= 0 && stat->ppid >= 0, "pids are not negative");
  require(stat->comm.data() >= input.data() && stat->comm.data() + stat->comm.size() <= input.data() + input.size(),
          "comm lies in the text");
  require(!process_state_name(stat->state).empty(), "a state has a name");
  return 0;
}
