// One collection of each collector on this host: the real .so through the ABI, with the store's commit. `series` says
// how many it reported. The time is mostly the kernel's, which prints the files.
#include <benchmark/benchmark.h>

#include <chrono>
#include <cstddef>
#include <string>

#include <empty_iterators.skel.h>
#include <sentinel/bpf/iterator.hpp>

#include "tests/bench/crowd.hpp"
#include "tests/support/privilege.hpp"
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

/// What an iterator costs by itself: the walk, with a program that does nothing.
void walk(benchmark::State& state, const std::string& program) {
  std::size_t size = 0;
  const void* elf = empty_iterators_bpf__elf_bytes(&size);
  auto iterator = sentinel::bpf::Iterator::load({static_cast<const std::byte*>(elf), size}, program);
  if (!iterator) return state.SkipWithError(iterator.error().message.c_str());
  for ([[maybe_unused]] auto _ : state) {
    const auto walked = iterator->walk();
    if (!walked) return state.SkipWithError(walked.error().message.c_str());
  }
}

/// Beside 3,000 processes and 12,000 sockets more, which are made once, by the first that needs them.
void beside_a_crowd(benchmark::internal::Benchmark* bench) {
  bench->Args({3000, 12000})->Setup([](const benchmark::State& state) {
    static const bench::Crowd crowd(static_cast<int>(state.range(0)), static_cast<int>(state.range(1)));
  });
}

/// Those that have a choice, by each source beside the iterator that does nothing. Without the privilege, without
/// iterators.
const bool registered = [] {
  const bool bpf = !sentinel::testing::why_no_bpf();
  for (const bool crowded : {false, true}) {
    const auto add = [crowded](const std::string& name, const auto& run, const auto&... arguments) {
      auto* bench = benchmark::RegisterBenchmark(name.c_str(), run, arguments...)->Unit(benchmark::kMicrosecond);
      if (crowded) beside_a_crowd(bench);
    };
    const auto add_source = [&add](const std::string& plugin, const std::string& source) {
      add("collect/" + plugin + "_" + source, collect, plugin, rig::ConfigValues{{"source", source}});
    };
    if (bpf) add("walk/empty_tcp", walk, "empty_tcp");
    if (bpf) add_source("proc_tcp", "bpf");
    add_source("proc_tcp", "netlink");
    add_source("proc_tcp", "procfs");
    if (bpf) add("walk/empty_task", walk, "empty_task");
    if (bpf) add_source("proc_zombie", "bpf");
    add_source("proc_zombie", "procfs");
  }
  return true;
}();

}  // namespace
