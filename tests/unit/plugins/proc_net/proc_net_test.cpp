#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/plugins/rig.hpp"

namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::string_view heading = "Inter-|   Receive\n face |bytes\n";

std::string device(const std::string& name, int first = 1) {
  std::string line = "  " + name + ":";
  for (int column = 0; column < 16; ++column) line += " " + std::to_string(first + column);
  return line + "\n";
}

/// A line of net/softnet_stat with its CPU's number.
std::string cpu(const std::string& processed, const std::string& dropped, const std::string& squeezed, int number) {
  return processed + " " + dropped + " " + squeezed + " 0 0 0 0 0 0 0 0 0 " + std::to_string(number) + " 0 0\n";
}

class ProcNetTest : public ::testing::Test {
 protected:
  void SetUp() override { folder_.write("net/dev", std::string(heading) + device("eth0")); }
  rig::Values values() { return rig::values(store_); }
  double value(const std::string& series) { return values().at(series); }

  rig::TemporaryFolder folder_;
  sentinel::store::Store store_{std::size_t{1} << 20U};
};

TEST_F(ProcNetTest, reports_both_ways_of_a_device) {
  rig::Plugin plugin(store_, "proc_net", {{"procfs", folder_.path()}});
  ASSERT_TRUE(plugin.collect(1s));
  EXPECT_EQ(value("sentinel_network_receive_bytes_total{device=\"eth0\"}"), 1);
  EXPECT_EQ(value("sentinel_network_receive_packets_total{device=\"eth0\"}"), 2);
  EXPECT_EQ(value("sentinel_network_receive_errors_total{device=\"eth0\"}"), 3);
  EXPECT_EQ(value("sentinel_network_receive_drops_total{device=\"eth0\"}"), 4);
  EXPECT_EQ(value("sentinel_network_transmit_bytes_total{device=\"eth0\"}"), 9);
  EXPECT_EQ(value("sentinel_network_transmit_packets_total{device=\"eth0\"}"), 10);
  EXPECT_EQ(value("sentinel_network_transmit_errors_total{device=\"eth0\"}"), 11);
  EXPECT_EQ(value("sentinel_network_transmit_drops_total{device=\"eth0\"}"), 12);
}

TEST_F(ProcNetTest, a_kernel_without_the_other_files_lacks_their_series_alone) {
  rig::Plugin plugin(store_, "proc_net", {{"procfs", folder_.path()}});
  ASSERT_TRUE(plugin.collect(1s));
  EXPECT_EQ(values().size(), 9U) << "8 of the device, and those left out";
}

TEST_F(ProcNetTest, leaves_out_devices_of_containers_and_counts_those_beyond_the_limit) {
  std::string text(heading);
  for (const char* name : {"lo", "veth01", "eth0", "eth1", "eth2", "ifb0"}) text += device(name);
  folder_.write("net/dev", text);
  rig::Plugin plugin(store_, "proc_net", {{"procfs", folder_.path()}, {"most_devices", "2"}});
  ASSERT_TRUE(plugin.collect(1s));
  EXPECT_TRUE(values().contains("sentinel_network_receive_bytes_total{device=\"lo\"}"));
  EXPECT_TRUE(values().contains("sentinel_network_receive_bytes_total{device=\"eth0\"}"));
  EXPECT_FALSE(values().contains("sentinel_network_receive_bytes_total{device=\"eth1\"}"));
  EXPECT_FALSE(values().contains("sentinel_network_receive_bytes_total{device=\"veth01\"}"));
  EXPECT_EQ(value("sentinel_network_devices_left_out"), 2) << "eth1 and eth2; the ignored do not count";
}

TEST_F(ProcNetTest, ignores_what_it_is_told_to) {
  folder_.write("net/dev", std::string(heading) + device("eth0") + device("veth01"));
  rig::Plugin plugin(store_, "proc_net", {{"procfs", folder_.path()}, {"ignore_devices", "e*"}});
  ASSERT_TRUE(plugin.collect(1s));
  EXPECT_FALSE(values().contains("sentinel_network_receive_bytes_total{device=\"eth0\"}"));
  EXPECT_TRUE(values().contains("sentinel_network_receive_bytes_total{device=\"veth01\"}"));
}

TEST_F(ProcNetTest, adds_the_cpus_beyond_the_kernels_32_bits_and_keeps_those_offline) {
  const auto write = [&](const std::string& text) { folder_.write("net/softnet_stat", text); };
  rig::Plugin plugin(store_, "proc_net", {{"procfs", folder_.path()}});
  write(cpu("fffffff0", "2", "0", 0) + cpu("10", "0", "3", 1));
  ASSERT_TRUE(plugin.collect(1s));
  EXPECT_EQ(value("sentinel_softnet_processed_total"), 4294967296.0);
  EXPECT_EQ(value("sentinel_softnet_dropped_total"), 2);
  EXPECT_EQ(value("sentinel_softnet_times_squeezed_total"), 3);
  write(cpu("00000010", "2", "0", 0) + cpu("20", "0", "3", 1));
  ASSERT_TRUE(plugin.collect(6s));
  EXPECT_EQ(value("sentinel_softnet_processed_total"), 4294967296.0 + 0x20 + 0x10) << "the first wrapped";
  write(cpu("00000010", "2", "0", 0));
  ASSERT_TRUE(plugin.collect(11s));
  EXPECT_EQ(value("sentinel_softnet_processed_total"), 4294967296.0 + 0x20 + 0x10) << "the second went offline";
}

