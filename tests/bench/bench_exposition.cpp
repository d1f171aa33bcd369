// One exposition of 100, 10,000 and 100,000 series:
//   prometheus_cpp_registry       prometheus-cpp alone: its registry collects into its model, its serializer writes
//   prometheus_cpp_model_of_view  our view copied into prometheus-cpp's model, its serializer writes
//   exposition                    the sink's own writer, straight from the view
#include <benchmark/benchmark.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <cmath>
#include <memory>
#include <sstream>
#include <string>

#include "sinks/prometheus/exposition.hpp"
#include "tests/unit/sinks/prometheus/families.hpp"
#include "tests/unit/sinks/prometheus/oracle.hpp"

namespace {

constexpr std::size_t series_a_family = 100;
constexpr std::size_t cpus = 10;

/// Counters as proc_cpu has them, half of them whole, half with two decimals.
std::vector<FamilyData> counters(std::size_t series) {
  std::vector<FamilyData> data;
  for (std::size_t i = 0; i < series; ++i) {
    if (i % series_a_family == 0) {
      data.push_back({"sentinel_bench_" + std::to_string(i) + "_seconds_total",
                      "Time of a CPU by mode.",
                      SENTINEL_COUNTER,
                      {"cpu", "mode"},
                      {},
                      {}});
    }
    const double value = i % 2 == 0 ? static_cast<double>(i) * 1234 : std::round(static_cast<double>(i) * 317) / 100;
    data.back().series.push_back({{std::to_string(i % cpus), "mode" + std::to_string(i % series_a_family)}, value});
  }
  return data;
}

void count(benchmark::State& state, std::size_t bytes) {
  state.SetItemsProcessed(state.iterations() * state.range(0));
  state.counters["bytes"] = static_cast<double>(bytes);
}

void prometheus_cpp_registry(benchmark::State& state) {
  prometheus::Registry registry;
  for (const auto& family : counters(static_cast<std::size_t>(state.range(0)))) {
    auto& made = prometheus::BuildGauge().Name(family.name).Help(family.help).Register(registry);
    for (const auto& series : family.series) {
      made.Add({{"cpu", series.labels[0]}, {"mode", series.labels[1]}}).Set(series.value);
    }
  }
  const prometheus::TextSerializer serializer;
  std::size_t bytes = 0;
  for ([[maybe_unused]] auto _ : state) {
    std::ostringstream out;
    serializer.Serialize(out, registry.Collect());
    bytes = out.str().size();
  }
  count(state, bytes);
}

void prometheus_cpp_model_of_view(benchmark::State& state) {
  const auto data = counters(static_cast<std::size_t>(state.range(0)));
  const Families families(data);
  std::size_t bytes = 0;
  for ([[maybe_unused]] auto _ : state) bytes = prometheus_cpp_text(families.view()).size();
  count(state, bytes);
}

void exposition(benchmark::State& state) {
  const auto data = counters(static_cast<std::size_t>(state.range(0)));
  const Families families(data);
  const auto writer = std::make_unique<Exposition>();
  TextWriter text;
  for ([[maybe_unused]] auto _ : state) {
    text.clear();
    auto out = text.writer();
    writer->write(families.view(), out);
    benchmark::DoNotOptimize(text.text().data());
  }
  count(state, text.text().size());
}

void sizes(benchmark::internal::Benchmark* bench) {
  bench->Unit(benchmark::kMicrosecond)->Arg(100)->Arg(10'000)->Arg(100'000);
}
BENCHMARK(prometheus_cpp_registry)->Apply(sizes);
BENCHMARK(prometheus_cpp_model_of_view)->Apply(sizes);
BENCHMARK(exposition)->Apply(sizes);

}  // namespace
