#include "core/runtime/topology.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <filesystem>
#include <functional>
#include <latch>
#include <map>
#include <sentinel/collector.hpp>
#include <sentinel/sink.hpp>

#include "core/plugin/loader.hpp"
#include "core/runtime/plan.hpp"

namespace sentinel::runtime {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::UnorderedElementsAre;

/// What the two plugins below did; reset by the test that uses them.
std::atomic<int> emitted = 0;
std::atomic<int> consumed = 0;
std::latch* consume_may_go = nullptr;

class OneSample {
 public:
  OneSample(const Config&, Host& host) : one_(host.gauge({"one", "One sample a collection."})) {}
  Result<void> collect(Batch& batch) {
    batch.add(one_, ++emitted);
    return {};
  }

 private:
  Gauge<> one_;
};

class SlowSink {
 public:
  SlowSink(const Config&, Host&) {}
  Result<void> consume(const Records& records) {
    consume_may_go->wait();
    consumed += static_cast<int>(records.size());
    return {};
  }
};

PluginInfo info(std::string_view name) {
  return {.name = name, .version = "1.0.0", .licence = "Apache-2.0", .summary = "For this test."};
}

InstanceSpec built_in(std::string name, Kind kind, const sentinel_plugin* plugin) {
  InstanceSpec spec;
  spec.name = spec.plugin = std::move(name);
  spec.kind = kind;
  spec.built_in = plugin;
  spec.every = std::chrono::milliseconds(20);
  spec.deadline = std::chrono::minutes(1);
  spec.series_limit = 10;
  spec.queue = 100;
  return spec;
}

/// A topology on a control loop of its own, with shipped plugins that read a fixture tree.
class TopologyTest : public testing::Test {
 protected:
  TopologyTest() {
    config_.agent.plugin_path = {SENTINEL_BINARY_DIR "/plugins"};
    config::Sink sink;
    sink.name = sink.plugin = "prometheus";
    config_.sinks.push_back(sink);
  }

  ~TopologyTest() override {
    apply(stop_plan(topology_.config()));
    std::filesystem::remove_all(folder_);
  }

  void add_collector(const std::string& name, const std::string& plugin,
                     std::chrono::nanoseconds every = std::chrono::hours(1)) {
    config::Collector collector;
    collector.name = name;
    collector.plugin = plugin;
    collector.every = every;
    config_.collectors.push_back(collector);
    config::Pipeline pipeline;
    pipeline.name = name;
    pipeline.from = {name};
    pipeline.to = {"prometheus"};
    config_.pipelines.push_back(pipeline);
  }

  void remove_collector(const std::string& name) {
    std::erase_if(config_.collectors, [&](const auto& collector) { return collector.name == name; });
    std::erase_if(config_.pipelines, [&](const auto& pipeline) { return pipeline.name == name; });
  }

  /// Runs the control loop, which may have run out of work before.
  void run_until(const std::function<bool()>& done) {
    control_.restart();
    while (!done() && control_.run_one() > 0) {
    }
    ASSERT_TRUE(done()) << "the control loop has nothing left to do";
  }

  Verdict apply(Plan plan) {
    Verdict verdict;
    bool done = false;
    boost::asio::co_spawn(control_, topology_.apply(std::move(plan)), [&](const std::exception_ptr&, Verdict made) {
      verdict = std::move(made);
      done = true;
    });
    run_until([&] { return done; });
    return verdict;
  }

  /// Makes the topology what config_ says.
  Verdict apply() {
    auto planned = make_plan(topology_.config(), config_, SENTINEL_BINARY_DIR "/sentinel");
    EXPECT_TRUE(planned.ok()) << (planned.diagnostics.empty() ? "" : config::to_string(planned.diagnostics[0]));
    return apply(std::move(planned.plan));
  }

  std::string rendered() {
    std::optional<std::string> text;
    topology_.render([&](const Result<std::string>& made) {  // on a worker
      boost::asio::post(control_, [&, made] { text = made ? *made : made.error().message; });
    });
    run_until([&] { return text.has_value(); });
    return *text;
  }

  std::map<std::string, InstanceStatus> status() {
    std::map<std::string, InstanceStatus> all;
    for (auto& status : topology_.status()) all.emplace(status.spec.name, status);
    return all;
  }

  static std::filesystem::path make_folder() {
    std::string name = testing::TempDir() + "topology.XXXXXX";
    return mkdtemp(name.data());
  }

  static plugin::Stage open_stage(const std::filesystem::path& folder) {
    auto stage = plugin::Stage::open(folder);
    if (!stage) throw std::runtime_error(stage.error().message);
    return std::move(*stage);
  }

