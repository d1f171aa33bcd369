#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <set>
#include <thread>

#include "tests/unit/plugins/ebpf_tcpstate/tcpstate_rig.hpp"

namespace {

using sentinel::testing::make_traffic;
using sentinel::testing::NetworkNamespaces;
using sentinel::testing::TcpDone;
using sentinel::testing::TcpFamily;
using sentinel::testing::TcpPort;
using sentinel::testing::TcpShape;
using sentinel::testing::TcpTraffic;
using std::chrono::seconds;

class EbpfTcpstate : public ::testing::Test {
 protected:
  void SetUp() override {
    SENTINEL_REQUIRE_BPF();
    SENTINEL_REQUIRE_NETWORK_NAMESPACES();
    auto made = NetworkNamespaces::make();
    ASSERT_TRUE(made) << made.error().message;
    network_.emplace(std::move(*made));
  }

  rig::Plugin& plugin(const rig::ConfigValues& more = {}) {
    return plugin_.emplace(store_, "ebpf_tcpstate", tcpstate::config(*network_, more));
  }

  /// Listener and connections on loopback of the left namespace; both are gone when it returns.
  TcpDone traffic(const TcpTraffic& wanted, TcpFamily family = TcpFamily::ipv4, std::uint16_t port = 0) {
    return network_->run_in(NetworkNamespaces::left, [&] {
      const TcpPort::At at{family, sentinel::testing::loopback(family), port};
      auto open = wanted.shape == TcpShape::refused ? TcpPort::refuse(at) : TcpPort::listen(at);
      EXPECT_TRUE(open) << open.error().message;
      auto done = make_traffic(*open, wanted);
      EXPECT_TRUE(done) << done.error().message;
      return *done;
    });
  }

  rig::Values collect() {
    clock_ += seconds(5);
    const auto done = plugin_->collect(clock_);
    EXPECT_TRUE(done) << done.error().message;
    return rig::values(store_);
  }

  std::uint64_t transitions() { return tcpstate::sum(collect(), "sentinel_tcp_transitions_total"); }

