#include "core/runtime/chain.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <functional>
#include <latch>
#include <map>
#include <sentinel/config.hpp>
#include <string>
#include <utility>

#include "core/config/config.hpp"
#include "tests/support/process.hpp"

namespace sentinel::runtime {
namespace {

using namespace std::chrono_literals;
using sentinel::testing::patience;
using sentinel::testing::TempFolder;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ManualClock final : public Clock {
 public:
  [[nodiscard]] std::uint64_t boottime_ns() const override { return now_ns; }
  [[nodiscard]] std::int64_t unix_ns() const override {
    return 1'700'000'000'000'000'000 + static_cast<std::int64_t>(now_ns.load());
  }
  std::atomic<std::uint64_t> now_ns = 1'000'000'000'000;
};

config::Pipeline alert_on(const std::string& name, const std::string& filter, const std::string& when) {
  config::Pipeline pipeline;
  pipeline.name = name;
  pipeline.filter = config::Text{filter, {}, false};
  config::Window window;
  window.over = 5s;
  window.fn = "last";
  pipeline.windows.push_back(window);
  config::Alert alert;
  alert.when = config::Text{when, {}, false};
  pipeline.alert = alert;
  pipeline.alerts_to = {"incident"};
  return pipeline;
}

/// A chain with a collector of one gauge, `load{cpu}`, whose time is the test's.
class ChainTest : public ::testing::Test {
 protected:
  ChainTest() { start(); }
  ~ChainTest() override { workers_.join(); }

  void start() {
    chain_ = std::make_unique<Chain>(control_, workers_, store_, clock_, rules::Labels{{"instance", "a-host"}},
                                     AlertStateFile(folder_ / "alerts.json"));
    chain_->connect({[this](const auto& notice) { notices_.push_back(notice); },
                     [this](const auto& pipeline, const auto& batch) { batches_.emplace_back(pipeline, batch); }});
  }

  /// A new process over the same state.
  void restart() {
    run(chain_->stop());
    chain_.reset();
    notices_.clear();
    start();
  }

  void run(boost::asio::awaitable<void> task) {
    bool done = false;
    boost::asio::co_spawn(control_, std::move(task), [&](const std::exception_ptr&) { done = true; });
    ASSERT_TRUE(until([&] { return done; }));
  }

  [[nodiscard]] bool until(const std::function<bool()>& condition) {
    const auto limit = std::chrono::steady_clock::now() + patience;
    while (!condition() && std::chrono::steady_clock::now() < limit) {
      control_.restart();
      control_.run_one_for(20ms);
    }
    return condition();
  }

  void set_rules(const std::vector<config::Pipeline>& pipelines) {
    Chain::Rules rules;
    std::vector<config::Diagnostic> mistakes;
    for (const auto& pipeline : pipelines) rules.push_back(rules::compile(pipeline, mistakes));
    ASSERT_TRUE(mistakes.empty()) << config::to_string(mistakes[0]);
    run(chain_->set_rules(std::move(rules)));
  }

  /// One collection of `load`, five seconds after the last, and the time at which its window has closed.
  void collect(std::vector<std::pair<std::string, double>> loads) {
    tick_ns_ += 5'000'000'000;
    chain_->deliver(batch(std::move(loads)));
    // By the chain itself: what it had to do before has the time before.
    behind_all([this](const rules::Engine&) { clock_.now_ns = tick_ns_ + 300'000'000; });
  }

  /// Runs that in the chain behind all that it was given, to its end.
  void behind_all(const std::function<void(const rules::Engine&)>& job) {
    std::atomic<bool> done = false;
    chain_->read([&](const rules::Engine& engine) {
      job(engine);
      done = true;
    });
    EXPECT_TRUE(until([&] { return done.load(); }));
  }