TEST_F(ProcNetTest, a_successor_goes_on_where_it_left) {
  folder_.write("net/softnet_stat", cpu("fffffff0", "2", "0", 0));
  rig::Plugin plugin(store_, "proc_net", {{"procfs", folder_.path()}});
  ASSERT_TRUE(plugin.collect(1s));
  folder_.write("net/softnet_stat", cpu("0", "2", "0", 0));
  ASSERT_TRUE(plugin.collect(6s));
  const auto saved = plugin.save();
  ASSERT_TRUE(saved);
  sentinel::store::Store other(std::size_t{1} << 20U);
  rig::Plugin successor(other, "proc_net", {{"procfs", folder_.path()}});
  ASSERT_TRUE(successor.restore(*saved));
  folder_.write("net/softnet_stat", cpu("1", "5", "0", 0));
  ASSERT_TRUE(successor.collect(11s));
  EXPECT_EQ(rig::values(other).at("sentinel_softnet_processed_total"), 4294967297.0);
  EXPECT_EQ(rig::values(other).at("sentinel_softnet_dropped_total"), 5);
}

TEST_F(ProcNetTest, refuses_a_state_that_is_not_its_own) {
  rig::Plugin plugin(store_, "proc_net", {{"procfs", folder_.path()}});
  for (const char* text : {"x", "1 2 3\n", "1 2 3 4 5 6 -7\n", "1 2 3 4 5 6 7", "99999999999 2 3 4 5 6 7\n"}) {
    EXPECT_FALSE(plugin.restore({1, text})) << text;
  }
  EXPECT_FALSE(plugin.restore({2, ""}));
  EXPECT_TRUE(plugin.restore({1, ""}));
}

TEST_F(ProcNetTest, names_the_cpus_in_trouble_worst_first) {
  folder_.write("net/softnet_stat",
                cpu("10", "0", "1", 0) + cpu("10", "0", "0", 1) + cpu("10", "9", "0", 2) + cpu("10", "0", "5", 3));
  rig::Plugin plugin(store_, "proc_net", {{"procfs", folder_.path()}});
  ASSERT_TRUE(plugin.collect(1s));
  const auto rows = plugin.details("softnet_by_cpu");
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[0], (rig::Row{{"cpu", "2"}, {"processed", "16"}, {"dropped", "9"}, {"times_squeezed", "0"}}));
  EXPECT_EQ(rows[1].at("cpu"), "3");
  EXPECT_EQ(rows[2].at("cpu"), "0");
}

TEST_F(ProcNetTest, reports_tracked_connections_where_they_are_tracked) {
  folder_.write("sys/net/netfilter/nf_conntrack_count", "812\n");
  folder_.write("sys/net/netfilter/nf_conntrack_max", "262144\n");
  rig::Plugin plugin(store_, "proc_net", {{"procfs", folder_.path()}});
  ASSERT_TRUE(plugin.collect(1s));
  EXPECT_EQ(value("sentinel_conntrack_entries"), 812);
  EXPECT_EQ(value("sentinel_conntrack_entries_limit"), 262144);
  std::filesystem::remove_all(folder_.path() / "sys");
  ASSERT_TRUE(plugin.collect(6s));
  EXPECT_FALSE(values().contains("sentinel_conntrack_entries")) << "the module was unloaded";
}

TEST_F(ProcNetTest, of_another_process_shows_its_devices_and_not_our_tracked_connections) {
  folder_.write("7/net/dev", std::string(heading) + device("eth7"));
  folder_.write("sys/net/netfilter/nf_conntrack_count", "812\n");
  rig::Plugin plugin(store_, "proc_net", {{"procfs", folder_.path()}, {"pid", "7"}});
  ASSERT_TRUE(plugin.collect(1s));
  EXPECT_TRUE(values().contains("sentinel_network_receive_bytes_total{device=\"eth7\"}"));
  EXPECT_FALSE(values().contains("sentinel_conntrack_entries"));
}

TEST_F(ProcNetTest, a_malformed_file_fails_the_collection_and_is_named) {
  for (const char* file : {"net/dev", "net/softnet_stat", "sys/net/netfilter/nf_conntrack_count"}) {
    const rig::TemporaryFolder folder;
    folder.write("net/dev", heading);
    folder.write(file, "\xff\x1b[31m\n");
    sentinel::store::Store store(std::size_t{1} << 20U);
    rig::Plugin plugin(store, "proc_net", {{"procfs", folder.path()}});
    const auto done = plugin.collect(1s);
    ASSERT_FALSE(done) << file;
    EXPECT_THAT(done.error().message, HasSubstr(file));
  }
}

TEST_F(ProcNetTest, reports_this_host) {
  rig::Plugin plugin(store_, "proc_net", {});
  ASSERT_TRUE(plugin.collect(1s));
  EXPECT_TRUE(values().contains("sentinel_network_receive_bytes_total{device=\"lo\"}"));
  EXPECT_TRUE(values().contains("sentinel_softnet_processed_total"));
}

TEST_F(ProcNetTest, is_made_without_a_tree_and_says_why_it_fails) {
  rig::Plugin plugin(store_, "proc_net", {{"procfs", folder_.path() / "missing"}});
  const auto done = plugin.collect(1s);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, sentinel::Errc::not_found);
}

}  // namespace
