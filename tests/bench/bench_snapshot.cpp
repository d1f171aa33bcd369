// A snapshot of a host with many processes and sockets: until the report is written (`take`), and until all is on disk
// under its name (the time shown). The processes and sockets are real ones, made beside what the machine runs already.
// `extra_MiB` is what the process took more than before the sink's parts were made, at most.
#include <benchmark/benchmark.h>
#include <time.h>

#include <atomic>
#include <fstream>

#include <sentinel/config.hpp>

#include "sinks/webhook_snapshot/take.hpp"
#include "tests/bench/crowd.hpp"
#include "tests/unit/plugins/rig.hpp"

namespace {

double status_mib(const std::string& field) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(field + ":")) return std::stod(line.substr(field.size() + 1)) / 1024;
  }
  return 0;
}

std::uint64_t boot_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
}

/// As much as an agent of default size remembers of 15 minutes: 600 series, a value every 5 s.
sentinel::Result<void> history(std::uint64_t, std::uint64_t to, const snapshot::TakeTrack& take) {
  static std::vector<sentinel_sample> samples(180);
  for (std::size_t i = 0; i < samples.size(); ++i)
    samples[i] = {to - (180 - i) * 5'000'000'000, 0.1 * static_cast<double>(i)};
  const auto key = sentinel::to_abi("cpu");
  for (int series = 0; series < 600; ++series) {
    const auto text = std::to_string(series);
    const auto value = sentinel::to_abi(text);
    const sentinel_track track = {
        sizeof(track), 1,      sentinel::to_abi("cpu"), sentinel::to_abi("sentinel_cpu_seconds_total"),
        &key,          &value, samples.data(),          samples.size()};
    take(track);
  }
  return {};
}

void take(benchmark::State& state) {
  const bench::Crowd crowd(static_cast<int>(state.range(0)), static_cast<int>(state.range(1)));
  const rig::TemporaryFolder there;
  snapshot::Settings settings;
  settings.directory = there.path();
  std::ofstream("/proc/self/clear_refs") << "5";
  const double before = status_mib("VmRSS");
  snapshot::Folder folder(settings.directory);
  snapshot::Taker taker(
      settings, {&boot_ns, [] { return std::int64_t{1'715'000'000'000'000'000}; }, &history, {{"instance", "bench"}}});
  snapshot::Alert alert;
  alert.name = "high_memory_usage";
  alert.metric = "sentinel_memory_usage";
  alert.value = 90;
  const std::atomic<bool> cancelled{false};
  double took = 0;
  double bytes = 0;
  std::int64_t time = 1'715'000'000'000'000'000;
  for (auto _ : state) {
    const auto id = snapshot::make_name(time += 1'000'000'000, alert.name, 1);
    auto draft = folder.begin(id);
    if (!draft) return state.SkipWithError(draft.error().message.c_str());
    const auto outcome = taker.take(alert, id, *draft, cancelled);
    if (!outcome) return state.SkipWithError(outcome.error().message.c_str());
    if (const auto done = draft->publish(); !done) return state.SkipWithError(done.error().message.c_str());
    took += outcome->ms;
    bytes = static_cast<double>(outcome->bytes);
  }
  state.counters["take_ms"] = took / static_cast<double>(state.iterations());
  state.counters["disk_MiB"] = bytes / 1048576;
  state.counters["extra_MiB"] = status_mib("VmHWM") - before;
  state.counters["sockets"] = static_cast<double>(crowd.sockets());
}

BENCHMARK(take)->Args({0, 0})->Args({3000, 12000})->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
