#include "core/runtime/topology.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
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
#include "tests/unit/runtime/control_loop.hpp"

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
    apply(Plan());
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

  void run_until(const std::function<bool()>& done) { runtime::run_until(control_, done); }

  Verdict apply(Plan plan) { return finish(control_, topology_.apply(std::move(plan))); }

  /// Makes the topology what config_ says.
  Verdict apply() {
    auto planned = make_plan(topology_.running(), config_, SENTINEL_BINARY_DIR "/sentinel");
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
  EXPECT_THAT(verdict.stopped, IsEmpty()) << "it goes on, as another";
  EXPECT_TRUE(verdict.probation);
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
  const Verdict verdict = apply(Plan());
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
  plan.steps = {{"collector", "one", Action::added, ""}, {"sink", "slow", Action::added, ""}};
  plan.instances = {built_in("one", Kind::collector, detail::collector_entry<OneSample>(info("one"))),
                    built_in("slow", Kind::sink, detail::sink_entry<SlowSink>(info("slow")))};
  apply(std::move(plan));
  run_until([&] { return status().at("slow").sink.queued_batches >= 3; });
  go.count_down();
  const Verdict verdict = apply(Plan());
  EXPECT_THAT(verdict.hanging, IsEmpty());
  EXPECT_EQ(consumed, emitted);
}

/// What Numbered does; reset by the fixture.
struct Numbers {
  std::atomic<int> fails_in = 0;       // generation in which a call fails, 0: none
  std::atomic<const char*> call = "";  // which: create, start, collect, drain, save, restore
  std::atomic<int> generations = 0;
  std::atomic<int> alive = 0;
  std::vector<double> received;  // by the sink below
  std::mutex mutex;
};
Numbers* numbers = nullptr;

/// A collector whose counter goes on in its successor.
class Numbered {
 public:
  static constexpr std::uint32_t state_version = 1;

  Numbered(const Config&, Host& host)
      : count_(host.counter({"numbered_total", "Counts its collections."})), generation_(++numbers->generations) {
    ++numbers->alive;
    if (const auto failed = step("create"); !failed) {
      --numbers->alive;
      throw PluginError(failed.error());
    }
  }
  Numbered(const Numbered&) = delete;
  Numbered& operator=(const Numbered&) = delete;
  ~Numbered() { --numbers->alive; }

  Result<void> start() { return step("start"); }
  Result<void> collect(Batch& batch) {
    if (auto good = step("collect"); !good) return good;
    batch.add(count_, ++number_);
    return {};
  }
  Result<void> drain(std::chrono::nanoseconds) { return step("drain"); }
  Result<void> save(Writer& out) {
    if (auto good = step("save"); !good) return good;
    out.write(std::to_string(number_));
    return {};
  }
  Result<void> restore(std::uint32_t, std::string_view state) {
    if (auto good = step("restore"); !good) return good;
    number_ = std::stoi(std::string(state));
    return {};
  }

 private:
  Result<void> step(std::string_view call) const {
    if (numbers->fails_in != generation_ || call != numbers->call.load()) return {};
    return Error{Errc::failed, "it was told to"};
  }

  Counter<> count_;
  const int generation_;
  int number_ = 0;
};

class Receiver {
 public:
  Receiver(const Config&, Host&) {}
  Result<void> consume(const Records& records) {
    const std::lock_guard lock(numbers->mutex);
    for (const auto& record : records) numbers->received.push_back(record.value);
    return {};
  }
};

/// Swaps of an instance that keeps state, without files.
class Swap : public TopologyTest {
 protected:
  Swap() {
    numbers = &numbers_;
    start();
  }
  ~Swap() override {
    apply(Plan());
    numbers = nullptr;
  }

