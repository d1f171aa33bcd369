#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <poll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>

#include <sentinel/procfs/unique_fd.hpp>
#include <sentinel/sink.hpp>

#include "tests/support/privilege.hpp"
#include "tests/support/tcp_traffic.hpp"
#include "tests/unit/plugins/rig.hpp"

namespace {

using namespace std::chrono_literals;
using sentinel::procfs::UniqueFd;
using sentinel::testing::TcpFamily;
using sentinel::testing::TcpPort;
using ::testing::Contains;
using ::testing::HasSubstr;

constexpr auto patience = 30s;

void check(bool done, const char* what) {
  if (!done) throw std::runtime_error(std::string(what) + ": " + std::strerror(errno));
}

void wait_for(int fd, short events) {
  pollfd one = {fd, events, 0};
  check(poll(&one, 1, static_cast<int>(std::chrono::milliseconds(patience).count())) == 1, "poll");
}

/// Returns when the kernel's clock says that `time` has passed.
void let_pass(std::chrono::nanoseconds time) {
  const UniqueFd timer(timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC));
  itimerspec at = {};
  at.it_value.tv_sec = time / 1s;
  at.it_value.tv_nsec = (time % 1s).count();
  check(timerfd_settime(timer.get(), 0, &at, nullptr) == 0, "timerfd_settime");
  wait_for(timer.get(), POLLIN);
}

/// Two ends of a TCP connection over loopback, and the port that it came by.
struct Connection {
  TcpPort port;
  UniqueFd client;
  UniqueFd server;
};

