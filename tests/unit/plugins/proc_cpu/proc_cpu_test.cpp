#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/plugins/rig.hpp"

namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

std::string tree(const std::string& name) {
  return std::string(SENTINEL_FIXTURES "/procfs/") + name;
}

std::string stat_text(std::uint64_t user, std::uint64_t idle, std::uint64_t iowait, std::uint64_t guest = 0) {
  const std::string times = std::to_string(user) + " 0 0 " + std::to_string(idle) + " " + std::to_string(iowait) +
                            " 0 0 0 " + std::to_string(guest) + " 0\n";
  return "cpu  " + times + "cpu0 " + times +
         "intr 1\nctxt 10\nbtime 1700000000\nprocesses 5\nprocs_running 1\nprocs_blocked 0\n";
}

class ProcCpuTest : public ::testing::Test {
 protected:
  void write(const std::string& stat) {
    folder_.write("stat", stat);
    folder_.write("loadavg", "0.50 0.25 0.10 1/100 1234\n");
  }

  rig::TemporaryFolder folder_;
  sentinel::store::Store store_{std::size_t{1} << 20U};
};

TEST_F(ProcCpuTest, reports_the_fixture) {
  rig::Plugin plugin(store_, "proc_cpu", {{"procfs", tree("debian12")}});
  ASSERT_TRUE(plugin.collect(100s));
  const auto values = rig::values(store_);
  EXPECT_EQ(values.at("sentinel_cpu_jiffies_total{mode=\"user\"}"), 706740);
  EXPECT_EQ(values.at("sentinel_cpu_seconds_total{cpu=\"0\",mode=\"user\"}"), 1652.04);
  EXPECT_EQ(values.at("sentinel_cpu_seconds_total{cpu=\"3\",mode=\"iowait\"}"), 184.74);
  EXPECT_EQ(values.at("sentinel_context_switches_total"), 481220394);
  EXPECT_EQ(values.at("sentinel_forks_total"), 198344);
  EXPECT_EQ(values.at("sentinel_processes_running"), 2);
  EXPECT_EQ(values.at("sentinel_processes_blocked"), 1);
  EXPECT_EQ(values.at("sentinel_boot_time_seconds"), 1767225600);
  EXPECT_EQ(values.at("sentinel_loadavg{interval=\"load1\"}"), 0.42);
  EXPECT_EQ(values.at("sentinel_loadavg{interval=\"load5\"}"), 0.57);
  EXPECT_EQ(values.at("sentinel_loadavg{interval=\"load15\"}"), 0.61);
  EXPECT_FALSE(values.contains("sentinel_cpu_usage_ratio")) << "one sample makes no usage";
}

TEST_F(ProcCpuTest, usage_is_between_two_collections_and_counts_guests_once) {
  write(stat_text(100, 100, 0));
  rig::Plugin plugin(store_, "proc_cpu", {{"procfs", folder_.path()}});
  ASSERT_TRUE(plugin.collect(1s));
  write(stat_text(130, 160, 10, 30));
  ASSERT_TRUE(plugin.collect(2s));
  EXPECT_DOUBLE_EQ(rig::values(store_).at("sentinel_cpu_usage_ratio"), 0.3);
}

TEST_F(ProcCpuTest, has_no_usage_when_no_time_passed) {
  write(stat_text(100, 100, 0));
  rig::Plugin plugin(store_, "proc_cpu", {{"procfs", folder_.path()}});
  ASSERT_TRUE(plugin.collect(1s));
  ASSERT_TRUE(plugin.collect(2s));
  const auto values = rig::values(store_);
  EXPECT_FALSE(values.contains("sentinel_cpu_usage_ratio"));
  EXPECT_TRUE(values.contains("sentinel_forks_total"));
}

TEST_F(ProcCpuTest, usage_stays_in_range_when_iowait_steps_back) {
  write(stat_text(100, 100, 50));
  rig::Plugin plugin(store_, "proc_cpu", {{"procfs", folder_.path()}});
  ASSERT_TRUE(plugin.collect(1s));
  write(stat_text(110, 120, 20));
  ASSERT_TRUE(plugin.collect(2s));
  const auto usage = rig::values(store_).at("sentinel_cpu_usage_ratio");
  EXPECT_GE(usage, 0);
  EXPECT_LE(usage, 1);
}