  static Plan plan(std::vector<Step> steps) {
    Plan plan;
    plan.config.agent.probation = std::chrono::hours(1);
    plan.config.collectors.emplace_back().name = "numbered";
    plan.config.sinks.emplace_back().name = "receiver";
    auto& pipeline = plan.config.pipelines.emplace_back();
    pipeline.from = {"numbered"};
    pipeline.to = {"receiver"};
    plan.instances = {built_in("numbered", Kind::collector, detail::collector_entry<Numbered>(info("numbered"))),
                      built_in("receiver", Kind::sink, detail::sink_entry<Receiver>(info("receiver")))};
    plan.steps = std::move(steps);
    return plan;
  }
  void start() {
    topology_.on_probation({[this] { over_ = true; }, [this](const auto&, const auto& why) { failure_ = why; }});
    apply(plan({{"collector", "numbered", Action::added, ""}, {"sink", "receiver", Action::added, ""}}));
    run_until([&] { return received().size() >= 2; });
  }
  Verdict swap() {
    return apply(plan({{"collector", "numbered", Action::swapped, ""}, {"sink", "receiver", Action::kept, ""}}));
  }
  void run(boost::asio::awaitable<void> task) { finish(control_, std::move(task)); }
  void fail(int generation, const char* call) {
    numbers_.call = call;
    numbers_.fails_in = generation;
  }
  std::vector<double> received() {
    const std::lock_guard lock(numbers_.mutex);
    return numbers_.received;
  }
  /// After two more, all that came are 1, 2, 3 and so on.
  void expect_no_gap() {
    const std::size_t had = received().size();
    run_until([&] { return received().size() >= had + 2; });
    const auto all = received();
    for (std::size_t i = 0; i < all.size(); ++i) ASSERT_EQ(all[i], static_cast<double>(i + 1));
  }

  Numbers numbers_;
  bool over_ = false;
  std::string failure_;
};

TEST_F(Swap, GoesOnWhereItsPredecessorStopped) {
  const auto before = status();
  const Verdict verdict = swap();
  ASSERT_FALSE(verdict.refused);
  EXPECT_TRUE(verdict.probation);
  const auto after = status();
  EXPECT_GT(after.at("numbered").generation, before.at("numbered").generation);
  EXPECT_GE(after.at("numbered").collector.runs, before.at("numbered").collector.runs) << "its counts go on";
  EXPECT_EQ(after.at("receiver").generation, before.at("receiver").generation);
  expect_no_gap();
  run_until([&] { return over_; });
  EXPECT_EQ(numbers_.alive, 2) << "the old one stands by";
  run(topology_.end_probation());
  EXPECT_EQ(numbers_.alive, 1);
  expect_no_gap();
}

TEST_F(Swap, ASinkTakesOverWhatWaits) {
  const Verdict verdict =
      apply(plan({{"collector", "numbered", Action::kept, ""}, {"sink", "receiver", Action::swapped, ""}}));
  ASSERT_FALSE(verdict.refused);
  expect_no_gap();
}

TEST_F(Swap, BothAtOnce) {
  for (int i = 0; i < 20; ++i) {
    const Verdict verdict =
        apply(plan({{"collector", "numbered", Action::swapped, ""}, {"sink", "receiver", Action::swapped, ""}}));
    ASSERT_FALSE(verdict.refused);
  }
  expect_no_gap();
}

/// Before the switch: nothing happened.
class SwapRefused : public Swap, public ::testing::WithParamInterface<std::tuple<int, const char*, const char*>> {};

TEST_P(SwapRefused, LeavesTheOldOneAsItWas) {
  const auto [generation, call, stage] = GetParam();
  fail(generation, call);
  const auto before = status();
  const Verdict verdict = swap();
  ASSERT_TRUE(verdict.refused);
  EXPECT_EQ(verdict.refused->stage, stage);
  EXPECT_THAT(verdict.refused->reason, HasSubstr("collector 'numbered': "));
  EXPECT_THAT(verdict.refused->reason, HasSubstr("it was told to"));
  EXPECT_FALSE(verdict.probation);
  EXPECT_EQ(numbers_.alive, 1) << "the new one is gone";
  fail(0, "");
  const auto after = status();
  EXPECT_EQ(after.at("numbered").generation, before.at("numbered").generation);
  EXPECT_EQ(after.at("numbered").started_unix_ns, before.at("numbered").started_unix_ns);
  EXPECT_EQ(after.at("numbered").state, State::running);
  expect_no_gap();
  EXPECT_FALSE(swap().refused) << "the next one may be good";
  expect_no_gap();
}

