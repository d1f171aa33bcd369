#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

#include <sentinel/procfs/unique_fd.hpp>

#include "tests/unit/plugins/rig.hpp"

namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

std::string tree(const std::string& name) {
  return std::string(SENTINEL_FIXTURES "/procfs/") + name;
}

std::string table(const std::string& states) {
  std::string text =
      "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
  int line = 0;
  for (std::size_t i = 0; i + 1 < states.size(); i += 3) {
    text += "   " + std::to_string(line++) + ": 0100007F:0016 00000000:0000 " + states.substr(i, 2) +
            " 00000000:00000000 00:00000000 00000000     0        0 1 1 0000000000000000 100 0 0 10 0\n";
  }
  return text;
}

std::string connections(const std::string& state) {
  return "sentinel_tcp_connections{state=\"" + state + "\"}";
}

class ProcTcpTest : public ::testing::Test {
 protected:
  rig::TemporaryFolder folder_;
  sentinel::store::Store store_{std::size_t{1} << 20U};
};

TEST_F(ProcTcpTest, adds_both_families_and_reports_every_state) {
  folder_.write("net/tcp", table("01 01 06 0A"));
  folder_.write("net/tcp6", table("01 06 0C 0F"));
  rig::Plugin plugin(store_, "proc_tcp", {{"procfs", folder_.path()}});
  ASSERT_TRUE(plugin.collect(1s));
  EXPECT_EQ(rig::values(store_), (rig::Values{{connections("established"), 3},
                                              {connections("syn_sent"), 0},
                                              {connections("syn_recv"), 1},
                                              {connections("fin_wait1"), 0},
                                              {connections("fin_wait2"), 0},
                                              {connections("time_wait"), 2},
                                              {connections("close"), 0},
                                              {connections("close_wait"), 0},
                                              {connections("last_ack"), 0},
                                              {connections("listen"), 1},
                                              {connections("closing"), 0},
                                              {connections("unknown"), 1}}));
}

TEST_F(ProcTcpTest, does_without_ipv6_and_the_other_files) {
  folder_.write("net/tcp", table("0A"));
  rig::Plugin plugin(store_, "proc_tcp", {{"procfs", folder_.path()}});
  ASSERT_TRUE(plugin.collect(1s));
  EXPECT_EQ(rig::values(store_).at(connections("listen")), 1);
}

TEST_F(ProcTcpTest, reports_totals_and_counters_of_the_fixture) {
  rig::Plugin plugin(store_, "proc_tcp", {{"procfs", tree("debian12")}});
  ASSERT_TRUE(plugin.collect(1s));
  const auto values = rig::values(store_);
  EXPECT_EQ(values.at("sentinel_sockets_used"), 241);
  EXPECT_EQ(values.at("sentinel_tcp_sockets{kind=\"orphan\"}"), 0);
  EXPECT_EQ(values.at("sentinel_tcp_sockets{kind=\"tw\"}"), 5);
  EXPECT_EQ(values.at("sentinel_tcp_sockets{kind=\"alloc\"}"), 22);
  EXPECT_EQ(values.at("sentinel_tcp_memory_bytes"), static_cast<double>(7 * sysconf(_SC_PAGESIZE)));
  for (const auto* name : {"sentinel_tcp_received_segments_total", "sentinel_tcp_sent_segments_total",
                           "sentinel_tcp_retransmitted_segments_total", "sentinel_tcp_sent_resets_total",
                           "sentinel_tcp_established_resets_total", "sentinel_tcp_listen_overflows_total",
                           "sentinel_tcp_listen_drops_total"}) {
    EXPECT_TRUE(values.contains(name)) << name;
  }
}

TEST_F(ProcTcpTest, takes_each_counter_from_its_own_column) {
  folder_.write("net/tcp", table(""));
  folder_.write("net/sockstat", "sockets: used 9\nTCP: inuse 1 orphan 2 tw 3 alloc 4 mem 5\n");
  folder_.write("net/sockstat6", "TCP6: inuse 10\n");
  folder_.write(
      "net/snmp",
      "Tcp: RtoAlgorithm EstabResets CurrEstab InSegs OutSegs RetransSegs InErrs OutRsts\nTcp: 1 2 3 4 5 6 7 8\n");
  folder_.write("net/netstat", "TcpExt: ListenOverflows ListenDrops\nTcpExt: 11 12\n");
  rig::Plugin plugin(store_, "proc_tcp", {{"procfs", folder_.path()}});
  ASSERT_TRUE(plugin.collect(1s));
  const auto values = rig::values(store_);
  EXPECT_EQ(values.at("sentinel_tcp_sockets{kind=\"inuse\"}"), 11);
  EXPECT_EQ(values.at("sentinel_tcp_established_resets_total"), 2);
  EXPECT_EQ(values.at("sentinel_tcp_received_segments_total"), 4);
  EXPECT_EQ(values.at("sentinel_tcp_sent_segments_total"), 5);
  EXPECT_EQ(values.at("sentinel_tcp_retransmitted_segments_total"), 6);
  EXPECT_EQ(values.at("sentinel_tcp_sent_resets_total"), 8);
  EXPECT_EQ(values.at("sentinel_tcp_listen_overflows_total"), 11);
  EXPECT_EQ(values.at("sentinel_tcp_listen_drops_total"), 12);
}

