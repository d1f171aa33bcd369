#include <atomic>
#include <cstdlib>
#include <new>

#include "tests/unit/rules/engine/rig.hpp"

namespace {
std::atomic<std::uint64_t> allocations = 0;
}  // namespace

void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace sentinel::rules {
namespace {

using Strings = std::vector<std::string>;

/// Allocations while the batch is consumed a second and third time: at once, and in the next pane.
std::uint64_t warm_allocations(Rig& rig, const std::function<void(std::uint64_t)>& fill, std::uint64_t every_ns) {
  std::uint64_t counted = 0;
  for (const std::uint64_t tick : {1 * second, 2 * second, 2 * second, 3 * second, 4 * second}) {
    fill(tick);
    const auto batch = rig.host.delivery();
    const std::uint64_t before = allocations;
    rig.engine.consume(batch, tick, every_ns, rig.out);
    if (tick > 2 * second) counted += allocations - before;
  }
  return counted;
}

TEST(RuleAllocations, TheCounterCounts) {
  const std::uint64_t before = allocations;
  ::operator delete(::operator new(1));
  EXPECT_EQ(allocations - before, 1u);
}

class SampleAllocations : public testing::TestWithParam<Function> {};

TEST_P(SampleAllocations, AWarmSampleMakesNone) {
  Rig rig({{.name = "hit",
            .windows =
                {{.filter = "m{n=~\"1.*\"} > -1", .over = 10 * second, .fn = GetParam(), .quantile = 0.9, .of = "n"}},
            .when = "> 1e9"},
           {.name = "joined",
            .windows = {{.filter = "m",
                         .over = 10 * second,
                         .fn = GetParam(),
                         .agg = Aggregation::sum,
                         .quantile = 0.9,
                         .of = "n"}},
            .when = "> 1e9"},
           {.name = "full",
            .windows = {{.filter = "m", .over = 10 * second, .fn = GetParam(), .of = "n", .groups = 3}},
            .when = "> 1e9"},
           {.name = "miss", .windows = {{.filter = "m{n=\"none\"}"}}, .when = "> 1e9"}});
  const auto metric = rig.host.counter("m", {"n"});
  // The end of a window may allocate, a record may not: it lies beyond the ticks.
  rig.advance(0);
  const auto fill = [&](std::uint64_t tick) {
    rig.host.begin("c", tick);
    for (int n = 0; n < 100; ++n) rig.host.sample(metric, {std::to_string(n)}, 1000 + n);
  };
  EXPECT_EQ(warm_allocations(rig, fill, 100 * second), 0u);
  EXPECT_EQ(rig.engine.stats().at(0).records, 5u * 11);
  EXPECT_EQ(rig.engine.stats().at(2).overflow, 5u * 97);
}

INSTANTIATE_TEST_SUITE_P(All, SampleAllocations,
                         testing::Values(Function::count, Function::sum, Function::rate, Function::avg, Function::min,
                                         Function::max, Function::last, Function::quantile),
                         [](const auto& instance) { return std::string(to_string(instance.param)); });

TEST(RuleAllocations, AWarmEventMakesNone) {
  // The pid is in decimal for the filter and in binary for the group, both without an allocation.
  Rig rig(
      {{.name = "storm",
        .windows = {{.filter = "hit{newstate=\"close\",pid!=\"3\",comm=~\"w.*\"}",
                     .over = 100 * second,
                     .fn = Function::count,
                     .by = Strings{"comm", "container_id", "newstate", "pid"}}},
        .when = "> 1e9"},
       {.name = "full",
        .windows = {{.filter = "hit", .over = 100 * second, .fn = Function::count, .by = Strings{"pid"}, .groups = 3}},
        .when = "> 1e9"},
       {.name = "miss",
        .windows = {{.filter = "hit{pid=\"1000\"}", .over = 100 * second, .fn = Function::count}},
        .when = "> 1e9"},
       {.name = "through", .filter = "hit{comm=\"none\"}"}});
  const auto metric = rig.host.event("hit", {"newstate"});
  const auto fill = [&](std::uint64_t tick) {
    rig.host.begin("events", tick);
    for (std::uint32_t pid = 1; pid <= 100; ++pid) {
      rig.host.add_event(metric, {"close"}, tick,
                         {.pid = pid,
                          .comm = "worker with a long name",
                          .start_time_ns = pid,
                          .container = std::string(64, 'c'),
                          .stack = std::vector<std::uint64_t>(64, pid)});
    }
  };
  EXPECT_EQ(warm_allocations(rig, fill, 0), 0u);
  EXPECT_EQ(rig.engine.stats().at(0).records, 5u * 99);
  EXPECT_EQ(rig.engine.stats().at(1).overflow, 5u * 97);
}

}  // namespace
}  // namespace sentinel::rules