  const std::filesystem::path folder_ = make_folder();
  boost::asio::io_context control_{1};
  http::Router router_;
  store::Store store_{1 << 20};
  WorkerPool workers_{2};
  const AgentLabels labels_{{{"instance", "this-host"}}};
  Topology topology_{{control_, workers_, store_, system_clock(), router_, labels_}, open_stage(folder_)};
  config::Config config_;
};

TEST_F(TopologyTest, StartTakesAFirstCollectionOfEach) {
  add_collector("cpu", "proc_cpu");
  add_collector("tcp", "proc_tcp");
  EXPECT_FALSE(topology_.ready());
  const Verdict verdict = apply();
  EXPECT_THAT(verdict.started, UnorderedElementsAre("cpu", "tcp", "self", "prometheus"));
  EXPECT_THAT(verdict.not_running, IsEmpty());
  EXPECT_TRUE(topology_.ready());
  const std::string text = rendered();
  EXPECT_THAT(text, HasSubstr("sentinel_loadavg{interval=\"load1\"}"));
  EXPECT_THAT(text, HasSubstr("sentinel_tcp_connections{state=\"listen\"}"));
  EXPECT_EQ(status().at("cpu").collector.runs, 1U);
}

TEST_F(TopologyTest, AChangeTouchesOnlyWhatChanged) {
  add_collector("cpu", "proc_cpu");
  add_collector("tcp", "proc_tcp");
  apply();
  const auto before = status();

  remove_collector("tcp");
  add_collector("processes", "proc_zombie");
  const Verdict verdict = apply();
  EXPECT_THAT(verdict.started, ElementsAre("processes"));
  EXPECT_THAT(verdict.stopped, ElementsAre("tcp"));
  const auto after = status();
  for (const auto* name : {"cpu", "self", "prometheus"}) {
    EXPECT_EQ(after.at(name).generation, before.at(name).generation) << name;
    EXPECT_EQ(after.at(name).started_unix_ns, before.at(name).started_unix_ns) << name;
  }
  EXPECT_FALSE(after.contains("tcp"));
  const std::string text = rendered();
  EXPECT_THAT(text, HasSubstr("sentinel_loadavg"));
  EXPECT_THAT(text, HasSubstr("sentinel_process_count"));
  EXPECT_THAT(text, Not(HasSubstr("sentinel_tcp_connections"))) << "its series ended with it";
}

TEST_F(TopologyTest, AChangedInstanceIsANewGeneration) {
  add_collector("cpu", "proc_cpu");
  apply();
  const auto before = status().at("cpu");
  config_.collectors[0].every = std::chrono::hours(2);
  const Verdict verdict = apply();
  EXPECT_THAT(verdict.started, ElementsAre("cpu"));
  EXPECT_THAT(verdict.stopped, ElementsAre("cpu"));
  EXPECT_GT(status().at("cpu").generation, before.generation);
  EXPECT_THAT(rendered(), HasSubstr("sentinel_loadavg"));
}

TEST_F(TopologyTest, AnEqualConfigurationChangesNothing) {
  add_collector("cpu", "proc_cpu");
  apply();
  const auto generation = status().at("cpu").generation;
  const Verdict verdict = apply();
  EXPECT_THAT(verdict.started, IsEmpty());
  EXPECT_THAT(verdict.stopped, IsEmpty());
  EXPECT_EQ(status().at("cpu").generation, generation);
}

TEST_F(TopologyTest, WhatCannotBeCreatedIsShownAndTheRestRuns) {
  add_collector("cpu", "proc_cpu");
  add_collector("ghost", "proc_missing");
  config_.collectors[1].optional = true;
  const Verdict verdict = apply();
  ASSERT_EQ(verdict.not_running.size(), 1U);
  EXPECT_EQ(verdict.not_running[0].first, "ghost");
  EXPECT_EQ(status().at("ghost").state, State::unavailable);
  EXPECT_EQ(status().at("cpu").state, State::running);
}

TEST_F(TopologyTest, CollectsAtEachMultipleOfTheInterval) {
  add_collector("cpu", "proc_cpu", std::chrono::milliseconds(100));
  apply();
  run_until([&] { return status().at("cpu").collector.runs >= 4; });
  for (const auto& track : store_.history("sentinel_processes_running", 0, UINT64_MAX)) {
    // The first collection is taken at once, the others on the multiples.
    for (std::size_t i = 1; i < track.samples.size(); ++i) EXPECT_EQ(track.samples[i].time_ns % 100'000'000, 0U);
  }
}

TEST_F(TopologyTest, StopLeavesNothingBehind) {
  const auto baseline = plugin::loader_counts().mapped();
  add_collector("cpu", "proc_cpu");
  add_collector("tcp", "proc_tcp");
  apply();
  EXPECT_NE(plugin::loader_counts().mapped(), baseline);
  const Verdict verdict = apply(stop_plan(topology_.config()));
  EXPECT_THAT(verdict.stopped, UnorderedElementsAre("cpu", "tcp", "self", "prometheus"));
  EXPECT_THAT(verdict.hanging, IsEmpty());
  EXPECT_FALSE(topology_.ready());
  EXPECT_THAT(topology_.status(), IsEmpty());
  EXPECT_EQ(store_.stats().series, 0U);
  EXPECT_EQ(plugin::loader_counts().mapped(), baseline);
  EXPECT_EQ(router_.find("GET", "/metrics").entry, nullptr);
}

TEST_F(TopologyTest, ASinkTakesWhatItsQueueHoldsBeforeItStops) {
  std::latch go(1);
  consume_may_go = &go;
  emitted = consumed = 0;
  Plan plan;
  plan.config.collectors.emplace_back().name = "one";
  plan.config.sinks.emplace_back().name = "slow";
  auto& pipeline = plan.config.pipelines.emplace_back();
  pipeline.from = {"one"};
  pipeline.to = {"slow"};
  plan.diff = config::diff({}, plan.config);
  plan.instances = {built_in("one", Kind::collector, detail::collector_entry<OneSample>(info("one"))),
                    built_in("slow", Kind::sink, detail::sink_entry<SlowSink>(info("slow")))};
  apply(std::move(plan));
  run_until([&] { return status().at("slow").sink.queued_batches >= 3; });
  go.count_down();
  const Verdict verdict = apply(stop_plan(topology_.config()));
  EXPECT_THAT(verdict.hanging, IsEmpty());
  EXPECT_EQ(consumed, emitted);
}

}  // namespace
}  // namespace sentinel::runtime
