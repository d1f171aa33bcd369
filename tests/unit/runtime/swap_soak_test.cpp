// One collector swapped again and again between two contents of its file, and what that leaves behind in this process.
// SENTINEL_SOAK_SWAPS says how often; `make soak-swap` runs it at length.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <set>

#include "core/plugin/loader.hpp"
#include "core/runtime/topology.hpp"
#include "core/telemetry/log.hpp"
#include "tests/support/process.hpp"
#include "tests/unit/runtime/control_loop.hpp"

// A sanitizer's allocator keeps what was freed for a while, so that memory can only be judged without one.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SENTINEL_SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SENTINEL_SANITIZED true
#endif
#endif
#ifndef SENTINEL_SANITIZED
#define SENTINEL_SANITIZED false
#endif

namespace sentinel::runtime {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr int warm_up = 100;
constexpr std::int64_t most_growth_bytes = 1 << 20;

int wanted_swaps() {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing here changes the environment
  const char* text = std::getenv("SENTINEL_SOAK_SWAPS");
  if (text != nullptr) return std::atoi(text);
  return SENTINEL_SANITIZED ? 200 : 1000;  // a swap takes a sanitizer 10 times as long
}

std::int64_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");  // proc(5): size, resident, … in pages
  std::int64_t size = 0;
  std::int64_t resident = 0;
  statm >> size >> resident;
  return resident * ::sysconf(_SC_PAGESIZE);
}

std::ptrdiff_t entries(const fs::path& folder) {
  return std::distance(fs::directory_iterator(folder), fs::directory_iterator());
}

/// What this process holds of what a swap takes and should give back.
struct Held {
  std::int64_t resident = resident_bytes();
  std::ptrdiff_t threads = entries("/proc/self/task");
  std::ptrdiff_t fds = entries("/proc/self/fd");
  std::uint64_t objects = plugin::loader_counts().mapped();
};

/// A topology with one collector that keeps state, whose plugin's file is there with two contents, each in a folder of
/// its own.
class SwapSoak : public ::testing::Test {
 protected:
  SwapSoak() {
    telemetry::Log::configure(telemetry::LogLevel::warning, telemetry::LogFormat::text);
    const fs::path built = SENTINEL_BINARY_DIR "/tests/plugins/test_collector.so";
    for (const char* name : {"a", "b"}) {
      fs::create_directories(contents_ / name);
      fs::copy_file(built, contents_ / name / "test_collector.so");
    }
    std::ofstream(contents_ / "b" / "test_collector.so", std::ios::app) << '\n';

    auto& sink = config_.sinks.emplace_back();
    sink.name = sink.plugin = "prometheus";
    auto& collector = config_.collectors.emplace_back();
    collector.name = "swapped";
    collector.plugin = "test_collector";
    collector.every = collector.deadline = std::chrono::hours(1);
    auto& pipeline = config_.pipelines.emplace_back();
    pipeline.name = "all";
    pipeline.from = {"swapped"};
    pipeline.to = {"prometheus"};
  }
  ~SwapSoak() override { apply({}); }

  void run_until(const std::function<bool()>& done) { runtime::run_until(control_, done); }

  Verdict apply(Plan plan) { return runtime::finish(control_, topology_.apply(std::move(plan))); }

  void finish(boost::asio::awaitable<void> task) { runtime::finish(control_, std::move(task)); }

  /// The plan from what runs to this content.
  Plan plan_of(const char* content) {
    config_.agent.plugin_path = {contents_ / content, SENTINEL_BINARY_DIR "/plugins"};
    auto planned = make_plan(topology_.running(), config_, SENTINEL_BINARY_DIR "/sentinel");
    EXPECT_TRUE(planned.ok()) << (planned.diagnostics.empty() ? "" : config::to_string(planned.diagnostics[0]));
    return std::move(planned.plan);
  }

  /// Plans there and back again, good for any number of swaps: content a runs.
  std::pair<Plan, Plan> there_and_back() {
    EXPECT_THAT(apply(plan_of("a")).not_running, IsEmpty());
    Plan there = plan_of("b");
    EXPECT_TRUE(swap(there));
    Plan back = plan_of("a");
    EXPECT_TRUE(swap(back));
    return {std::move(there), std::move(back)};
  }

  /// False when it was not a swap that went well.
  bool swap(const Plan& plan) {
    const Verdict verdict = apply(plan);
    EXPECT_FALSE(verdict.refused) << verdict.refused->stage << ": " << verdict.refused->reason;
    EXPECT_THAT(verdict.started, ElementsAre("swapped"));
    finish(topology_.end_probation());
    EXPECT_THAT(topology_.zombies(), IsEmpty());
    return !HasFailure();
  }

