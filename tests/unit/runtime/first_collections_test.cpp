#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <latch>
#include <sentinel/collector.hpp>

#include "core/runtime/topology.hpp"
#include "tests/support/process.hpp"

namespace sentinel::runtime {
namespace {

std::latch* slow_may_go = nullptr;
std::atomic<int> quick_collections = 0;

class Slow {
 public:
  Slow(const Config&, Host&) {}
  Result<void> collect(Batch&) {
    slow_may_go->wait();
    return {};
  }
};

class Quick {
 public:
  Quick(const Config&, Host&) {}
  Result<void> collect(Batch&) {
    ++quick_collections;
    return {};
  }
};

InstanceSpec collector(std::string name, const sentinel_plugin* plugin) {
  InstanceSpec spec;
  spec.name = spec.plugin = std::move(name);
  spec.built_in = plugin;
  spec.every = std::chrono::milliseconds(20);
  spec.deadline = std::chrono::minutes(1);
  spec.series_limit = 10;
  return spec;
}

PluginInfo info(std::string_view name) {
  return {.name = name, .version = "1.0.0", .licence = "Apache-2.0", .summary = "For this test."};
}

TEST(FirstCollections, ASlowOneCostsTheOthersNoTick) {
  std::latch go(1);
  slow_may_go = &go;
  quick_collections = 0;
  const sentinel::testing::TempFolder folder;
  auto stage = plugin::Stage::open(folder.path());
  ASSERT_TRUE(stage);
  boost::asio::io_context control{1};
  http::Router router;
  store::Store store{1 << 14};
  WorkerPool workers{2};
  const AgentLabels labels{{}};
  Topology topology{{control, workers, store, system_clock(), router, labels}, std::move(*stage)};
  Plan plan;
  plan.instances = {collector("slow", detail::collector_entry<Slow>(info("slow"))),
                    collector("quick", detail::collector_entry<Quick>(info("quick"))),
                    collector("self", detail::collector_entry<Quick>(info("self")))};
  plan.steps = {{"collector", "slow", Action::added, ""}, {"collector", "quick", Action::added, ""}};
  bool applied = false;
  const auto done = [&](const std::exception_ptr&, const Verdict&) { applied = true; };
  boost::asio::co_spawn(control, topology.apply(std::move(plan)), done);
  boost::asio::steady_timer limit(control, sentinel::testing::patience);
  bool over = false;
  limit.async_wait([&](const auto& failed) { over = !failed; });
  while (quick_collections < 3 && !over) control.run_one();
  EXPECT_FALSE(over) << "it collected " << quick_collections << " times while another did not return";
  EXPECT_FALSE(applied);
  go.count_down();
  while (!applied) control.run_one();
  applied = false;
  boost::asio::co_spawn(control, topology.apply({}), done);
  while (!applied) control.run_one();
}

}  // namespace
}  // namespace sentinel::runtime