  sentinel::store::Store store_{0};
  std::optional<NetworkNamespaces> network_;
  std::optional<rig::Plugin> plugin_;
  std::chrono::nanoseconds clock_ = seconds(1000);
};

TEST_F(EbpfTcpstate, counts_every_transition_of_every_shape_and_family) {
  ASSERT_TRUE(plugin().start());
  std::uint64_t expected = 0;
  for (const auto family : {TcpFamily::ipv4, TcpFamily::ipv6, TcpFamily::v4_mapped}) {
    for (const auto shape : {TcpShape::graceful, TcpShape::half_closed, TcpShape::reset, TcpShape::refused}) {
      const auto done = traffic({.shape = shape, .count = 50}, family);
      expected += done.transitions;
      if (shape != TcpShape::refused) expected += sentinel::testing::transitions_of_a_listener;
      EXPECT_EQ(transitions(), expected) << "family " << static_cast<int>(family) << " shape "
                                         << static_cast<int>(shape);
    }
  }
  EXPECT_TRUE(tcpstate::balances(collect()));
}

TEST_F(EbpfTcpstate, counts_exactly_over_a_link_that_loses_segments) {
  ASSERT_TRUE(plugin().start());
  const auto lossy = network_->drop_segments(NetworkNamespaces::right, 0.05);
  ASSERT_TRUE(lossy) << lossy.error().message;
  std::optional<TcpPort> port;
  network_->run_in(NetworkNamespaces::right, [&] {
    auto open = TcpPort::listen({TcpFamily::ipv4, NetworkNamespaces::ipv4(NetworkNamespaces::right), 0});
    ASSERT_TRUE(open) << open.error().message;
    port.emplace(std::move(*open));
  });
  ASSERT_TRUE(port);
  const auto done = network_->run_in(NetworkNamespaces::left, [&] {
    return make_traffic(*port, {.shape = TcpShape::graceful, .count = 40, .parallel = 8});
  });
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(transitions(), done->transitions + 1);  // the listener still listens
}

TEST_F(EbpfTcpstate, sees_connections_to_a_port_that_live_less_than_a_millisecond) {
  ASSERT_TRUE(plugin({{"ports", "8888"}}).start());
  const auto done = traffic({.shape = TcpShape::graceful, .count = 500}, TcpFamily::ipv4, 8888);
  EXPECT_GT(done.shorter_than_a_millisecond, 0U);
  traffic({.shape = TcpShape::graceful, .count = 20}, TcpFamily::ipv4, 8889);
  const auto values = collect();
  EXPECT_EQ(tcpstate::sum(values, "sentinel_tcp_transitions_total"), done.transitions + 2);
  EXPECT_EQ(values.at("sentinel_tcp_transitions_total{oldstate=\"close\",newstate=\"syn_sent\"}"), 500);
  EXPECT_TRUE(tcpstate::balances(values));
}

TEST_F(EbpfTcpstate, filters_by_prefix_and_state) {
  ASSERT_TRUE(plugin({{"addresses", "10.0.0.0/8"}}).start());
  traffic({.count = 5});
  EXPECT_EQ(transitions(), 0U);

  ASSERT_TRUE(plugin({{"addresses", "127.0.0.0/8,::1"}, {"states", "syn_sent"}}).start());
  traffic({.count = 5});
  traffic({.count = 5}, TcpFamily::ipv6);
  traffic({.count = 5}, TcpFamily::v4_mapped);
  EXPECT_EQ(transitions(), 30U);  // into and out of SYN_SENT
}

TEST_F(EbpfTcpstate, sends_nothing_that_nobody_wants) {
  ASSERT_TRUE(plugin().start());
  EXPECT_FALSE(plugin_->watched());
  traffic({.count = 50});
  EXPECT_TRUE(plugin_->ready().empty());
  const auto values = collect();
  EXPECT_EQ(tcpstate::outcome(values, "submitted"), 0U);
  EXPECT_GT(tcpstate::outcome(values, "filtered"), 0U);
}

TEST_F(EbpfTcpstate, sends_what_is_wanted_with_its_context) {
  plugin({{"stacks", "each"}});
  const auto placed = plugin_->offer({{.event = tcpstate::event, .any_of = {{"newstate", {"syn_sent"}}}}});
  EXPECT_EQ(placed[0].predicates, 1U);
  EXPECT_TRUE(plugin_->watched());
  traffic({.count = 20}, TcpFamily::ipv4, 8888);
  const auto events = plugin_->ready();
  ASSERT_EQ(events.size(), 20U);
  for (const auto& event : events) {
    EXPECT_EQ(event.labels.at("oldstate"), "close");
    EXPECT_EQ(event.labels.at("newstate"), "syn_sent");
    EXPECT_EQ(event.labels.at("family"), "ipv4");
    EXPECT_EQ(event.labels.at("daddr"), "127.0.0.1");
    EXPECT_EQ(event.labels.at("dport"), "8888");
    EXPECT_EQ(event.labels.at("netns"), std::to_string(network_->id(NetworkNamespaces::left)));
    EXPECT_EQ(event.pid, static_cast<std::uint32_t>(getpid()));
    EXPECT_NE(event.tid, 0U);
    EXPECT_EQ(event.ppid, static_cast<std::uint32_t>(getppid()));
    EXPECT_FALSE(event.comm.empty());
    EXPECT_FALSE(event.parent_comm.empty());
    EXPECT_NE(event.start_time_ns, 0U);
    EXPECT_NE(event.cgroup_id, 0U);
    EXPECT_THAT(event.exe, ::testing::HasSubstr("test_ebpf_tcpstate"));
    EXPECT_GT(event.frames, 3U);
  }
  const auto& symbols = events.back().symbols;
  if (!symbols.empty()) {  // addresses are hidden from those without CAP_SYSLOG
    EXPECT_THAT(symbols, ::testing::Contains(::testing::HasSubstr("tcp_v4_connect")));
    EXPECT_THAT(symbols, ::testing::Not(::testing::Contains(::testing::StartsWith("bpf_"))));
  }
  const auto values = collect();
  EXPECT_EQ(tcpstate::outcome(values, "submitted"), 20U);
  EXPECT_EQ(tcpstate::sum(values, "sentinel_bpf_delivered_events_total"), 20U);
  EXPECT_TRUE(tcpstate::balances(values));
}

TEST_F(EbpfTcpstate, knows_who_accepted_a_connection) {
  plugin();
  plugin_->offer({{.event = tcpstate::event, .any_of = {{"newstate", {"close_wait"}}}}});
  ASSERT_TRUE(plugin_->start());
  const auto hooks = plugin_->details("hooks");
  const auto accept =
      std::find_if(hooks.begin(), hooks.end(), [](const auto& row) { return row.at("hook") == "accept"; });
  ASSERT_NE(accept, hooks.end());
  if (accept->at("type") == "none") GTEST_SKIP() << "this kernel lets nobody hook inet_csk_accept";
  traffic({.shape = TcpShape::half_closed, .count = 20});
  const auto events = plugin_->ready();
  ASSERT_EQ(events.size(), 20U);
  for (const auto& event : events) {
    EXPECT_EQ(event.pid, static_cast<std::uint32_t>(getpid()));
    EXPECT_FALSE(event.comm.empty());
  }
}

TEST_F(EbpfTcpstate, measures_times_in_states) {
  plugin();
  plugin_->offer({{.event = tcpstate::event, .any_of = {{"newstate", {"close"}}, {"oldstate", {"fin_wait2"}}}}});
  ASSERT_TRUE(plugin_->start());
  const auto begun = std::chrono::steady_clock::now();
  traffic({.count = 10});
  const auto took = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  const auto events = plugin_->ready();
  EXPECT_EQ(events.size(), 10U);
  for (const auto& event : events) {
    EXPECT_GT(event.value, 0);
    EXPECT_LT(event.value, took);
  }
}

TEST_F(EbpfTcpstate, folds_a_count_in_the_kernel_and_sends_one_event_for_its_context) {
  plugin();
  constexpr auto pane = std::chrono::milliseconds(200);
  const auto placed = plugin_->offer({{.event = tcpstate::event,
                                       .any_of = {{"oldstate", {"close"}}, {"newstate", {"syn_sent"}}},
                                       .fold = SENTINEL_FOLD_COUNT,
                                       .by = {"pid", "dport"},
                                       .pane = pane,
                                       .threshold = 50,
                                       .id = 7}});
  EXPECT_EQ(placed[0].folds, 1U) << placed[0].reason;
  ASSERT_TRUE(plugin_->start());
  traffic({.count = 1000}, TcpFamily::ipv4, 8888);

  std::uint64_t folded = 0;
  std::uint64_t sent = 0;
  const auto deadline = std::chrono::steady_clock::now() + seconds(10);
  while (folded + sent < 1000 && std::chrono::steady_clock::now() < deadline) {
    const auto events = plugin_->ready();
    for (const auto& event : events) {
      EXPECT_EQ(event.pid, static_cast<std::uint32_t>(getpid()));
      EXPECT_NE(event.start_time_ns, 0U);
      EXPECT_EQ(event.labels.at("dport"), "8888");
      if (event.demand == 7) {
        folded += event.count;
        continue;
      }
      ++sent;
      EXPECT_GT(event.frames, 0U);
    }
    if (events.empty()) std::this_thread::yield();
  }
  EXPECT_EQ(folded + sent, 1000U);
  EXPECT_GE(sent, 1U);
  EXPECT_LT(sent, 100U);
  const auto values = collect();
  EXPECT_EQ(tcpstate::outcome(values, "folded"), folded);
  EXPECT_EQ(tcpstate::outcome(values, "submitted"), sent);
  EXPECT_TRUE(tcpstate::balances(values));
}

TEST_F(EbpfTcpstate, reports_losses_to_the_last_event_when_nobody_reads) {
  plugin({{"ring", "4096"}, {"stacks", "none"}});
  plugin_->offer({{.event = tcpstate::event}});
  ASSERT_TRUE(plugin_->start());
  const auto done = traffic({.count = 200});
  const std::uint64_t all = done.transitions + 2;
  const auto events = plugin_->ready();
  EXPECT_LT(events.size(), all);
  EXPECT_EQ(events.size() + plugin_->lost(), all);
  const auto values = collect();
  EXPECT_EQ(tcpstate::outcome(values, "submitted"), events.size());
  EXPECT_EQ(tcpstate::outcome(values, "lost_ring"), all - events.size());
  EXPECT_TRUE(tcpstate::balances(values));
}

TEST_F(EbpfTcpstate, what_is_wanted_changes_while_it_runs) {
  plugin();
  plugin_->offer({{.event = tcpstate::event, .any_of = {{"newstate", {"listen"}}}}});
  ASSERT_TRUE(plugin_->start());
  traffic({.count = 5});
  EXPECT_EQ(plugin_->ready().size(), 1U);
  plugin_->offer({{.event = tcpstate::event, .any_of = {{"newstate", {"syn_sent", "listen"}}}}});
  traffic({.count = 5});
  EXPECT_EQ(plugin_->ready().size(), 6U);
  plugin_->offer({});
  traffic({.count = 5});
  EXPECT_TRUE(plugin_->ready().empty());
}

TEST_F(EbpfTcpstate, keeps_within_its_budget_by_seeing_less_and_comes_back) {
  plugin({{"budget", "0.0001%"}});  // less than a collection takes
  plugin_->offer({{.event = tcpstate::event}});
  ASSERT_TRUE(plugin_->start());
  const auto step = [](const rig::Values& values, const std::string& name) {
    return tcpstate::sum(values, "sentinel_bpf_step", "step=\"" + name + "\"");
  };
  collect();  // from which on it is measured
  for (const auto* name : {"threshold_up", "sampling", "events_off", "detached"}) EXPECT_EQ(step(collect(), name), 1U);
  const auto before = transitions();
  traffic({.count = 20});
  plugin_->ready();
  EXPECT_EQ(transitions(), before);

  // In ever so long an interval it takes next to nothing.
  for (int calm = 0; calm < 10; ++calm) {
    clock_ += std::chrono::hours(1000);
    ASSERT_TRUE(plugin_->collect(clock_));
  }
  EXPECT_EQ(step(rig::values(store_), "events_off"), 1U);
  const auto done = traffic({.count = 20});
  EXPECT_TRUE(plugin_->ready().empty());
  clock_ += std::chrono::hours(1000);
  ASSERT_TRUE(plugin_->collect(clock_));
  const auto values = rig::values(store_);
  EXPECT_EQ(tcpstate::sum(values, "sentinel_tcp_transitions_total"), before + done.transitions + 2);
  EXPECT_TRUE(tcpstate::balances(values));
}

TEST_F(EbpfTcpstate, says_which_hook_it_got) {
  ASSERT_TRUE(plugin().start());
  const auto values = collect();
  const char* forced = std::getenv("SENTINEL_BPF_HOOKS");
  const std::string type = forced == nullptr ? "tp_btf" : forced;
  EXPECT_EQ(values.count("sentinel_bpf_hook_info{plugin=\"ebpf_tcpstate\",hook=\"state\",type=\"" + type + "\"}"), 1U);
  const auto rows = plugin_->details("hooks");
  ASSERT_FALSE(rows.empty());
  EXPECT_EQ(rows[0].at("type"), type);
}

TEST_F(EbpfTcpstate, refuses_what_it_cannot_filter_by) {
  const auto message = [&](const rig::ConfigValues& more) -> std::string {
    try {
      plugin(more);
    } catch (const std::exception& e) {
      return e.what();
    }
    return {};
  };
  EXPECT_THAT(message({{"addresses", "10.0.0/8"}}), ::testing::HasSubstr("no address or prefix"));
  EXPECT_THAT(message({{"states", "syn_snet"}}), ::testing::HasSubstr("established, syn_sent"));
  EXPECT_THAT(message({{"comms", "a_name_of_sixteen"}}), ::testing::HasSubstr("at most 15 bytes"));
  EXPECT_THAT(message({{"budget", "1"}}), ::testing::HasSubstr("share of one core"));
  EXPECT_THAT(message({{"ring", "5000"}}), ::testing::HasSubstr("power of two"));
  EXPECT_THAT(message({{"cgroups", "/no/such/cgroup"}}), ::testing::HasSubstr("no cgroup"));
}

}  // namespace