UniqueFd connect_to(const TcpPort& port) {
  sockaddr_storage address = {};
  socklen_t size = sizeof(address);
  check(getsockname(port.fd(), reinterpret_cast<sockaddr*>(&address), &size) == 0, "getsockname");
  UniqueFd client(socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  check(connect(client.get(), reinterpret_cast<const sockaddr*>(&address), size) == 0, "connect");
  return client;
}

UniqueFd accept_at(const TcpPort& port) {
  wait_for(port.fd(), POLLIN);
  UniqueFd server(accept4(port.fd(), nullptr, nullptr, SOCK_CLOEXEC));
  check(server.get() >= 0, "accept");
  return server;
}

TcpPort listen_at(TcpFamily family) {
  auto port = TcpPort::listen({.family = family});
  if (!port) throw std::runtime_error(port.error().message);
  return std::move(*port);
}

void put(const UniqueFd& socket, std::size_t bytes) {
  const std::string data(bytes, 'x');
  check(send(socket.get(), data.data(), data.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes), "send");
}

void arrive(const UniqueFd& socket) {
  wait_for(socket.get(), POLLIN);
}

void take(const UniqueFd& socket, std::size_t bytes, int flags = 0) {
  std::string room(bytes, '\0');
  const auto want = static_cast<ssize_t>(bytes);
  check(recv(socket.get(), room.data(), bytes, flags | (flags & MSG_PEEK ? 0 : MSG_WAITALL)) == want, "recv");
}

void hand_over(const UniqueFd& from, const UniqueFd& to, std::size_t bytes) {
  put(from, bytes);
  arrive(to);
  take(to, bytes);
}

/// Each event of a kind, as it is.
rig::Want each(const std::string& event, std::uint64_t id) {
  rig::Want want;
  want.event = event;
  want.id = id;
  return want;
}

/// A histogram of the store, over all families of addresses.
struct Observed {
  std::uint64_t count = 0;
  double sum = 0;
};
Observed observed(const sentinel::store::Store& store, std::string_view metric) {
  Observed all;
  const auto live = rig::view(store);
  const auto abi = live.abi();
  for (const auto& family : sentinel::SeriesView(abi.families, abi.family_count)) {
    if (sentinel::from_abi(family.name) != metric) continue;
    for (const auto& series : sentinel::series_of(family)) {
      all.count += series.buckets[series.bucket_count - 1];
      all.sum += series.value;
    }
  }
  return all;
}

class EbpfRecvTest : public ::testing::TestWithParam<TcpFamily> {
 protected:
  std::unique_ptr<rig::Plugin> plugin(const rig::ConfigValues& config) { return plugin(store_, config); }
  static std::unique_ptr<rig::Plugin> plugin(sentinel::store::Store& store, const rig::ConfigValues& config) {
    return std::make_unique<rig::Plugin>(store, "ebpf_recv", config);
  }

  /// It sees the connections of this port alone.
  void begin(const Connection& connection, rig::ConfigValues config = {}) { begin(connection.port, std::move(config)); }
  void begin(const TcpPort& port, rig::ConfigValues config = {}) {
    config.emplace("ports", std::to_string(port.port()));
    config.emplace("stacks", "each");
    plugin_ = plugin(config);
    plugin_->offer({each("sentinel_recv_slow", 1), each("sentinel_request_slow", 2)});
    const auto started = plugin_->start();
    ASSERT_TRUE(started) << started.error().message;
  }

  Connection connect() {
    auto port = listen_at(GetParam());
    begin(port, config_);
    return connect(std::move(port));
  }
  static Connection connect(TcpPort port) {
    auto client = connect_to(port);
    auto server = accept_at(port);
    return {std::move(port), std::move(client), std::move(server)};
  }

  Observed latency() { return collected("sentinel_recv_latency_seconds"); }
  Observed requests() { return collected("sentinel_request_seconds"); }
  Observed collected(std::string_view metric) {
    const auto done = plugin_->collect(tick_ += 1s);
    EXPECT_TRUE(done) << done.error().message;
    return observed(store_, metric);
  }

  double outcome(const std::string& name) {
    return rig::values(store_).at("sentinel_bpf_events_total{plugin=\"ebpf_recv\",outcome=\"" + name + "\"}");
  }

  sentinel::store::Store store_{std::size_t{1} << 20U};
  rig::ConfigValues config_;
  std::chrono::nanoseconds tick_{0};
  std::unique_ptr<rig::Plugin> plugin_;
};

void expect_both_halves(const std::vector<std::string>& symbols) {
  const auto border = std::find(symbols.begin(), symbols.end(), "--");
  ASSERT_NE(border, symbols.end());
  EXPECT_THAT(std::vector(symbols.begin(), border), Contains(HasSubstr("tcp_recvmsg")));
  EXPECT_THAT(std::vector(border, symbols.end()), Contains(HasSubstr("tcp_rcv_established")));
  EXPECT_THAT(symbols, Not(Contains(HasSubstr("bpf_prog"))));
}

TEST_P(EbpfRecvTest, a_reader_that_is_late_is_measured_and_told_of_with_both_stacks) {
  SENTINEL_REQUIRE_BPF();
  const auto connection = connect();
  put(connection.client, 100);
  arrive(connection.server);
  let_pass(50ms);
  take(connection.server, 100);

  const auto events = plugin_->ready();
  ASSERT_EQ(events.size(), 1U);
  const auto& slow = events[0];
  EXPECT_EQ(slow.metric, "sentinel_recv_slow");
  EXPECT_GE(slow.value, 0.05);
  EXPECT_LT(slow.value, 5);
  EXPECT_EQ(slow.labels.at("waiting_bytes"), "100");
  EXPECT_EQ(slow.labels.at("side"), "server");
  EXPECT_EQ(slow.labels.at("sport"), std::to_string(connection.port.port()));
  EXPECT_EQ(slow.labels.at("family"), GetParam() == TcpFamily::ipv4 ? "ipv4" : "ipv6");
  const std::string address = GetParam() == TcpFamily::ipv6 ? "::1" : "127.0.0.1";
  EXPECT_THAT(slow.labels.at("saddr"), HasSubstr(address));
  EXPECT_THAT(slow.labels.at("daddr"), HasSubstr(address));
  EXPECT_EQ(slow.pid, static_cast<std::uint32_t>(getpid()));
  EXPECT_EQ(slow.comm, "test_ebpf_recv");

  EXPECT_GT(slow.frames, 0U);
  if (!sentinel::testing::why_no_kernel_symbols()) {
    ASSERT_EQ(slow.symbols.size(), slow.frames);
    expect_both_halves(slow.symbols);
  }

  const auto all = latency();
  EXPECT_EQ(all.count, 1U);
  EXPECT_NEAR(all.sum, slow.value, 1e-6);
}

TEST_P(EbpfRecvTest, counts_each_read_of_either_end_once) {
  SENTINEL_REQUIRE_BPF();
  config_["slow"] = "20s";
  const auto connection = connect();
  for (int i = 0; i < 100; ++i) {
    hand_over(connection.client, connection.server, 64);
    hand_over(connection.server, connection.client, 32);
  }
  EXPECT_EQ(latency().count, 200U);
  EXPECT_EQ(requests().count, 100U);
  EXPECT_TRUE(plugin_->ready().empty());
}

TEST_P(EbpfRecvTest, the_oldest_byte_that_was_left_keeps_its_age) {
  SENTINEL_REQUIRE_BPF();
  config_["slow"] = "20ms";
  const auto connection = connect();
  put(connection.client, 10);
  arrive(connection.server);
  put(connection.client, 5);
  take(connection.server, 4);
  let_pass(50ms);
  take(connection.server, 6);
  const auto events = plugin_->ready();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_GE(events[0].value, 0.05);
  EXPECT_EQ(events[0].labels.at("waiting_bytes"), "11");
  EXPECT_EQ(latency().count, 2U);
}

TEST_P(EbpfRecvTest, a_look_at_what_waits_is_no_read) {
  SENTINEL_REQUIRE_BPF();
  const auto connection = connect();
  put(connection.client, 100);
  arrive(connection.server);
  take(connection.server, 100, MSG_PEEK);
  let_pass(50ms);
  take(connection.server, 100, MSG_PEEK);
  EXPECT_EQ(latency().count, 0U);
  take(connection.server, 100);
  EXPECT_EQ(latency().count, 1U);
  const auto events = plugin_->ready();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_GE(events[0].value, 0.05);
}

TEST_P(EbpfRecvTest, the_end_of_the_data_is_no_data) {
  SENTINEL_REQUIRE_BPF();
  const auto connection = connect();
  check(shutdown(connection.client.get(), SHUT_WR) == 0, "shutdown");
  arrive(connection.server);
  let_pass(50ms);
  char byte = 0;
  EXPECT_EQ(recv(connection.server.get(), &byte, 1, 0), 0);
  hand_over(connection.server, connection.client, 8);  // the other half is open
  EXPECT_EQ(latency().count, 1U);
  EXPECT_TRUE(plugin_->ready().empty());
}

TEST_P(EbpfRecvTest, data_with_the_end_behind_it_is_as_long_as_it_is) {
  SENTINEL_REQUIRE_BPF();
  const auto connection = connect();
  put(connection.client, 100);
  check(shutdown(connection.client.get(), SHUT_WR) == 0, "shutdown");
  pollfd closed = {connection.server.get(), POLLRDHUP, 0};
  ASSERT_EQ(poll(&closed, 1, 30'000), 1);
  let_pass(50ms);
  take(connection.server, 100);
  const auto events = plugin_->ready();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].labels.at("waiting_bytes"), "100");
}

TEST_P(EbpfRecvTest, a_connection_that_waits_for_accept_and_one_never_read_are_none) {
  SENTINEL_REQUIRE_BPF();
  auto port = listen_at(GetParam());
  begin(port);
  for (int i = 0; i < 5; ++i) {
    auto client = connect_to(port);
    wait_for(port.fd(), POLLIN);
    let_pass(15ms);
    auto server = accept_at(port);
    put(client, 100);
    arrive(server);
  }
  EXPECT_EQ(latency().count, 0U);
  EXPECT_TRUE(plugin_->ready().empty());
  // Sockets that may lie where those lay.
  for (int i = 0; i < 5; ++i) {
    const auto client = connect_to(port);
    const auto server = accept_at(port);
    let_pass(15ms);
    hand_over(client, server, 100);
  }
  EXPECT_EQ(latency().count, 5U);
  EXPECT_TRUE(plugin_->ready().empty());
}

TEST_P(EbpfRecvTest, a_slow_answer_is_one_event_and_a_fast_one_none) {
  SENTINEL_REQUIRE_BPF();
  config_["slow"] = "20s";
  config_["slow_request"] = "50ms";
  const auto connection = connect();
  hand_over(connection.client, connection.server, 300);
  hand_over(connection.server, connection.client, 1);
  EXPECT_TRUE(plugin_->ready().empty());

  put(connection.client, 100);
  arrive(connection.server);
  put(connection.client, 200);  // more of the same request
  take(connection.server, 300);
  let_pass(60ms);
  hand_over(connection.server, connection.client, 1);
  hand_over(connection.server, connection.client, 1000);  // more of the same answer
  const auto events = plugin_->ready();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].metric, "sentinel_request_slow");
  EXPECT_GE(events[0].value, 0.06);
  EXPECT_LT(events[0].value, 5);
  EXPECT_EQ(events[0].labels.at("sport"), std::to_string(connection.port.port()));
  EXPECT_EQ(events[0].pid, static_cast<std::uint32_t>(getpid()));
  EXPECT_GT(events[0].frames, 0U);
  if (!sentinel::testing::why_no_kernel_symbols()) {
    EXPECT_THAT(events[0].symbols, Contains(HasSubstr("tcp_sendmsg")));
  }

  const auto all = requests();
  EXPECT_EQ(all.count, 2U);
  EXPECT_GE(all.sum, 0.06);
}

