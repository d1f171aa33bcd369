#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <set>
#include <thread>

#include "tests/unit/plugins/ebpf_tcpstate/tcpstate_rig.hpp"

namespace {

using sentinel::testing::make_traffic;
using sentinel::testing::NetworkNamespaces;
using sentinel::testing::TcpPort;
using sentinel::testing::TcpShape;
using std::chrono::seconds;

/// Connections in the background until told to stop.
class Generator {
 public:
  explicit Generator(const NetworkNamespaces& network)
      : thread_([this, &network] {
          network.run_in(NetworkNamespaces::left, [this] {
            auto port = TcpPort::listen({});
            ASSERT_TRUE(port) << port.error().message;
            // Bounded, should nobody ever stop it.
            const auto latest = std::chrono::steady_clock::now() + std::chrono::seconds(90);
            for (int round = 0; !stop_ && std::chrono::steady_clock::now() < latest; ++round) {
              const auto shape = round % 2 == 0 ? TcpShape::graceful : TcpShape::reset;
              const auto done = make_traffic(*port, {.shape = shape, .count = 4});
              ASSERT_TRUE(done) << done.error().message;
              transitions_ += done->transitions;
              ++rounds_;
            }
            over_ = true;
          });
        }) {}
  ~Generator() { stop(); }
  Generator(const Generator&) = delete;
  Generator& operator=(const Generator&) = delete;

  /// Waits for a round that began after this was called.
  void wait_for_a_round() const {
    for (const auto before = rounds_.load(); rounds_ < before + 2 && !over_;) std::this_thread::yield();
  }
  /// All that it made, the listener's included.
  std::uint64_t stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
    return transitions_ + sentinel::testing::transitions_of_a_listener;
  }

 private:
  std::atomic<bool> stop_ = false;
  std::atomic<bool> over_ = false;
  std::atomic<std::uint64_t> transitions_ = 0;
  std::atomic<std::uint64_t> rounds_ = 0;
  std::thread thread_;
};

/// The transitions by states, a line each.
std::string by_kind(const rig::Values& values) {
  std::string text;
  for (const auto& [series, value] : values) {
    if (!series.starts_with("sentinel_tcp_transitions_total")) continue;
    text += series + " " + std::to_string(static_cast<std::uint64_t>(value)) + "\n";
  }
  return text;
}

class EbpfTcpstateSwap : public ::testing::Test {
 public:
  /// Swaps under the generator's load, after which nothing may be missing or there twice.
  void swap(int times);

 protected:
  void SetUp() override {
    SENTINEL_REQUIRE_BPF();
    SENTINEL_REQUIRE_NETWORK_NAMESPACES();
    auto made = NetworkNamespaces::make();
    ASSERT_TRUE(made) << made.error().message;
    network_.emplace(std::move(*made));
  }

  /// As the runtime prepares it beside the one that runs: created, and told what is wanted.
  std::unique_ptr<rig::Plugin> prepare(const rig::ConfigValues& more = {}) {
    std::set<std::string> leaving = names_;
    const auto name = "generation_" + std::to_string(names_.size() + 1);
    names_.insert(name);
    auto made = std::make_unique<rig::Plugin>(store_, "ebpf_tcpstate", tcpstate::config(*network_, more), name,
                                              std::move(leaving));
    made->offer({{.event = tcpstate::event}});
    return made;
  }

  sentinel::store::Store store_{0};
  std::optional<NetworkNamespaces> network_;
  std::set<std::string> names_;
};

