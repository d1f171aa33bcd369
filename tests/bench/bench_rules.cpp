// The chain's cost a record (items are records):
//   filter_miss_metric/R  no rule of R wants the metric
//   filter_miss_series    a rule wants the metric, but no series of it
//   filter_miss_event     an event whose context a filter does not match
//   one_series            each record into one window
//   window_of_series/N    samples of N series, each a group of its own
//   window_of_events/N    events by pid and comm, N groups
//   close/N               the end of a window of N groups (items are groups)
#include <benchmark/benchmark.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/unit/rules/engine/rig.hpp"

namespace {

using namespace sentinel::rules;

constexpr std::size_t batch_size = 10'000;

void count(benchmark::State& state, std::size_t items) {
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * static_cast<std::int64_t>(items));
  state.counters["per_item"] = benchmark::Counter(static_cast<double>(state.iterations()) * static_cast<double>(items),
                                                  benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

/// A batch of samples of `series` series, at one tick.
sentinel_delivery samples(Host& host, std::uint32_t metric, std::size_t series, std::uint64_t tick_ns) {
  host.begin("bench", tick_ns);
  for (std::size_t i = 0; i < batch_size; ++i) {
    host.sample(metric, {"series" + std::to_string(i % series)}, static_cast<double>(i));
  }
  return host.delivery();
}

/// Consumes one batch again and again, at the same tick: what is measured is the records' way alone.
void consume(benchmark::State& state, Rig& rig, const sentinel_delivery& batch, std::uint64_t tick_ns,
             std::uint64_t every_ns) {
  for (auto _ : state) rig.engine.consume(batch, tick_ns, every_ns, rig.out);
  count(state, batch.count);
}

void filter_miss_metric(benchmark::State& state) {
  std::vector<RuleText> rules;
  for (std::int64_t i = 0; i < state.range(0); ++i) {
    rules.push_back(
        {.name = "r" + std::to_string(i), .windows = {{.filter = "other_" + std::to_string(i)}}, .when = "> 1"});
  }
  Rig rig(rules);
  const auto metric = rig.host.gauge("m", {"n"});
  consume(state, rig, samples(rig.host, metric, 100, second), second, second);
}
BENCHMARK(filter_miss_metric)->Arg(1)->Arg(1'000);

void filter_miss_series(benchmark::State& state) {
  Rig rig({{.name = "r", .windows = {{.filter = "m{n=\"none\"}"}}, .when = "> 1"}});
  const auto metric = rig.host.gauge("m", {"n"});
  consume(state, rig, samples(rig.host, metric, 100, second), second, second);
}
BENCHMARK(filter_miss_series);

/// Events of `groups` processes.
sentinel_delivery events(Host& host, std::uint32_t metric, std::size_t groups, std::uint64_t time_ns) {
  host.begin("bench", time_ns);
  for (std::size_t i = 0; i < batch_size; ++i) {
    const auto pid = static_cast<std::uint32_t>(1 + i * 7'919 % groups);
    host.add_event(
        metric, {"close"}, time_ns,
        {.pid = pid, .comm = "worker" + std::to_string(pid % 50), .start_time_ns = pid, .stack = {1, 2, 3, 4}});
  }
  return host.delivery();
}

void filter_miss_event(benchmark::State& state) {
  Rig rig({{.name = "r",
            .windows = {{.filter = "hit{newstate=\"close\",pid=\"1000000\"}", .over = second, .fn = Function::count}},
            .when = "> 1"}});
  const auto metric = rig.host.event("hit", {"newstate"});
  consume(state, rig, events(rig.host, metric, 1'000, second), second, 0);
}
BENCHMARK(filter_miss_event);

void one_series(benchmark::State& state) {
  Rig rig({{.name = "r", .windows = {{.filter = "m"}}, .when = "> 1e300"}});
  const auto metric = rig.host.gauge("m", {"n"});
  consume(state, rig, samples(rig.host, metric, 1, second), second, second);
}
BENCHMARK(one_series);

void window_of_series(benchmark::State& state) {
  Rig rig({{.name = "r", .windows = {{.filter = "m"}}, .when = "> 1e300"}});
  const auto metric = rig.host.gauge("m", {"n"});
  consume(state, rig, samples(rig.host, metric, static_cast<std::size_t>(state.range(0)), second), second, second);
}
BENCHMARK(window_of_series)->Arg(100)->Arg(10'000);

void window_of_events(benchmark::State& state) {
  Rig rig({{.name = "r",
            .windows = {{.filter = "hit{newstate=\"close\"}",
                         .over = second,
                         .fn = Function::count,
                         .by = std::vector<std::string>{"comm", "pid"}}},
            .when = "> 1e300"}});
  const auto metric = rig.host.event("hit", {"newstate"});
  consume(state, rig, events(rig.host, metric, static_cast<std::size_t>(state.range(0)), second), second, 0);
}
BENCHMARK(window_of_events)->Arg(100)->Arg(10'000);

void close(benchmark::State& state) {
  const auto groups = static_cast<std::size_t>(state.range(0));
  Rig rig({{.name = "r", .windows = {{.filter = "m", .over = 15 * second}}, .when = "> 1e300"}});
  const auto metric = rig.host.gauge("m", {"n"});
  std::uint64_t tick = 5 * second;
  for (auto _ : state) {
    state.PauseTiming();
    const auto batch = samples(rig.host, metric, groups, tick);
    rig.engine.consume(batch, tick, 5 * second, rig.out);
    state.ResumeTiming();
    rig.engine.advance(at(tick + 200 * ms), rig.out);
    tick += 5 * second;
  }
  count(state, groups);
}
BENCHMARK(close)->Arg(100)->Arg(10'000);

}  // namespace