TEST_P(EbpfRecvTest, every_event_is_in_the_ledger_once) {
  SENTINEL_REQUIRE_BPF();
  config_["slow"] = "0s";
  config_["slow_request"] = "0s";
  const auto connection = connect();
  for (int i = 0; i < 50; ++i) {
    hand_over(connection.client, connection.server, 10);
    hand_over(connection.server, connection.client, 10);
  }
  EXPECT_EQ(plugin_->ready().size(), 150U);
  EXPECT_EQ(latency().count, 100U);
  EXPECT_EQ(outcome("submitted"), 150);
  double rest = 0;
  for (const auto* name : {"filtered", "sampled_out", "folded", "submitted", "lost_ring", "lost_map", "lost_storage"}) {
    rest += outcome(name);
  }
  EXPECT_EQ(outcome("seen"), rest);
  EXPECT_EQ(rig::values(store_).at("sentinel_bpf_delivered_events_total{plugin=\"ebpf_recv\"}"), 150);
  EXPECT_EQ(rig::values(store_).at("sentinel_bpf_forgotten_total{plugin=\"ebpf_recv\"}"), 0);
}

std::string name_of(const ::testing::TestParamInfo<TcpFamily>& info) {
  return info.param == TcpFamily::ipv4 ? "ipv4" : info.param == TcpFamily::ipv6 ? "ipv6" : "v4_mapped";
}
INSTANTIATE_TEST_SUITE_P(Families, EbpfRecvTest,
                         ::testing::Values(TcpFamily::ipv4, TcpFamily::ipv6, TcpFamily::v4_mapped), name_of);