INSTANTIATE_TEST_SUITE_P(Stages, SwapRefused,
                         ::testing::Values(std::tuple(2, "create", "prepare"), std::tuple(1, "drain", "commit"),
                                           std::tuple(1, "save", "commit"), std::tuple(2, "restore", "commit"),
                                           std::tuple(2, "start", "commit")),
                         [](const auto& failing) { return std::string(std::get<1>(failing.param)); });

TEST_F(Swap, WhatFailsInProbationIsRolledBackWithItsState) {
  const Verdict verdict = swap();
  ASSERT_FALSE(verdict.refused);
  fail(2, "collect");
  run_until([&] { return !failure_.empty(); });
  EXPECT_EQ(failure_, "collect: it was told to") << "it is not good at the third of three calls";
  run(topology_.roll_back());
  EXPECT_FALSE(topology_.on_probation());
  EXPECT_EQ(numbers_.alive, 1);
  expect_no_gap();
}

TEST_F(Swap, ARollbackWithoutStateGoesOnFromBefore) {
  ASSERT_FALSE(swap().refused);
  const auto generation = status().at("numbered").generation;
  fail(2, "save");
  run(topology_.roll_back());
  EXPECT_LT(status().at("numbered").generation, generation) << "the one that stood by";
  const std::size_t had = received().size();
  run_until([&] { return received().size() >= had + 2; });
  EXPECT_EQ(numbers_.alive, 1);
}

TEST_F(Swap, ANewChangeEndsTheProbation) {
  ASSERT_FALSE(swap().refused);
  EXPECT_EQ(numbers_.alive, 2);
  ASSERT_FALSE(swap().refused);
  EXPECT_EQ(numbers_.alive, 2) << "the first one is gone";
  expect_no_gap();
}

TEST_F(Swap, AStopEndsTheProbationToo) {
  ASSERT_FALSE(swap().refused);
  const Verdict verdict = apply(Plan());
  EXPECT_THAT(verdict.hanging, IsEmpty());
  EXPECT_EQ(numbers_.alive, 0);
}

TEST_F(TopologyTest, ARenamedCollectorTakesTheSeriesAlong) {
  add_collector("cpu", "proc_cpu");
  apply();
  remove_collector("cpu");
  add_collector("processor", "proc_cpu");
  const Verdict verdict = apply();
  ASSERT_FALSE(verdict.refused) << verdict.refused->reason;
  const std::string text = rendered();
  const auto line = text.find("\nsentinel_loadavg{interval=\"load1\"}");
  ASSERT_NE(line, text.npos);
  EXPECT_EQ(text.find("\nsentinel_loadavg{interval=\"load1\"}", line + 1), text.npos) << "each series once";
}

TEST_F(TopologyTest, ARolledBackRemovalIsUndone) {
  add_collector("cpu", "proc_cpu");
  add_collector("tcp", "proc_tcp", std::chrono::milliseconds(50));
  apply();
  const auto before = status();
  remove_collector("tcp");
  apply();
  EXPECT_THAT(rendered(), Not(HasSubstr("sentinel_tcp_connections")));
  finish(control_, topology_.roll_back());
  EXPECT_EQ(status().at("tcp").generation, before.at("tcp").generation);
  run_until([&] { return status().at("tcp").collector.records > before.at("tcp").collector.records; });
  EXPECT_THAT(rendered(), HasSubstr("sentinel_tcp_connections"));
}

TEST_F(TopologyTest, TwoSinksThatWantOnePathAreRefused) {
  add_collector("cpu", "proc_cpu");
  apply();
  config::Sink twin;
  twin.name = "twin";
  twin.plugin = "prometheus";
  config_.sinks.push_back(twin);
  const Verdict verdict = apply();
  ASSERT_TRUE(verdict.refused);
  EXPECT_EQ(verdict.refused->stage, "prepare");
  EXPECT_THAT(verdict.refused->reason, HasSubstr("/metrics"));
  EXPECT_THAT(rendered(), HasSubstr("sentinel_loadavg"));
}

}  // namespace
}  // namespace sentinel::runtime
