// What it costs to name kernel addresses: the table of this machine's own symbols, a lookup in it, and a stack.
#include <benchmark/benchmark.h>
#include <sentinel/bpf/kallsyms.hpp>

#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace {

using namespace sentinel::bpf;

/// As many lines as a kernel of today has, in the same form; the machine's own may be hidden from this user.
std::string made_up_kallsyms(std::size_t symbols) {
  std::string text;
  std::uint64_t address = 0xffffffff81000000;
  char line[128];
  for (std::size_t i = 0; i < symbols; ++i, address += 160) {
    for (const char* prefix : {"__pfx_", ""}) {
      const auto length = std::snprintf(line, sizeof line, "%016lx t %sa_kernel_function_%zu\n",
                                        static_cast<unsigned long>(address), prefix, i);
      text.append(line, static_cast<std::size_t>(length));
      address += 16;
    }
  }
  return text;
}

constexpr std::size_t symbols = 61'000;

void parse(benchmark::State& state) {
  const auto text = made_up_kallsyms(symbols);
  std::size_t bytes = 0;
  for (auto _ : state) {
    auto table = parse_kallsyms(text);
    if (!table) return state.SkipWithError(table.error().message.c_str());
    bytes = table->memory_bytes();
    benchmark::DoNotOptimize(table);
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
  state.counters["memory_bytes"] = static_cast<double>(bytes);
}
BENCHMARK(parse)->Unit(benchmark::kMillisecond);

std::vector<std::uint64_t> addresses(std::size_t count) {
  std::mt19937_64 random(1);
  std::uniform_int_distribution<std::uint64_t> within(0xffffffff81000000, 0xffffffff81000000 + symbols * 192 - 1);
  std::vector<std::uint64_t> out(count);
  for (auto& address : out) address = within(random);
  return out;
}

void lookup(benchmark::State& state) {
  const auto table = parse_kallsyms(made_up_kallsyms(symbols));
  const auto asked = addresses(4096);
  std::size_t i = 0;
  for (auto _ : state) benchmark::DoNotOptimize(table->lookup(asked[i++ % asked.size()]));
}
BENCHMARK(lookup);

void load_of_this_kernel(benchmark::State& state) {
  auto proc = sentinel::procfs::Root::open("/proc");
  KernelSymbols all(std::move(*proc));
  for (auto _ : state) {
    if (const auto loaded = all.load(0); !loaded) {
      state.SetLabel("hidden from this user");
      (void)loaded;
    }
  }
  state.counters["symbols"] = static_cast<double>(all.table().size());
  state.counters["memory_bytes"] = static_cast<double>(all.table().memory_bytes());
}
BENCHMARK(load_of_this_kernel)->Unit(benchmark::kMillisecond);

void symbolize(benchmark::State& state) {
  auto proc = sentinel::procfs::Root::open("/proc");
  KernelSymbols all(std::move(*proc));
  (void)all.load(0);
  const auto stack = addresses(32);
  std::string buffer;
  for (auto _ : state) benchmark::DoNotOptimize(all.symbolize(stack, 0, buffer));
}
BENCHMARK(symbolize);

}  // namespace
