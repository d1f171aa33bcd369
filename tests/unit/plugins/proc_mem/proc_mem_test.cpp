#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/plugins/rig.hpp"

namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

std::string tree(const std::string& name) {
  return std::string(SENTINEL_FIXTURES "/procfs/") + name;
}

constexpr std::string_view meminfo =
    "MemTotal:        1000 kB\nMemFree:          100 kB\nMemAvailable:     250 kB\nActive(anon):      30 kB\n"
    "HugePages_Total:       4\nHugePages_Free:        3\nNewThing:          7 kB\nNewCount:          8\n";

class ProcMemTest : public ::testing::Test {
 protected:
  rig::TemporaryFolder folder_;
  sentinel::store::Store store_{std::size_t{1} << 20U};
};

TEST_F(ProcMemTest, reports_every_line_of_meminfo_and_the_usage_in_percent) {
  folder_.write("meminfo", meminfo);
  rig::Plugin plugin(store_, "proc_mem", {{"procfs", folder_.path()}});
  ASSERT_TRUE(plugin.collect(1s));
  EXPECT_EQ(rig::values(store_), (rig::Values{{"sentinel_memory_usage", 75},
                                              {"sentinel_memory_total_bytes", 1024000},
                                              {"sentinel_memory_free_bytes", 102400},
                                              {"sentinel_memory_available_bytes", 256000},
                                              {"sentinel_memory_active_anon_bytes", 30720},
                                              {"sentinel_memory_huge_pages", 4},
                                              {"sentinel_memory_huge_pages_free", 3},
                                              {"sentinel_memory_new_thing_bytes", 7168},
                                              {"sentinel_memory_new_count", 8}}));
}

TEST_F(ProcMemTest, reports_pressure_and_vmstat_of_the_fixture) {
  rig::Plugin plugin(store_, "proc_mem", {{"procfs", tree("debian12")}});
  ASSERT_TRUE(plugin.collect(1s));
  const auto values = rig::values(store_);
  EXPECT_DOUBLE_EQ(values.at("sentinel_pressure_waiting_seconds_total{resource=\"memory\"}"), 4.120933);
  EXPECT_DOUBLE_EQ(values.at("sentinel_pressure_stalled_seconds_total{resource=\"memory\"}"), 3.980117);
  EXPECT_TRUE(values.contains("sentinel_pressure_waiting_ratio{resource=\"cpu\"}"));
  EXPECT_TRUE(values.contains("sentinel_pressure_stalled_ratio{resource=\"io\"}"));
  EXPECT_TRUE(values.contains("sentinel_memory_swapped_in_bytes_total"));
  EXPECT_TRUE(values.contains("sentinel_memory_swapped_out_bytes_total"));
  EXPECT_TRUE(values.contains("sentinel_memory_major_faults_total"));
  EXPECT_TRUE(values.contains("sentinel_oom_kills_total"));
}

TEST_F(ProcMemTest, turns_percent_into_ratios_and_microseconds_into_seconds) {
  folder_.write("meminfo", meminfo);
  folder_.write("pressure/cpu", "some avg10=12.50 avg60=0.00 avg300=0.00 total=2500000\n");
  rig::Plugin plugin(store_, "proc_mem", {{"procfs", folder_.path()}});
  ASSERT_TRUE(plugin.collect(1s));
  const auto values = rig::values(store_);
  EXPECT_DOUBLE_EQ(values.at("sentinel_pressure_waiting_ratio{resource=\"cpu\"}"), 0.125);
  EXPECT_DOUBLE_EQ(values.at("sentinel_pressure_waiting_seconds_total{resource=\"cpu\"}"), 2.5);
  EXPECT_FALSE(values.contains("sentinel_pressure_stalled_ratio{resource=\"cpu\"}")) << "no `full` before Linux 5.13";
  EXPECT_FALSE(values.contains("sentinel_pressure_waiting_ratio{resource=\"io\"}"));
}

TEST_F(ProcMemTest, a_kernel_without_psi_is_no_failure) {
  rig::Plugin plugin(store_, "proc_mem", {{"procfs", tree("no_psi")}});
  ASSERT_TRUE(plugin.collect(1s));
  for (const auto& [name, value] : rig::values(store_)) EXPECT_THAT(name, Not(HasSubstr("pressure"))) << value;
}

TEST_F(ProcMemTest, has_no_usage_before_the_kernel_estimates_what_is_available) {
  folder_.write("meminfo", "MemTotal: 1000 kB\nMemFree: 100 kB\n");
  rig::Plugin plugin(store_, "proc_mem", {{"procfs", folder_.path()}});
  ASSERT_TRUE(plugin.collect(1s));
  EXPECT_FALSE(rig::values(store_).contains("sentinel_memory_usage"));
  folder_.write("meminfo", "MemTotal: 0 kB\nMemFree: 0 kB\nMemAvailable: 0 kB\n");
  ASSERT_TRUE(plugin.collect(2s));
  EXPECT_FALSE(rig::values(store_).contains("sentinel_memory_usage"));
}

TEST_F(ProcMemTest, is_made_without_a_tree_and_recovers_when_it_turns_up) {
  rig::Plugin plugin(store_, "proc_mem", {{"procfs", folder_.path()}});
  const auto done = plugin.collect(1s);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, sentinel::Errc::not_found);
  EXPECT_THAT(done.error().message, HasSubstr((folder_.path() / "meminfo").string()));
  folder_.write("meminfo", meminfo);
  ASSERT_TRUE(plugin.collect(2s));
  EXPECT_EQ(rig::values(store_).at("sentinel_memory_total_bytes"), 1024000);
}

TEST_F(ProcMemTest, declares_the_same_metrics_on_every_kernel_that_is_known) {
  const auto names = [&](const std::string& procfs, const std::string& instance) {
    rig::Plugin plugin(store_, "proc_mem", {{"procfs", procfs}}, instance);
    std::vector<std::string> all;
    for (const auto& metric : plugin.declared()) all.push_back(metric->decl.name);
    std::sort(all.begin(), all.end());
    return all;
  };
  const auto known = names((folder_.path() / "missing").string(), "none");
  for (const std::string name : {"debian12", "ipv6_heavy", "cpus128", "container", "no_psi"}) {
    EXPECT_EQ(names(tree(name), name), known) << "a line of " << name << "/meminfo is missing from known_fields.hpp";
  }
}

TEST_F(ProcMemTest, a_line_that_makes_a_name_which_is_taken_is_left_out) {
  folder_.write("meminfo", std::string(meminfo) + "Usage: 5\nHuge_Pages: 6\n");
  rig::Plugin plugin(store_, "proc_mem", {{"procfs", folder_.path()}});
  ASSERT_TRUE(plugin.collect(1s));
  EXPECT_EQ(rig::values(store_).at("sentinel_memory_usage"), 75);
  EXPECT_EQ(rig::values(store_).at("sentinel_memory_huge_pages"), 4);
}

TEST_F(ProcMemTest, an_optional_file_that_is_malformed_fails_the_collection_with_its_path) {
  folder_.write("meminfo", meminfo);
  folder_.write("pressure/io", "some avg10=");
  rig::Plugin plugin(store_, "proc_mem", {{"procfs", folder_.path()}});
  const auto done = plugin.collect(1s);
  ASSERT_FALSE(done);
  EXPECT_THAT(done.error().message, HasSubstr((folder_.path() / "pressure/io").string()));
  EXPECT_TRUE(rig::values(store_).empty());
}

}  // namespace
