#include <sentinel/procfs/stat.hpp>

#include "tests/fuzz/harness.hpp"

using namespace sentinel::fuzz;
using namespace sentinel::procfs;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Stat reused;
  const auto result = parse_stat(text(data, size), reused);
  if (!result) {
    require_refusal(result.error());
    return 0;
  }
  const CpuStat* last = nullptr;
  for (const auto& cpu : reused.cpus) {
    require(last == nullptr || last->cpu < cpu.cpu, "CPUs ascend");
    require(cpu.times.modes >= 4 && cpu.times.modes <= cpu_mode_count, "a CPU has 4 to 10 modes");
    if (last != nullptr) {
      const auto usage = cpu_usage_ratio(last->times, cpu.times);
      require(usage.ok() ? *usage >= 0 && *usage <= 1 : usage.error().code == sentinel::Errc::no_data,
              "usage lies between 0 and 1");
    }
    last = &cpu;
  }
  return 0;
}