TEST_F(ProcCpuTest, a_swap_costs_no_usage) {
  write(stat_text(100, 100, 0));
  rig::Plugin old_one(store_, "proc_cpu", {{"procfs", folder_.path()}});
  ASSERT_TRUE(old_one.collect(1s));
  const auto state = old_one.save();
  ASSERT_TRUE(state) << state.error().message;
  EXPECT_EQ(state->version, 1U);

  rig::Plugin successor(store_, "proc_cpu", {{"procfs", folder_.path()}});
  ASSERT_TRUE(successor.restore(*state));
  write(stat_text(150, 150, 0));
  ASSERT_TRUE(successor.collect(2s));
  EXPECT_DOUBLE_EQ(rig::values(store_).at("sentinel_cpu_usage_ratio"), 0.5);
}

TEST_F(ProcCpuTest, saves_and_restores_that_nothing_was_sampled) {
  write(stat_text(100, 100, 0));
  rig::Plugin old_one(store_, "proc_cpu", {{"procfs", folder_.path()}});
  const auto state = old_one.save();
  ASSERT_TRUE(state) << state.error().message;
  rig::Plugin successor(store_, "proc_cpu", {{"procfs", folder_.path()}});
  ASSERT_TRUE(successor.restore(*state));
  ASSERT_TRUE(successor.collect(2s));
  EXPECT_FALSE(rig::values(store_).contains("sentinel_cpu_usage_ratio"));
}

TEST_F(ProcCpuTest, refuses_state_that_it_cannot_read) {
  rig::Plugin plugin(store_, "proc_cpu", {{"procfs", folder_.path()}});
  const auto newer = plugin.restore({2, "10 1 2 3 4 5 6 7 8 9 10"});
  ASSERT_FALSE(newer);
  EXPECT_EQ(newer.error().code, sentinel::Errc::unsupported);
  for (const std::string bytes :
       {"x", "10", "11 1 2 3 4 5 6 7 8 9 10", "10 1 2 3 4 5 6 7 8 9", "10 1 2 3 4 5 6 7 8 9 10 ",
        "10 1 2 3 4 5 6 7 8 9 -1", "10 1 2 3 4 5 6 7 8 9 99999999999999999999"}) {
    const auto done = plugin.restore({1, bytes});
    ASSERT_FALSE(done) << bytes;
    EXPECT_EQ(done.error().code, sentinel::Errc::invalid_argument) << bytes;
  }
}

TEST_F(ProcCpuTest, stays_within_ten_series_a_cpu_beside_a_fixed_part) {
  rig::Plugin plugin(store_, "proc_cpu", {{"procfs", tree("cpus128")}});
  ASSERT_TRUE(plugin.collect(1s));
  ASSERT_TRUE(plugin.collect(2s));
  EXPECT_LE(rig::values(store_).size(), 128U * 10 + 20);
}

TEST_F(ProcCpuTest, is_made_without_a_tree_and_says_why_it_fails) {
  rig::Plugin plugin(store_, "proc_cpu", {{"procfs", folder_.path() / "missing"}});
  const auto done = plugin.collect(1s);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, sentinel::Errc::not_found);
  EXPECT_THAT(done.error().message, HasSubstr((folder_.path() / "missing").string()));
  std::filesystem::create_directory(folder_.path() / "missing");
  folder_.write("missing/stat", stat_text(1, 1, 1));
  folder_.write("missing/loadavg", "0.50 0.25 0.10 1/100 1234\n");
  EXPECT_TRUE(plugin.collect(2s)) << "the tree turned up";
}

TEST_F(ProcCpuTest, fails_whole_on_a_file_that_is_missing_or_malformed) {
  write(stat_text(1, 1, 1));
  std::filesystem::remove(folder_.path() / "loadavg");
  rig::Plugin plugin(store_, "proc_cpu", {{"procfs", folder_.path()}});
  const auto missing = plugin.collect(1s);
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message, HasSubstr("/loadavg"));
  EXPECT_TRUE(rig::values(store_).empty());

  folder_.write("loadavg", "garbage");
  const auto malformed = plugin.collect(2s);
  ASSERT_FALSE(malformed);
  EXPECT_THAT(malformed.error().message, HasSubstr((folder_.path() / "loadavg").string()));
}

}  // namespace
