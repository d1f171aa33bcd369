// A reload of the running agent that swaps plugins for other contents of theirs, as a person with POST /-/reload sees
// it: until the verdict (the time shown), and each stage of it. `commit` is the pause: from the moment at which what
// leaves is held to the one at which what enters takes its place; a collection of it follows at once. p50 and p99 are
// of all iterations, so let it make some hundreds: --benchmark_min_time=10.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "tests/support/swapping.hpp"

namespace {

namespace fs = std::filesystem;
using sentinel::testing::SwapAgent;

constexpr std::array<const char*, 10> all_plugins = {"proc_cpu",   "proc_disk",       "proc_fd",     "proc_mem",
                                                     "proc_net",   "proc_tcp",        "proc_zombie", "test_collector",
                                                     "prometheus", "webhook_snapshot"};

constexpr std::string_view body = R"(
collectors:
  cpu: {plugin: proc_cpu, every: 100ms, deadline: 10s}
  disk: {plugin: proc_disk, every: 100ms, deadline: 10s}
  fd: {plugin: proc_fd, every: 100ms, deadline: 10s}
  memory: {plugin: proc_mem, every: 100ms, deadline: 10s}
  net: {plugin: proc_net, every: 100ms, deadline: 10s}
  tcp: {plugin: proc_tcp, every: 100ms, deadline: 10s}
  processes: {plugin: proc_zombie, every: 100ms, deadline: 10s}
  test: {plugin: test_collector, every: 100ms, deadline: 10s}
pipelines:
  host: {to: [prometheus]}
sinks:
  prometheus: {plugin: prometheus}
  snapshot: {plugin: webhook_snapshot}
)";

double quantile(std::vector<double> values, double q) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(std::ceil(q * static_cast<double>(values.size()))) - 1];
}

/// Gives a plugin a content that it has not had yet. Its time is long past, as that of what a person has built and then
/// signals: a file written just now is looked at a second time, 25 ms later.
void change(const SwapAgent& agent, const char* plugin, std::size_t round) {
  agent.install_other_content(plugin, std::to_string(round));
  fs::last_write_time(agent.file_of(plugin), fs::file_time_type::clock::now() - std::chrono::minutes(1));
}

/// Swaps the first `state.range(0)` of all_plugins at once, beside the others, which stay.
void swap(benchmark::State& state) {
  SwapAgent agent;
  for (const auto* plugin : all_plugins) change(agent, plugin, 0);
  agent.run(body);
  std::map<std::string, std::vector<double>> ms;
  std::size_t round = 0;
  for (auto _ : state) {
    ++round;
    for (std::int64_t i = 0; i < state.range(0); ++i) change(agent, all_plugins[static_cast<std::size_t>(i)], round);
    const auto begun = std::chrono::steady_clock::now();
    const auto verdict = agent.reload();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
    state.SetIterationTime(took.count());
    if (sentinel::testing::text_of(verdict, "result") != "committed") {
      return state.SkipWithError(("not committed: " + sentinel::testing::text_of(verdict, "reason")).c_str());
    }
    ms["verdict"].push_back(took.count() * 1e3);
    for (const auto& [stage, seconds] : verdict.at("seconds").as_object()) {
      ms[stage].push_back(seconds.to_number<double>() * 1e3);
    }
    if (!agent.wait_idle()) return state.SkipWithError("the probation does not end");
  }
  for (const auto& [stage, values] : ms) {
    state.counters[stage + "_p50"] = quantile(values, 0.5);
    state.counters[stage + "_p99"] = quantile(values, 0.99);
  }
}

BENCHMARK(swap)->Arg(1)->Arg(10)->Unit(benchmark::kMillisecond)->UseManualTime();

}  // namespace
