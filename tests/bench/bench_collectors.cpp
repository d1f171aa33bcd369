// One collection of each collector on this host: the real .so through the ABI, with the store's commit. `series` says
// how many it reported. The time is mostly the kernel's, which prints the files.
#include <benchmark/benchmark.h>

#include <chrono>

#include "tests/unit/plugins/rig.hpp"

namespace {

void collect(benchmark::State& state, const std::string& plugin, const rig::ConfigValues& config) {
  sentinel::store::Store store(std::size_t{2} << 20U);
  rig::Plugin collector(store, plugin, config);
  std::chrono::seconds tick(1);
  for ([[maybe_unused]] auto _ : state) {
    const auto done = collector.collect(tick++);
    if (!done) return state.SkipWithError(done.error().message.c_str());
  }
  state.counters["series"] = static_cast<double>(store.stats().series);
}

BENCHMARK_CAPTURE(collect, proc_cpu, "proc_cpu", rig::ConfigValues())->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(collect, proc_disk, "proc_disk", rig::ConfigValues())->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(collect, proc_disk_without_filesystems, "proc_disk", rig::ConfigValues{{"filesystems", "false"}})
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(collect, proc_fd, "proc_fd", rig::ConfigValues())->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(collect, proc_mem, "proc_mem", rig::ConfigValues())->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(collect, proc_net, "proc_net", rig::ConfigValues())->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(collect, proc_tcp_netlink, "proc_tcp", rig::ConfigValues{{"source", "netlink"}})
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(collect, proc_tcp_procfs, "proc_tcp", rig::ConfigValues{{"source", "procfs"}})
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(collect, proc_zombie, "proc_zombie", rig::ConfigValues())->Unit(benchmark::kMicrosecond);

}  // namespace