  SinkQueue::Batch batch(std::vector<std::pair<std::string, double>> loads) {
    auto made = std::make_shared<store::RecordBatch>(*producer_);
    made->reset(tick_ns_, 5'000'000'000);
    for (const auto& [cpu, load] : loads) {
      const sentinel_string label = to_abi(cpu);
      sentinel_record record = {};
      record.size = sizeof(record);
      record.metric = *metric_;
      record.series = *made->series(*metric_, &label, 1);
      record.value = load;
      EXPECT_TRUE(made->append(record));
    }
    producer_->commit(*made);
    return made;
  }

  /// Alerts of the engine by the label `cpu`, with their states.
  std::map<std::string, std::string> alerts() {
    std::map<std::string, std::string> found;
    behind_all([&](const rules::Engine& engine) {
      for (const auto& alert : engine.alerts()) found[alert.labels.at("cpu")] = rules::to_string(alert.state);
    });
    return found;
  }

  /// As long as between two saves of what is less urgent. No more than that: the chain has done all before.
  void a_second_passes() {
    clock_.now_ns += 1'000'000'000;
    (void)alerts();
  }

  AlertState saved() {
    auto state = AlertStateFile(folder_ / "alerts.json").load();
    EXPECT_TRUE(state);
    return state ? std::move(*state) : AlertState();
  }

  const TempFolder folder_;
  boost::asio::io_context control_{1};
  WorkerPool workers_{2};
  ManualClock clock_;
  std::uint64_t tick_ns_ = clock_.now_ns;
  store::Store store_{1U << 20U};
  std::unique_ptr<store::Producer> producer_ = store_.producer("cpu", {}, 100);
  Result<store::MetricId> metric_ = producer_->declare({MetricKind::gauge, "load", "Load.", {}, {"cpu"}, {}});
  std::unique_ptr<Chain> chain_;
  std::vector<std::shared_ptr<const Notice>> notices_;
  std::vector<std::pair<std::string, SinkQueue::Batch>> batches_;
};

using Load = std::pair<std::string, double>;

TEST_F(ChainTest, TellsSinksWhenAnAlertFiresAndWhenItIsResolved) {
  set_rules({alert_on("high_load", "load", "> 2")});
  collect({{"0", 1}, {"1", 3}});
  ASSERT_TRUE(until([&] { return notices_.size() == 1; }));
  EXPECT_TRUE(notices_[0]->firing);
  EXPECT_EQ(notices_[0]->labels.at("cpu"), "1");
  EXPECT_EQ(notices_[0]->labels.at("alertname"), "high_load");
  EXPECT_EQ(notices_[0]->labels.at("instance"), "a-host");
  EXPECT_EQ(notices_[0]->metric, "load");
  EXPECT_EQ(notices_[0]->value, 3);
  EXPECT_THAT(notices_[0]->sinks, ElementsAre("incident"));
  EXPECT_THAT(alerts(), ElementsAre(std::pair("1", "firing")));

  collect({{"0", 1}, {"1", 1}});
  ASSERT_TRUE(until([&] { return notices_.size() == 2; }));
  EXPECT_FALSE(notices_[1]->firing);
  EXPECT_EQ(notices_[1]->reason, "resolved");
  EXPECT_EQ(notices_[1]->fingerprint, notices_[0]->fingerprint);
  EXPECT_THAT(alerts(), IsEmpty());
}

TEST_F(ChainTest, HasAnAlertOnDiskBeforeAnySinkHearsOfIt) {
  set_rules({alert_on("high_load", "load", "> 2")});
  std::size_t on_disk = 0;
  chain_->connect({[&](const auto& notice) {
                     on_disk = saved().pending.size();
                     notices_.push_back(notice);
                   },
                   [](const auto&, const auto&) {}});
  collect({{"0", 3}, {"1", 4}});
  ASSERT_TRUE(until([&] { return notices_.size() == 2; }));
  EXPECT_EQ(on_disk, 2U);
  for (const auto& notice : notices_) chain_->taken(notice->id, "incident");
  EXPECT_TRUE(until([&] { return a_second_passes(), saved().pending.empty(); }));
}

TEST_F(ChainTest, GoesOnAfterARestartAndTellsOnlyWhatNoSinkHadTaken) {
  const auto rule = alert_on("high_load", "load", "> 2");
  set_rules({rule});
  collect({{"0", 3}, {"1", 4}});
  ASSERT_TRUE(until([&] { return notices_.size() == 2; }));
  const auto first = notices_;
  const std::size_t taken = first[0]->labels.at("cpu") == "0" ? 0 : 1;
  chain_->taken(first[taken]->id, "incident");
  restart();

  set_rules({rule});
  EXPECT_THAT(alerts(), ElementsAre(std::pair("0", "firing"), std::pair("1", "firing")));
  chain_->hand_out_pending();
  ASSERT_TRUE(until([&] { return notices_.size() == 1; }));
  EXPECT_EQ(notices_[0]->id, first[1 - taken]->id);
  EXPECT_EQ(notices_[0]->starts_at_ns, first[1 - taken]->starts_at_ns);

  // Still the same fault: nothing is new about it.
  collect({{"0", 3}, {"1", 4}});
  EXPECT_THAT(alerts(), ElementsAre(std::pair("0", "firing"), std::pair("1", "firing")));
  collect({{"0", 1}, {"1", 1}});
  ASSERT_TRUE(until([&] { return notices_.size() == 3; }));
  EXPECT_FALSE(notices_[1]->firing);
  EXPECT_FALSE(notices_[2]->firing);
  EXPECT_GT(notices_[1]->id, first[1]->id);
}

TEST_F(ChainTest, HasOnDiskWhatIsPendingAndWhatIsNoMore) {
  auto rule = alert_on("high_load", "load", "> 2");
  rule.alert->hold = 1h;
  set_rules({rule});
  // No notice tells of it, so nothing but time has it saved.
  const auto on_disk = [this](const char* state) {
    return saved().engine.find("\"state\":\"" + std::string(state) + "\"") != std::string::npos;
  };
  collect({{"0", 3}});
  ASSERT_TRUE(until([&] { return on_disk("pending"); }));
  collect({{"0", 1}});
  EXPECT_TRUE(until([&] { return a_second_passes(), !on_disk("pending"); }));
  EXPECT_THAT(notices_, IsEmpty());
}

TEST_F(ChainTest, BeginsAnewWhenTheStateIsDamaged) {
  sentinel::testing::write_text(folder_ / "alerts.json", "{");
  set_rules({alert_on("high_load", "load", "> 2")});
  collect({{"0", 3}});
  EXPECT_TRUE(until([&] { return notices_.size() == 1; }));
}

TEST_F(ChainTest, CountsAndTellsWhatAFullQueueDrops) {
  set_rules({alert_on("high_load", "load", "> 2")});
  std::latch may_go(1);
  chain_->read([&](const rules::Engine&) { may_go.wait(); });
  tick_ns_ += 5'000'000'000;
  const auto one = batch({{"0", 3}});
  for (int i = 0; i < 1030; ++i) chain_->deliver(one);
  EXPECT_GT(chain_->stats().dropped_records, 0U);
  const auto dropped = chain_->stats().dropped_records;
  may_go.count_down();
  ASSERT_TRUE(until([&] { return chain_->stats().records + dropped == 1030; }));
  collect({{"0", 3}});
  ASSERT_TRUE(until([&] { return !notices_.empty(); }));
  EXPECT_EQ(notices_[0]->lost, dropped);
}

TEST_F(ChainTest, EmitsTheValuesOfAWindowAsSeries) {
  config::Pipeline pipeline = alert_on("busiest", "load", "> 0");
  pipeline.alert.reset();
  pipeline.alerts_to.clear();
  pipeline.to = {"prometheus"};
  pipeline.windows[0].name = "busiest_load";
  pipeline.windows[0].agg = "max";
  set_rules({pipeline});
  collect({{"0", 3}, {"1", 5}});
  ASSERT_TRUE(until([&] { return !batches_.empty(); }));
  EXPECT_EQ(batches_[0].first, "busiest");
  const auto view = store_.view([](std::string_view instance) { return instance == "pipeline:busiest"; });
  const auto abi = view.abi();
  ASSERT_EQ(abi.family_count, 1U);
  EXPECT_EQ(from_abi(abi.families[0].name), "busiest_load");
  EXPECT_EQ(abi.families[0].series[0].value, 5);

  set_rules({});
  EXPECT_EQ(store_.view([](std::string_view instance) { return instance == "pipeline:busiest"; }).series_count(), 0U);
}

TEST_F(ChainTest, LetsTheRecordsOfAFilterThrough) {
  config::Pipeline pipeline;
  pipeline.name = "second_cpu";
  pipeline.filter = config::Text{R"(load{cpu="1"})", {}, false};
  pipeline.to = {"archive"};
  set_rules({pipeline});
  collect({{"0", 3}, {"1", 5}, {"2", 7}});
  ASSERT_TRUE(until([&] { return !batches_.empty(); }));
  const auto& [name, batch] = batches_[0];
  EXPECT_EQ(name, "second_cpu");
  ASSERT_EQ(batch->records().size(), 1U);
  const auto delivery = batch->delivery();
  EXPECT_EQ(from_abi(delivery.labels(&delivery, delivery.records)[0]), "1");
  EXPECT_EQ(from_abi(delivery.metric(&delivery, delivery.records)->name), "load");
  EXPECT_EQ(batch->records()[0].value, 5);
}

TEST_F(ChainTest, KeepsAnAlertWhenItsThresholdChanges) {
  set_rules({alert_on("high_load", "load", "> 2")});
  collect({{"0", 3}});
  ASSERT_TRUE(until([&] { return notices_.size() == 1; }));
  set_rules({alert_on("high_load", "load", "> 1")});
  EXPECT_THAT(alerts(), ElementsAre(std::pair("0", "firing")));
  collect({{"0", 3}});
  set_rules({alert_on("high_load", "load", "> 100")});
  collect({{"0", 3}});
  ASSERT_TRUE(until([&] { return notices_.size() == 2; }));
  EXPECT_FALSE(notices_[1]->firing);
  EXPECT_EQ(notices_[1]->reason, "resolved");
}

}  // namespace
}  // namespace sentinel::runtime