TEST_F(ProcTcpTest, reads_the_namespace_of_another_process) {
  folder_.write("net/tcp", table("0A"));
  folder_.write("1/net/tcp", table("01 01"));
  rig::Plugin plugin(store_, "proc_tcp", {{"procfs", folder_.path()}, {"pid", "1"}});
  ASSERT_TRUE(plugin.collect(1s));
  EXPECT_EQ(rig::values(store_).at(connections("established")), 2);
  EXPECT_EQ(rig::values(store_).at(connections("listen")), 0);
}

/// A socket bound to a port of its own on 127.0.0.1; of IPv6 on ::ffff:127.0.0.1, which needs no IPv6 address.
sentinel::procfs::UniqueFd bound(int family) {
  sentinel::procfs::UniqueFd fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  ::inet_pton(AF_INET6, "::ffff:127.0.0.1", &v6.sin6_addr);
  const auto done = family == AF_INET ? ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&v4), sizeof(v4))
                                      : ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&v6), sizeof(v6));
  EXPECT_EQ(done, 0) << std::strerror(errno);
  return fd;
}

TEST_F(ProcTcpTest, netlink_and_procfs_see_the_same_sockets) {
  const auto listener = bound(AF_INET);
  ASSERT_EQ(::listen(listener.get(), 8), 0);
  sockaddr_in address{};
  socklen_t size = sizeof(address);
  ASSERT_EQ(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  const auto client = bound(AF_INET);
  ASSERT_EQ(::connect(client.get(), reinterpret_cast<const sockaddr*>(&address), size), 0);
  const auto idle = bound(AF_INET);  // bound, but neither listening nor connected: in no list

  sentinel::store::Store other_store{std::size_t{1} << 20U};
  rig::Plugin netlink(store_, "proc_tcp", {{"source", "netlink"}});
  rig::Plugin procfs(other_store, "proc_tcp", {{"source", "procfs"}});
  // Other processes come and go between the two, so they need only agree once.
  const auto states = [](const sentinel::store::Store& store) {
    auto all = rig::values(store);
    std::erase_if(all, [](const auto& series) { return !series.first.starts_with("sentinel_tcp_connections"); });
    return all;
  };
  bool agree = false;
  for (int attempt = 1; attempt <= 200 && !agree; ++attempt) {
    const auto done = netlink.collect(std::chrono::seconds(attempt));
    ASSERT_TRUE(done) << done.error().message;
    ASSERT_TRUE(procfs.collect(std::chrono::seconds(attempt)));
    agree = states(store_) == states(other_store);
  }
  EXPECT_TRUE(agree);
  EXPECT_GE(rig::values(store_).at(connections("listen")), 1);
  EXPECT_GE(rig::values(store_).at(connections("established")), 2);
}

TEST_F(ProcTcpTest, netlink_sees_ipv6) {
  const auto listener = bound(AF_INET6);
  ASSERT_EQ(::listen(listener.get(), 8), 0);
  rig::Plugin plugin(store_, "proc_tcp", {{"source", "netlink"}});
  ASSERT_TRUE(plugin.collect(1s));
  EXPECT_GE(rig::values(store_).at(connections("listen")), 1);
  EXPECT_TRUE(plugin.log().empty()) << plugin.log().front();
}

TEST_F(ProcTcpTest, netlink_is_refused_for_a_namespace_that_it_cannot_see) {
  EXPECT_THROW(rig::Plugin(store_, "proc_tcp", {{"source", "netlink"}, {"pid", "1"}}), std::runtime_error);
  EXPECT_THROW(rig::Plugin(store_, "proc_tcp", {{"source", "netlink"}, {"procfs", folder_.path()}}, "other"),
               std::runtime_error);
}

TEST_F(ProcTcpTest, fails_with_the_path_when_the_table_is_missing_or_none) {
  rig::Plugin plugin(store_, "proc_tcp", {{"procfs", folder_.path()}});
  const auto missing = plugin.collect(1s);
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message, HasSubstr((folder_.path() / "net/tcp").string()));
  folder_.write("net/tcp", "no table\n");
  const auto malformed = plugin.collect(2s);
  ASSERT_FALSE(malformed);
  EXPECT_EQ(malformed.error().code, sentinel::Errc::invalid_argument);
  folder_.write("net/tcp", table("0A"));
  folder_.write("net/tcp6", "no table\n");
  const auto tcp6 = plugin.collect(3s);
  ASSERT_FALSE(tcp6);
  EXPECT_THAT(tcp6.error().message, HasSubstr("net/tcp6"));
}

}  // namespace