class EbpfRecvOptionsTest : public EbpfRecvTest {};

TEST_P(EbpfRecvOptionsTest, examples_of_fast_reads_are_one_in_so_many) {
  SENTINEL_REQUIRE_BPF();
  config_["slow"] = "20s";
  config_["sample"] = "1";
  const auto connection = connect();
  for (int i = 0; i < 10; ++i) hand_over(connection.client, connection.server, 10);
  EXPECT_EQ(plugin_->ready().size(), 10U);

  plugin_.reset();
  begin(connection, {{"slow", "20s"}, {"sample", "1000000000"}});
  for (int i = 0; i < 10; ++i) hand_over(connection.client, connection.server, 10);
  EXPECT_TRUE(plugin_->ready().empty());
  EXPECT_EQ(latency().count, 10U);
  EXPECT_EQ(outcome("sampled_out"), 10);
}

TEST_P(EbpfRecvOptionsTest, a_filter_leaves_out_other_addresses_and_processes) {
  SENTINEL_REQUIRE_BPF();
  struct Case {
    rig::ConfigValues config;
    std::uint64_t reads;
  };
  const Case cases[] = {{{{"addresses", "127.0.0.0/8"}}, 1},       {{{"addresses", "192.0.2.0/24,2001:db8::/32"}}, 0},
                        {{{"pids", std::to_string(getpid())}}, 1}, {{{"pids", "1"}}, 0},
                        {{{"comms", "test_ebpf_recv"}}, 1},        {{{"comms", "another"}}, 0}};
  for (const auto& tried : cases) {
    auto port = listen_at(GetParam());
    begin(port, tried.config);
    const auto connection = connect(std::move(port));
    hand_over(connection.client, connection.server, 10);
    EXPECT_EQ(latency().count, tried.reads) << tried.config.begin()->second;
    plugin_.reset();
  }
}