  InstanceStatus status() const {
    for (auto& status : topology_.status()) {
      if (status.spec.name == "swapped") return status;
    }
    return {};
  }

  /// That nothing has piled up since.
  static void expect_as_before(const Held& before, const char* what, int times) {
    // A joined thread's entry goes a moment after it.
    EXPECT_TRUE(sentinel::testing::eventually([&] { return Held().threads == before.threads; })) << Held().threads;
    const Held now;
    EXPECT_EQ(now.fds, before.fds);
    EXPECT_EQ(now.objects, before.objects);
    const auto growth = now.resident - before.resident;
    std::printf("%d %s: resident memory %+lld KiB to %lld KiB, threads %td, descriptors %td, objects %llu\n", times,
                what, static_cast<long long>(growth / 1024), static_cast<long long>(now.resident / 1024), now.threads,
                now.fds, static_cast<unsigned long long>(now.objects));
    EXPECT_TRUE(SENTINEL_SANITIZED || growth < most_growth_bytes) << growth;
  }

  /// That of what was staged nothing is there but what runs.
  void expect_one_copy() const {
    std::ptrdiff_t copies = 0;
    for (const auto& entry : fs::recursive_directory_iterator(staged_.path())) {
      copies += entry.path().filename().string().starts_with("swapped.") ? 1 : 0;
    }
    EXPECT_EQ(copies, 1);
    std::ifstream maps("/proc/self/maps");
    std::set<std::string> mapped;
    for (std::string line; std::getline(maps, line);) {
      if (const auto at = line.find("/swapped."); at != line.npos) mapped.insert(line.substr(at));
    }
    EXPECT_THAT(mapped, ::testing::SizeIs(1)) << ::testing::PrintToString(mapped);
  }

  static plugin::Stage open_stage(const fs::path& folder) {
    auto stage = plugin::Stage::open(folder);
    if (!stage) throw std::runtime_error(stage.error().message);
    return std::move(*stage);
  }

  const sentinel::testing::TempFolder staged_;
  const sentinel::testing::TempFolder sources_;
  const fs::path contents_ = sources_.path();
  boost::asio::io_context control_{1};
  http::Router router_;
  store::Store store_{1 << 14};  // a history that is full before anything is measured
  WorkerPool workers_{2};
  const AgentLabels labels_{{{"instance", "this-host"}}};
  Topology topology_{{control_, workers_, store_, system_clock(), router_, labels_}, open_stage(staged_.path())};
  config::Config config_;
};

TEST_F(SwapSoak, ManySwapsLeaveNothingBehind) {
  const auto [there, back] = there_and_back();
  for (int i = 0; i < warm_up; ++i) ASSERT_TRUE(swap(i % 2 == 0 ? there : back)) << i;
  const Held before;
  const auto runs_before = status().collector.runs;
  const int times = wanted_swaps() / 2 * 2;
  const auto begun = std::chrono::steady_clock::now();
  for (int i = 0; i < times; ++i) ASSERT_TRUE(swap(i % 2 == 0 ? there : back)) << i;
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begun;
  expect_as_before(before, "swaps", times);
  std::printf("%.3f ms each\n", took.count() / times);
  expect_one_copy();
  // Each began with a collection, and the counts went from hand to hand.
  EXPECT_EQ(status().collector.runs, runs_before + static_cast<std::uint64_t>(times));
  EXPECT_EQ(topology_.snapshot().libraries.records_lost, 0U);
}

TEST_F(SwapSoak, ManyRollbacksLeaveNothingBehind) {
  const auto [there, back] = there_and_back();
  const auto there_and_rolled_back = [&, plan = &there] {
    EXPECT_FALSE(apply(*plan).refused);
    finish(topology_.roll_back());
    EXPECT_THAT(topology_.zombies(), IsEmpty());
    return !HasFailure();
  };
  const std::string sha256 = status().spec.sha256;
  for (int i = 0; i < warm_up; ++i) ASSERT_TRUE(there_and_rolled_back()) << i;
  const Held before;
  const int times = wanted_swaps() / 10;
  for (int i = 0; i < times; ++i) ASSERT_TRUE(there_and_rolled_back()) << i;
  expect_as_before(before, "rollbacks", times);
  expect_one_copy();
  EXPECT_EQ(status().spec.sha256, sha256);
}

}  // namespace
}  // namespace sentinel::runtime
