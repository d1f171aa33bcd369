#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include "tests/unit/plugins/rig.hpp"

namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string tree(const std::string& name) {
  return std::string(SENTINEL_FIXTURES "/procfs/") + name;
}

std::string process(int pid, const std::string& comm, char state, int ppid, std::uint64_t started_ticks = 100,
                    int threads = 1) {
  return std::to_string(pid) + " (" + comm + ") " + state + " " + std::to_string(ppid) +
         " 0 0 0 -1 0 0 0 0 0 0 0 0 0 20 0 " + std::to_string(threads) + " 0 " + std::to_string(started_ticks) +
         " 4096 1 18446744073709551615 0 0 0 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n";
}

class ProcZombieTest : public ::testing::Test {
 protected:
  void add(int pid, const std::string& comm, char state, int ppid, std::uint64_t started_ticks = 100, int threads = 1) {
    folder_.write(std::to_string(pid) + "/stat", process(pid, comm, state, ppid, started_ticks, threads));
  }
  double count(const std::string& state) {
    return rig::values(store_).at("sentinel_process_count{state=\"" + state + "\"}");
  }

  const std::uint64_t hertz_ = static_cast<std::uint64_t>(sysconf(_SC_CLK_TCK));
  rig::TemporaryFolder folder_;
  sentinel::store::Store store_{std::size_t{1} << 20U};
};

TEST_F(ProcZombieTest, counts_every_state_and_threads) {
  add(1, "init", 'S', 0);
  add(2, "kworker/0:0", 'I', 0);
  add(3, "busy", 'R', 1, 100, 5);
  add(4, "gone", 'Z', 1);
  add(5, "disk", 'D', 1);
  add(6, "odd", '?', 1);
  rig::Plugin plugin(store_, "proc_zombie", {{"procfs", folder_.path()}});
  ASSERT_TRUE(plugin.collect(1s));
  EXPECT_EQ(count("interruptible_sleep"), 1);
  EXPECT_EQ(count("idle"), 1);
  EXPECT_EQ(count("running"), 1);
  EXPECT_EQ(count("zombie"), 1);
  EXPECT_EQ(count("uninterruptible_disk_sleep"), 1);
  EXPECT_EQ(count("unknown"), 1);
  EXPECT_EQ(count("stopped"), 0);
  EXPECT_EQ(count("tracing_stop"), 0);
  EXPECT_EQ(rig::values(store_).at("sentinel_threads"), 10);
}

TEST_F(ProcZombieTest, names_the_parents_that_leave_zombies_worst_first) {
  add(10, "few", 'S', 1);
  add(20, "many", 'S', 1);
  add(101, "a", 'Z', 10, 1 * hertz_);
  add(201, "b", 'Z', 20, 30 * hertz_);
  add(202, "c", 'Z', 20, 20 * hertz_);
  rig::Plugin plugin(store_, "proc_zombie", {{"procfs", folder_.path()}});
  ASSERT_TRUE(plugin.collect(120s));
  EXPECT_THAT(plugin.details("zombies_by_parent"), ElementsAre(rig::Row{{"ppid", "20"},
                                                                        {"parent", "many"},
                                                                        {"zombies", "2"},
                                                                        {"oldest_pid", "202"},
                                                                        {"oldest_age_seconds", "100"}},
                                                               rig::Row{{"ppid", "10"},
                                                                        {"parent", "few"},
                                                                        {"zombies", "1"},
                                                                        {"oldest_pid", "101"},
                                                                        {"oldest_age_seconds", "119"}}));
  std::filesystem::remove_all(folder_.path() / "101");
  std::filesystem::remove_all(folder_.path() / "201");
  std::filesystem::remove_all(folder_.path() / "202");
  ASSERT_TRUE(plugin.collect(125s));
  EXPECT_THAT(plugin.details("zombies_by_parent"), IsEmpty());
}

TEST_F(ProcZombieTest, keeps_no_more_than_fifty_parents) {
  for (int parent = 0; parent < 60; ++parent) {
    for (int child = 0; child <= parent % 3; ++child) add(1000 + 10 * parent + child, "z", 'Z', 100 + parent);
  }
  rig::Plugin plugin(store_, "proc_zombie", {{"procfs", folder_.path()}});
  ASSERT_TRUE(plugin.collect(1s));
  const auto rows = plugin.details("zombies_by_parent");
  ASSERT_EQ(rows.size(), 50U);
  EXPECT_EQ(rows.front().at("zombies"), "3");
  EXPECT_EQ(rows.front().at("parent"), "") << "a parent that is gone has no name";
  EXPECT_EQ(rows.back().at("zombies"), "1");
  EXPECT_EQ(count("zombie"), 120);
}

TEST_F(ProcZombieTest, a_clock_behind_the_processes_gives_no_negative_age) {
  add(101, "a", 'Z', 10, 1000 * hertz_);
  rig::Plugin plugin(store_, "proc_zombie", {{"procfs", folder_.path()}});
  ASSERT_TRUE(plugin.collect(1s));
  EXPECT_EQ(plugin.details("zombies_by_parent").at(0).at("oldest_age_seconds"), "0");
}

TEST_F(ProcZombieTest, survives_names_that_try_to_break_it_and_counts_what_it_cannot_read) {
  add(1, "a) Z 1 (b", 'S', 0);
  add(2, "\xff\"\n", 'Z', 3);
  add(3, "\xff\"\n", 'S', 1);
  folder_.write("4/stat", "4 (cut) S");
  folder_.write("5/comm", "no stat\n");
  rig::Plugin plugin(store_, "proc_zombie", {{"procfs", folder_.path()}});
  ASSERT_TRUE(plugin.collect(1s));
  EXPECT_EQ(count("interruptible_sleep"), 2);
  EXPECT_EQ(count("zombie"), 1);
  const auto values = rig::values(store_);
  EXPECT_EQ(values.at("sentinel_processes_unreadable{reason=\"malformed\"}"), 1);
  EXPECT_EQ(values.at("sentinel_processes_unreadable{reason=\"vanished\"}"), 1);
  EXPECT_EQ(values.at("sentinel_processes_unreadable{reason=\"denied\"}"), 0);
  EXPECT_EQ(plugin.details("zombies_by_parent").at(0).at("parent"), "\xff\"\n") << "the agent cleans texts, not we";
}

TEST_F(ProcZombieTest, reports_the_fixture) {
  rig::Plugin plugin(store_, "proc_zombie", {{"procfs", tree("debian12")}});
  ASSERT_TRUE(plugin.collect(1000s));
  EXPECT_EQ(count("zombie"), 2);
  const auto rows = plugin.details("zombies_by_parent");
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].at("ppid"), "702");
  EXPECT_EQ(rows[0].at("zombies"), "2");
  EXPECT_EQ(rows[0].at("oldest_pid"), "1377");
}

TEST_F(ProcZombieTest, a_folder_without_processes_is_a_mistake) {
  rig::Plugin plugin(store_, "proc_zombie", {{"procfs", folder_.path()}});
  const auto done = plugin.collect(1s);
  ASSERT_FALSE(done);
  EXPECT_THAT(done.error().message, HasSubstr(folder_.path().string()));
}

TEST_F(ProcZombieTest, is_made_without_a_tree_and_says_why_it_fails) {
  rig::Plugin plugin(store_, "proc_zombie", {{"procfs", folder_.path() / "missing"}});
  const auto done = plugin.collect(1s);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, sentinel::Errc::not_found);
  EXPECT_THAT(done.error().message, HasSubstr((folder_.path() / "missing").string()));
}

}  // namespace