TEST_P(EbpfRecvOptionsTest, with_nobody_who_wants_events_none_is_sent) {
  SENTINEL_REQUIRE_BPF();
  config_["slow"] = "0s";
  const auto connection = connect();
  plugin_->offer({});
  hand_over(connection.client, connection.server, 10);
  EXPECT_FALSE(plugin_->watched());
  EXPECT_EQ(latency().count, 1U);
  EXPECT_EQ(outcome("submitted"), 0);
}

TEST_P(EbpfRecvOptionsTest, a_window_of_slow_reads_by_process_is_counted_in_the_kernel) {
  SENTINEL_REQUIRE_BPF();
  config_["slow"] = "0s";
  config_["requests"] = "false";
  const auto connection = connect();
  const auto answers = plugin_->offer({{.event = "sentinel_recv_slow",
                                        .any_of = {{"side", {"server"}}},
                                        .fold = SENTINEL_FOLD_COUNT,
                                        .by = {"pid", "comm"},
                                        .pane = 1ms,
                                        .id = 7}});
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].folds, 1U) << answers[0].reason;
  for (int i = 0; i < 20; ++i) {
    hand_over(connection.client, connection.server, 10);
    hand_over(connection.server, connection.client, 10);
  }
  let_pass(30ms);  // the last pane has ended
  std::uint64_t count = 0;
  for (const auto& event : plugin_->ready()) {
    EXPECT_EQ(event.demand, 7U);
    EXPECT_EQ(event.pid, static_cast<std::uint32_t>(getpid()));
    EXPECT_EQ(event.comm, "test_ebpf_recv");
    count += event.count;
  }
  EXPECT_EQ(count, 20U);
  EXPECT_EQ(latency().count, 40U);
  EXPECT_EQ(outcome("folded"), 20);
}

TEST_P(EbpfRecvOptionsTest, a_successor_goes_on_with_what_waits) {
  SENTINEL_REQUIRE_BPF();
  const auto connection = connect();
  put(connection.client, 100);
  arrive(connection.server);
  let_pass(50ms);

  const auto state = plugin_->save();
  ASSERT_TRUE(state) << state.error().message;
  sentinel::store::Store after{std::size_t{1} << 20U};
  auto successor = plugin(after, {{"ports", std::to_string(connection.port.port())}});
  ASSERT_TRUE(successor->restore(*state));
  successor->offer({each("sentinel_recv_slow", 1)});
  ASSERT_TRUE(successor->start());
  plugin_.reset();

  take(connection.server, 100);
  const auto events = successor->ready();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_GE(events[0].value, 0.05);
  ASSERT_TRUE(successor->collect(1s));
  EXPECT_EQ(observed(after, "sentinel_recv_latency_seconds").count, 1U);
}

TEST_P(EbpfRecvOptionsTest, each_kind_of_hook_sees_the_same) {
  SENTINEL_REQUIRE_BPF();
  int worked = 0;
  for (const auto* hooks : {"tp_btf", "fentry", "raw_tp", "tracepoint", "kprobe"}) {
    auto port = listen_at(GetParam());
    plugin_ = plugin({{"hooks", hooks}, {"ports", std::to_string(port.port())}, {"slow_request", "20s"}});
    plugin_->offer({each("sentinel_recv_slow", 1)});
    if (const auto started = plugin_->start(); !started) {
      // Which kinds a kernel has is its own affair; that it says so is ours.
      EXPECT_THAT(started.error().message, HasSubstr(hooks));
      continue;
    }
    ++worked;
    const auto connection = connect(std::move(port));
    put(connection.client, 100);
    arrive(connection.server);
    let_pass(20ms);
    take(connection.server, 100);
    hand_over(connection.server, connection.client, 10);
    EXPECT_EQ(plugin_->ready().size(), 1U) << hooks;
    EXPECT_EQ(latency().count, 2U) << hooks;
    EXPECT_EQ(requests().count, 1U) << hooks;
    plugin_.reset();
  }
  EXPECT_GT(worked, 0);
}

INSTANTIATE_TEST_SUITE_P(Ipv4, EbpfRecvOptionsTest, ::testing::Values(TcpFamily::ipv4), name_of);

}  // namespace