void EbpfTcpstateSwap::swap(int times) {
  // Room for all that the generator makes while nobody reads, between a successor's beginning and its end.
  const rig::ConfigValues roomy = {{"ring", "64MiB"}, {"stacks", "none"}};
  auto running = prepare(roomy);
  ASSERT_TRUE(running->start());
  // Beside it one that is never swapped: what it counts is what happened, whatever the kernel made of the traffic.
  sentinel::store::Store control_store{0};
  rig::Plugin control(control_store, "ebpf_tcpstate", tcpstate::config(*network_));
  ASSERT_TRUE(control.start());
  std::uint64_t handed_over = 0;
  const auto read = [&](rig::Plugin& from) {
    for (const auto& event : from.ready()) handed_over += event.count;
    return from.lost();
  };
  std::uint64_t lost = 0;
  Generator generator(*network_);
  for (int done = 0; done < times; ++done) {
    generator.wait_for_a_round();
    auto successor = prepare(roomy);
    lost += read(*running);
    const auto state = running->save();
    ASSERT_TRUE(state) << state.error().message;
    ASSERT_TRUE(successor->restore(*state));
    ASSERT_TRUE(successor->start());
    running = std::move(successor);
    lost += read(*running);
  }
  generator.stop();
  ASSERT_TRUE(control.collect(seconds(1000)));
  const auto happened = rig::values(control_store);
  const auto made = tcpstate::sum(happened, "sentinel_tcp_transitions_total");
  for (auto before = handed_over + 1; before != handed_over;) {  // a read takes a part of what there is
    before = handed_over;
    lost += read(*running);
  }

  ASSERT_TRUE(running->collect(seconds(1000)));
  const auto values = rig::values(store_);
  const auto seen = tcpstate::sum(values, "sentinel_tcp_transitions_total");
  EXPECT_EQ(handed_over + lost, seen);
  // The kernel may have missed an event for either of them, each by itself. It says how many, but not whose they were:
  // those of other network namespaces, which neither counts, are among them.
  const auto missed = tcpstate::sum(values, "sentinel_bpf_missed_total");
  const auto missed_by_control = tcpstate::sum(happened, "sentinel_bpf_missed_total");
  EXPECT_LE(made, seen + missed);
  EXPECT_LE(seen, made + missed_by_control);
  if (missed == 0 && missed_by_control == 0) {
    EXPECT_EQ(by_kind(values), by_kind(happened));
  }
  EXPECT_EQ(tcpstate::sum(values, "sentinel_bpf_gaps_total"), 0U);
  EXPECT_TRUE(tcpstate::balances(values));
}

TEST_F(EbpfTcpstateSwap, a_hundred_swaps_under_load_lose_nothing_and_count_nothing_twice) {
  swap(100);
}

// For machines on which a hundred take too long.
TEST_F(EbpfTcpstateSwap, three_swaps_under_load_lose_nothing_and_count_nothing_twice) {
  swap(3);
}

TEST_F(EbpfTcpstateSwap, a_swap_that_comes_to_nothing_costs_nothing) {
  auto running = prepare();
  ASSERT_TRUE(running->start());
  Generator generator(*network_);
  for (int swap = 0; swap < 20; ++swap) {
    generator.wait_for_a_round();
    auto successor = prepare();
    const auto state = running->save();
    ASSERT_TRUE(state) << state.error().message;
    ASSERT_TRUE(successor->restore(*state));
    ASSERT_TRUE(successor->start());  // the stubs lead to it now
    ASSERT_TRUE(running->resume());
    successor.reset();
  }
  const auto made = generator.stop();
  ASSERT_TRUE(running->collect(seconds(1000)));
  const auto values = rig::values(store_);
  const auto seen = tcpstate::sum(values, "sentinel_tcp_transitions_total");
  EXPECT_LE(seen, made);
  EXPECT_LE(made, seen + tcpstate::sum(values, "sentinel_bpf_missed_total"));
}

TEST_F(EbpfTcpstateSwap, a_state_of_nobody_is_a_gap_that_is_told) {
  auto running = prepare();
  ASSERT_TRUE(running->start());
  auto state = running->save();
  ASSERT_TRUE(state);
  running.reset();  // with all descriptors
  auto successor = prepare();
  ASSERT_TRUE(successor->restore(*state));
  ASSERT_TRUE(successor->start());
  ASSERT_TRUE(successor->collect(seconds(1000)));
  EXPECT_EQ(tcpstate::sum(rig::values(store_), "sentinel_bpf_gaps_total"), 1U);
  EXPECT_THAT(successor->log(), ::testing::Contains(::testing::HasSubstr("counting begins anew")));
}

}  // namespace
