#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include <sentinel/procfs/snmp.hpp>
#include <sentinel/procfs/unique_fd.hpp>

#include "tests/support/netns.hpp"
#include "tests/support/privilege.hpp"
#include "tests/support/tcp_traffic.hpp"
#include "tests/unit/plugins/rig.hpp"

namespace {

using namespace std::chrono_literals;
using sentinel::procfs::UniqueFd;
using sentinel::testing::NetworkNamespaces;
using sentinel::testing::TcpFamily;
using sentinel::testing::TcpPort;
using ::testing::Contains;
using ::testing::HasSubstr;

constexpr std::uint16_t port = 9;  // discard

void check(bool done, const char* what) {
  if (!done) throw std::runtime_error(std::string(what) + ": " + std::strerror(errno));
}

/// Sends datagrams from the network namespace that the thread is in; nobody need receive them.
void send_datagrams(TcpFamily family, const std::string& to, std::size_t bytes, int count) {
  sockaddr_in v4 = {};
  sockaddr_in6 v6 = {};
  const bool is_v4 = family == TcpFamily::ipv4;
  v4.sin_family = AF_INET;
  v6.sin6_family = AF_INET6;
  v4.sin_port = v6.sin6_port = htons(port);
  const auto text = family == TcpFamily::v4_mapped ? "::ffff:" + to : to;
  check(inet_pton(is_v4 ? AF_INET : AF_INET6, text.c_str(),
                  is_v4 ? static_cast<void*>(&v4.sin_addr) : static_cast<void*>(&v6.sin6_addr)) == 1,
        "inet_pton");
  const UniqueFd socket(::socket(is_v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const auto* address = is_v4 ? reinterpret_cast<const sockaddr*>(&v4) : reinterpret_cast<const sockaddr*>(&v6);
  const socklen_t size = is_v4 ? sizeof(v4) : sizeof(v6);
  const std::string data(bytes, 'x');
  for (int i = 0; i < count; ++i) {
    check(sendto(socket.get(), data.data(), bytes, 0, address, size) == static_cast<ssize_t>(bytes), "sendto");
  }
}

std::size_t on_the_wire(TcpFamily family, std::size_t payload) {
  return 14 + (family == TcpFamily::ipv6 ? 40U : 20U) + 8 + payload;
}

rig::Want each(const std::string& event) {
  rig::Want want;
  want.event = event;
  return want;
}

class EbpfXmitTest : public ::testing::TestWithParam<TcpFamily> {
 protected:
  static std::unique_ptr<rig::Plugin> plugin(sentinel::store::Store& store, const rig::ConfigValues& config) {
    return std::make_unique<rig::Plugin>(store, "ebpf_xmit", config);
  }
  void begin(const rig::ConfigValues& config, const std::vector<rig::Want>& wants = {}) {
    plugin_ = plugin(store_, config);
    plugin_->offer(wants);
    const auto started = plugin_->start();
    ASSERT_TRUE(started) << started.error().message;
  }

  rig::Values collected() {
    const auto done = plugin_->collect(tick_ += 1s);
    EXPECT_TRUE(done) << done.error().message;
    return rig::values(store_);
  }
  double value(const std::string& name) {
    const auto all = collected();
    const auto found = all.find(name);
    return found == all.end() ? 0 : found->second;
  }
  static std::string packets(const std::string& device, const std::string& protocol) {
    return "sentinel_xmit_packets_total{device=\"" + device + "\",protocol=\"" + protocol + "\"}";
  }
  static std::string bytes(const std::string& device, const std::string& protocol) {
    return "sentinel_xmit_bytes_total{device=\"" + device + "\",protocol=\"" + protocol + "\"}";
  }
  double outcome(const std::string& name) {
    return value("sentinel_bpf_events_total{plugin=\"ebpf_xmit\",outcome=\"" + name + "\"}");
  }
  /// Packets may wait for the neighbour's address, and leave later.
  void wait_for_packets(const std::string& series, double count) {
    const auto deadline = std::chrono::steady_clock::now() + 30s;
    while (value(series) < count && std::chrono::steady_clock::now() < deadline) {
    }
  }
  static std::uint64_t sum(const std::vector<rig::Row>& rows, const std::string& key) {
    std::uint64_t all = 0;
    for (const auto& row : rows) all += std::stoull(row.at(key));
    return all;
  }

  sentinel::store::Store store_{std::size_t{1} << 20U};
  std::chrono::nanoseconds tick_{0};
  std::unique_ptr<rig::Plugin> plugin_;
};

TEST_P(EbpfXmitTest, counts_packets_to_a_prefix_and_no_others) {
  SENTINEL_REQUIRE_BPF();
  SENTINEL_REQUIRE_NETWORK_NAMESPACES();
  const auto network = NetworkNamespaces::make();
  ASSERT_TRUE(network) << network.error().message;
  const bool v6 = GetParam() == TcpFamily::ipv6;
  const auto right =
      v6 ? NetworkNamespaces::ipv6(NetworkNamespaces::right) : NetworkNamespaces::ipv4(NetworkNamespaces::right);
  const auto left =
      v6 ? NetworkNamespaces::ipv6(NetworkNamespaces::left) : NetworkNamespaces::ipv4(NetworkNamespaces::left);
  begin({{"addresses", right + (v6 ? "/128" : "/32")},
         {"netns", std::to_string(network->id(NetworkNamespaces::left))},
         {"ports", std::to_string(port)}});
  network->run_in(NetworkNamespaces::left, [&] {
    send_datagrams(GetParam(), right, 100, 200);
    send_datagrams(GetParam(), left, 100, 50);
    send_datagrams(GetParam(), right, 1000, 10);
  });
  wait_for_packets(packets("left", "udp"), 210);
  const auto all = collected();
  EXPECT_EQ(all.at(packets("left", "udp")), 210);
  EXPECT_EQ(all.at(bytes("left", "udp")), 200 * on_the_wire(GetParam(), 100) + 10 * on_the_wire(GetParam(), 1000));
  EXPECT_FALSE(all.contains(packets("lo", "udp")));
  EXPECT_EQ(sum(plugin_->details("stacks"), "packets"), 210U);
  EXPECT_EQ(outcome("seen"), outcome("filtered"));
  EXPECT_EQ(value("sentinel_bpf_forgotten_total{plugin=\"ebpf_xmit\"}"), 0);
}

/// What the kernel itself counts as segments, which a device may get as one large packet.
TEST_P(EbpfXmitTest, a_large_packet_counts_as_its_segments) {
  SENTINEL_REQUIRE_BPF();
  SENTINEL_REQUIRE_NETWORK_NAMESPACES();
  const auto network = NetworkNamespaces::make();
  ASSERT_TRUE(network) << network.error().message;
  const auto left = network->id(NetworkNamespaces::left);
  begin({{"netns", std::to_string(left)}});
  const auto address = GetParam() == TcpFamily::ipv6 ? NetworkNamespaces::ipv6(NetworkNamespaces::right)
                                                     : NetworkNamespaces::ipv4(NetworkNamespaces::right);
  const auto server = network->run_in(NetworkNamespaces::right,
                                      [&] { return TcpPort::listen({.family = GetParam(), .address = address}); });
  ASSERT_TRUE(server) << server.error().message;
  const auto segments = network->run_in(NetworkNamespaces::left, [&]() -> std::uint64_t {
    const auto done = make_traffic(*server, {.count = 20, .bytes = 30'000});
    if (!done) throw std::runtime_error(done.error().message);
    std::ifstream file("/proc/thread-self/net/snmp");
    const std::string text((std::istreambuf_iterator<char>(file)), {});
    const auto table = sentinel::procfs::parse_snmp(text);
    return table->find("Tcp", "OutSegs").value() + table->find("Tcp", "RetransSegs").value();
  });
  wait_for_packets(packets("left", "tcp"), static_cast<double>(segments));
  EXPECT_EQ(value(packets("left", "tcp")), static_cast<double>(segments));
  EXPECT_GT(segments, 20U * (30'000 / 1448));
  EXPECT_LT(outcome("seen"), static_cast<double>(segments)) << "not one large packet came by";
}

std::string name_of(const ::testing::TestParamInfo<TcpFamily>& info) {
  return info.param == TcpFamily::ipv4 ? "ipv4" : info.param == TcpFamily::ipv6 ? "ipv6" : "v4_mapped";
}
INSTANTIATE_TEST_SUITE_P(Families, EbpfXmitTest,
                         ::testing::Values(TcpFamily::ipv4, TcpFamily::ipv6, TcpFamily::v4_mapped), name_of);

/// On loopback, where every address of 127.0.0.0/8 is there: each test has a prefix to itself.
class EbpfXmitLoopbackTest : public EbpfXmitTest {
 protected:
  static void send_to(const std::string& address, int count) { send_datagrams(TcpFamily::ipv4, address, 64, count); }
};

TEST_F(EbpfXmitLoopbackTest, stacks_and_processes_are_told_as_lists) {
  SENTINEL_REQUIRE_BPF();
  begin({{"addresses", "127.41.0.0/16"}});
  send_to("127.41.1.1", 30);
  send_to("127.42.1.1", 5);
  EXPECT_EQ(value(packets("lo", "udp")), 30);

  const auto stacks = plugin_->details("stacks");
  ASSERT_FALSE(stacks.empty());
  EXPECT_EQ(sum(stacks, "packets"), 30U);
  EXPECT_EQ(sum(stacks, "bytes"), 30U * on_the_wire(TcpFamily::ipv4, 64));
  EXPECT_FALSE(stacks[0].at("stack").empty());
  if (!sentinel::testing::why_no_kernel_symbols()) {
    EXPECT_THAT(stacks[0].at("stack"), HasSubstr("udp_sendmsg"));
  }
  EXPECT_THAT(stacks[0].at("stack"), Not(HasSubstr("bpf_prog")));

  const auto processes = plugin_->details("processes");
  ASSERT_EQ(processes.size(), 1U);
  EXPECT_EQ(processes[0].at("pid"), std::to_string(getpid()));
  EXPECT_EQ(processes[0].at("comm"), "test_ebpf_xmit");
  EXPECT_EQ(processes[0].at("packets"), "30");
}

TEST_F(EbpfXmitLoopbackTest, without_addresses_no_stack_is_taken) {
  SENTINEL_REQUIRE_BPF();
  begin({{"ports", std::to_string(port)}, {"processes", "false"}});
  send_to("127.43.1.1", 30);
  EXPECT_GE(value(packets("lo", "udp")), 30);
  EXPECT_TRUE(plugin_->details("stacks").empty());
  EXPECT_TRUE(plugin_->details("processes").empty());
}

TEST_F(EbpfXmitLoopbackTest, stacks_of_some_addresses_alone) {
  SENTINEL_REQUIRE_BPF();
  begin({{"addresses", "127.44.0.0/16"}, {"stacks_of", "127.44.7.0/24"}});
  send_to("127.44.1.1", 30);
  send_to("127.44.7.1", 3);
  EXPECT_EQ(value(packets("lo", "udp")), 33);
  EXPECT_EQ(sum(plugin_->details("stacks"), "packets"), 3U);
}

TEST_F(EbpfXmitLoopbackTest, filters_know_processes) {
  SENTINEL_REQUIRE_BPF();
  begin({{"addresses", "127.45.0.0/16"}, {"pids", std::to_string(getpid())}, {"comms", "test_ebpf_xmit"}});
  send_to("127.45.1.1", 3);
  EXPECT_EQ(value(packets("lo", "udp")), 3);
  plugin_.reset();
  begin({{"addresses", "127.45.0.0/16"}, {"pids", "1"}});
  send_to("127.45.1.1", 3);
  EXPECT_EQ(value(packets("lo", "udp")), 0);
}

TEST_F(EbpfXmitLoopbackTest, one_packet_in_so_many_is_an_event_with_its_stack) {
  SENTINEL_REQUIRE_BPF();
  begin({{"addresses", "127.46.0.0/16"}, {"sample", "1"}}, {each("sentinel_xmit_packet")});
  send_to("127.46.1.1", 20);
  const auto events = plugin_->ready();
  ASSERT_EQ(events.size(), 20U);
  for (const auto& event : events) {
    EXPECT_EQ(event.value, static_cast<double>(on_the_wire(TcpFamily::ipv4, 64)));
    EXPECT_THAT(event.labels.at("daddr"), HasSubstr("127.46.1.1"));
    EXPECT_EQ(event.labels.at("dport"), std::to_string(port));
    EXPECT_EQ(event.labels.at("family"), "ipv4");
    EXPECT_EQ(event.labels.at("protocol"), "udp");
    EXPECT_EQ(event.labels.at("device"), "lo");
    EXPECT_EQ(event.pid, static_cast<std::uint32_t>(getpid()));
    EXPECT_EQ(event.comm, "test_ebpf_xmit");
    EXPECT_GT(event.frames, 0U);
    if (sentinel::testing::why_no_kernel_symbols()) continue;
    EXPECT_EQ(event.symbols.size(), event.frames);
    EXPECT_THAT(event.symbols, Contains(HasSubstr("udp_sendmsg")));
  }
  plugin_.reset();

  begin({{"addresses", "127.46.0.0/16"}, {"sample", "10"}}, {each("sentinel_xmit_packet")});
  send_to("127.46.1.1", 2000);
  const auto sampled = plugin_->ready().size();
  EXPECT_GT(sampled, 100U);
  EXPECT_LT(sampled, 320U);
  EXPECT_EQ(outcome("submitted"), static_cast<double>(sampled));
  EXPECT_EQ(outcome("sampled_out"), 2000 - static_cast<double>(sampled));
  double rest = 0;
  for (const auto* name : {"filtered", "sampled_out", "folded", "submitted", "lost_ring", "lost_map", "lost_storage"}) {
    rest +=
        rig::values(store_).at("sentinel_bpf_events_total{plugin=\"ebpf_xmit\",outcome=\"" + std::string(name) + "\"}");
  }
  EXPECT_EQ(rig::values(store_).at("sentinel_bpf_events_total{plugin=\"ebpf_xmit\",outcome=\"seen\"}"), rest);
  EXPECT_EQ(value(packets("lo", "udp")), 2000);
}

TEST_F(EbpfXmitLoopbackTest, windows_are_counted_whole_in_the_kernel_whatever_is_sampled) {
  SENTINEL_REQUIRE_BPF();
  rig::Want want = each("sentinel_xmit_packet");
  want.any_of = {{"device", {"lo"}}, {"protocol", {"udp"}}};
  want.fold = SENTINEL_FOLD_SUM;
  want.by = {"pid"};
  want.pane = 1h;
  want.id = 3;
  begin({{"addresses", "127.47.0.0/16"}}, {want});
  send_to("127.47.1.1", 25);
  EXPECT_EQ(outcome("folded"), 25);
  EXPECT_EQ(outcome("submitted"), 0);
}

/// An answer to a SYN comes from a small socket in a softirq, a reset from none.
TEST_F(EbpfXmitLoopbackTest, what_an_interrupt_sends_has_no_process) {
  SENTINEL_REQUIRE_BPF();
  const auto refusing = TcpPort::refuse({.family = TcpFamily::ipv4, .address = "127.48.1.1"});
  ASSERT_TRUE(refusing) << refusing.error().message;
  begin({{"ports", std::to_string(refusing->port())}, {"sample", "1"}}, {each("sentinel_xmit_packet")});
  ASSERT_TRUE(make_traffic(*refusing, {.shape = sentinel::testing::TcpShape::refused, .count = 10}));
  EXPECT_EQ(value(packets("lo", "tcp")), 20);
  const auto events = plugin_->ready();
  ASSERT_EQ(events.size(), 20U);
  for (const auto& event : events) {
    const bool is_syn = event.labels.at("dport") == std::to_string(refusing->port());
    EXPECT_EQ(event.pid, is_syn ? static_cast<std::uint32_t>(getpid()) : 0U);
  }
  EXPECT_EQ(sum(plugin_->details("processes"), "packets"), 10U);
}

TEST_F(EbpfXmitLoopbackTest, each_kind_of_hook_sees_the_same) {
  SENTINEL_REQUIRE_BPF();
  int worked = 0;
  for (const auto* hooks : {"tp_btf", "fentry", "raw_tp", "tracepoint", "kprobe"}) {
    plugin_ = plugin(store_, {{"hooks", hooks}, {"addresses", "127.49.0.0/16"}});
    if (const auto started = plugin_->start(); !started) {
      // Which kinds a kernel has is its own affair; that it says so is ours.
      EXPECT_THAT(started.error().message, HasSubstr(hooks));
      continue;
    }
    ++worked;
    send_to("127.49.1.1", 11);
    EXPECT_EQ(value(packets("lo", "udp")), 11) << hooks;
    EXPECT_EQ(value(bytes("lo", "udp")), 11.0 * static_cast<double>(on_the_wire(TcpFamily::ipv4, 64))) << hooks;
    EXPECT_EQ(sum(plugin_->details("stacks"), "packets"), 11U) << hooks;
    plugin_.reset();
  }
  EXPECT_GT(worked, 0);
}

TEST_F(EbpfXmitLoopbackTest, a_successor_goes_on_counting) {
  SENTINEL_REQUIRE_BPF();
  begin({{"addresses", "127.50.0.0/16"}});
  send_to("127.50.1.1", 7);
  const auto state = plugin_->save();
  ASSERT_TRUE(state) << state.error().message;
  sentinel::store::Store after{std::size_t{1} << 20U};
  const auto successor = plugin(after, {{"addresses", "127.50.0.0/16"}});
  ASSERT_TRUE(successor->restore(*state));
  ASSERT_TRUE(successor->start());
  plugin_.reset();
  send_to("127.50.1.1", 5);
  ASSERT_TRUE(successor->collect(1s));
  EXPECT_EQ(rig::values(after).at(packets("lo", "udp")), 12);
  EXPECT_EQ(sum(successor->details("stacks"), "packets"), 12U);
}

TEST_F(EbpfXmitLoopbackTest, a_prefix_that_is_none_is_refused) {
  EXPECT_THROW(plugin(store_, {{"addresses", "no address"}}), std::runtime_error);
  EXPECT_THROW(plugin(store_, {{"stacks_of", "10.0.0.0/33"}}), std::runtime_error);
}

}  // namespace
