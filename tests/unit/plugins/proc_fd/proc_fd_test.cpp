#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/unit/plugins/rig.hpp"

namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* ratio = "sentinel_process_fds_usage_ratio_max";

std::string limits(const std::string& soft) {
  return "Limit                     Soft Limit           Hard Limit           Units     \n"
         "Max processes             15408                15408                processes \n"
         "Max open files            " +
         soft + "                 1048576              files     \n";
}

class ProcFdTest : public ::testing::Test {
 protected:
  void SetUp() override { folder_.write("sys/fs/file-nr", "1984\t0\t402653\n"); }

  void add(int pid, const std::string& comm, int open, const std::string& soft) {
    const auto name = std::to_string(pid);
    folder_.write(name + "/stat", name + " (" + comm + ") S 1 0 0 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 9 4096 1\n");
    folder_.write(name + "/limits", limits(soft));
    std::filesystem::create_directories(folder_.path() / name / "fd");
    for (int fd = 0; fd < open; ++fd) folder_.write(name + "/fd/" + std::to_string(fd), "");
  }
  rig::Values values() { return rig::values(store_); }

  rig::TemporaryFolder folder_;
  sentinel::store::Store store_{std::size_t{1} << 20U};
};

TEST_F(ProcFdTest, reports_the_host) {
  rig::Plugin plugin(store_, "proc_fd", {{"procfs", folder_.path()}});
  ASSERT_TRUE(plugin.collect(1s));
  EXPECT_EQ(values().at("sentinel_file_descriptors_allocated"), 1984);
  EXPECT_EQ(values().at("sentinel_file_descriptors_limit"), 402653);
  EXPECT_FALSE(values().contains(ratio)) << "no process, no ratio";
}

TEST_F(ProcFdTest, finds_the_process_nearest_to_its_limit_not_the_one_with_most) {
  add(1, "init", 40, "1048576");
  add(20, "leaky", 9, "10");
  add(30, "half", 10, "20");
  add(40, "free", 5, "unlimited");
  add(50, "kworker/0:0", 0, "1024");
  rig::Plugin plugin(store_, "proc_fd", {{"procfs", folder_.path()}});
  ASSERT_TRUE(plugin.collect(1s));
  EXPECT_EQ(values().at(ratio), 0.9);
  const auto rows = plugin.details("descriptors_by_process");
  ASSERT_EQ(rows.size(), 4U) << "a process without descriptors is no culprit";
  EXPECT_EQ(rows[0], (rig::Row{{"pid", "20"}, {"comm", "leaky"}, {"open", "9"}, {"limit", "10"}}));
  EXPECT_EQ(rows[1].at("comm"), "half");
}

TEST_F(ProcFdTest, follows_what_happens_to_a_process) {
  add(20, "leaky", 2, "10");
  rig::Plugin plugin(store_, "proc_fd", {{"procfs", folder_.path()}});
  ASSERT_TRUE(plugin.collect(1s));
  EXPECT_EQ(values().at(ratio), 0.2);
  add(20, "leaky", 8, "10");
  ASSERT_TRUE(plugin.collect(6s));
  EXPECT_EQ(values().at(ratio), 0.8);
  folder_.write("20/limits", limits("100"));
  ASSERT_TRUE(plugin.collect(11s));
  EXPECT_EQ(values().at(ratio), 0.08) << "near its limit, the limit is read each time";
  std::filesystem::remove_all(folder_.path() / "20");
  ASSERT_TRUE(plugin.collect(16s));
  EXPECT_FALSE(values().contains(ratio));
  EXPECT_THAT(plugin.details("descriptors_by_process"), IsEmpty());
}

TEST_F(ProcFdTest, reads_a_kept_limit_again_in_time) {
  add(20, "calm", 1, "10");
  rig::Plugin plugin(store_, "proc_fd", {{"procfs", folder_.path()}});
  ASSERT_TRUE(plugin.collect(1s));
  folder_.write("20/limits", limits("4"));
  std::chrono::seconds now = 1s;
  for (int i = 0; i < 12; ++i) ASSERT_TRUE(plugin.collect(now += 5s));
  EXPECT_EQ(values().at(ratio), 0.25);
}

TEST_F(ProcFdTest, a_pid_that_another_process_took_over_has_that_ones_limit) {
  add(20, "before", 1, "10");
  rig::Plugin plugin(store_, "proc_fd", {{"procfs", folder_.path()}});
  ASSERT_TRUE(plugin.collect(1s));
  // The other directory is made while the first is there, so that they cannot have the same inode.
  add(21, "after", 1, "4");
  std::filesystem::remove_all(folder_.path() / "20");
  std::filesystem::rename(folder_.path() / "21", folder_.path() / "20");
  ASSERT_TRUE(plugin.collect(6s));
  EXPECT_EQ(values().at(ratio), 0.25);
}

TEST_F(ProcFdTest, keeps_the_ten_worst) {
  for (int pid = 1; pid <= 30; ++pid) add(pid, "p" + std::to_string(pid), pid, "100");
  rig::Plugin plugin(store_, "proc_fd", {{"procfs", folder_.path()}});
  ASSERT_TRUE(plugin.collect(1s));
  const auto rows = plugin.details("descriptors_by_process");
  ASSERT_EQ(rows.size(), 10U);
  EXPECT_EQ(rows.front().at("comm"), "p30");
  EXPECT_EQ(rows.back().at("comm"), "p21");
}

TEST_F(ProcFdTest, counts_what_it_cannot_read_and_goes_on) {
  add(20, "good", 5, "10");
  add(30, "bad", 5, "many");
  add(40, "none", 5, "0");
  add(50, "vanishes", 5, "10");
  std::filesystem::remove(folder_.path() / "50/limits");
  folder_.write("60/fd", "no directory");
  folder_.write("70/comm", "gone\n");
  std::filesystem::remove(folder_.path() / "20/stat");
  rig::Plugin plugin(store_, "proc_fd", {{"procfs", folder_.path()}});
  ASSERT_TRUE(plugin.collect(1s));
  EXPECT_EQ(values().at("sentinel_process_fds_unreadable{reason=\"failed\"}"), 2);
  EXPECT_EQ(values().at("sentinel_process_fds_unreadable{reason=\"denied\"}"), 0);
  EXPECT_EQ(values().at(ratio), 5) << "a limit of none counts as one";
  const auto rows = plugin.details("descriptors_by_process");
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[1].at("comm"), "") << "a process that is gone has no name";
}

TEST_F(ProcFdTest, leaves_processes_out_when_told_to) {
  add(20, "leaky", 9, "10");
  rig::Plugin plugin(store_, "proc_fd", {{"procfs", folder_.path()}, {"processes", "false"}});
  ASSERT_TRUE(plugin.collect(1s));
  EXPECT_THAT(values(), ElementsAre(::testing::Key("sentinel_file_descriptors_allocated"),
                                    ::testing::Key("sentinel_file_descriptors_limit")));
}

/// Opens descriptors until the process stands at this many of its soft limit; undone at the end.
class NearItsLimit {
 public:
  explicit NearItsLimit(rlim_t soft) {
    EXPECT_EQ(::getrlimit(RLIMIT_NOFILE, &before_), 0);
    rlimit now = before_;
    now.rlim_cur = soft;
    EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &now), 0);
    while (opened_.size() < soft - 30) opened_.push_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  }
  NearItsLimit(const NearItsLimit&) = delete;
  NearItsLimit& operator=(const NearItsLimit&) = delete;
  ~NearItsLimit() {
    for (const int fd : opened_) ::close(fd);
    EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &before_), 0);
  }

 private:
  rlimit before_{};
  std::vector<int> opened_;
};

TEST_F(ProcFdTest, finds_this_very_process_on_this_host) {
  const NearItsLimit near(300);
  rig::Plugin plugin(store_, "proc_fd", {});
  ASSERT_TRUE(plugin.collect(1s));
  EXPECT_GE(values().at(ratio), 0.9);
  EXPECT_GT(values().at("sentinel_file_descriptors_allocated"), 0);
  bool found = false;
  for (const auto& row : plugin.details("descriptors_by_process")) {
    found = found || (row.at("pid") == std::to_string(::getpid()) && row.at("limit") == "300");
  }
  EXPECT_TRUE(found);
}

TEST_F(ProcFdTest, says_which_file_is_wrong) {
  folder_.write("sys/fs/file-nr", "1984\n");
  rig::Plugin plugin(store_, "proc_fd", {{"procfs", folder_.path()}});
  const auto done = plugin.collect(1s);
  ASSERT_FALSE(done);
  EXPECT_THAT(done.error().message, HasSubstr("sys/fs/file-nr"));
}

TEST_F(ProcFdTest, is_made_without_a_tree_and_says_why_it_fails) {
  rig::Plugin plugin(store_, "proc_fd", {{"procfs", folder_.path() / "missing"}});
  const auto done = plugin.collect(1s);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, sentinel::Errc::not_found);
}

}  // namespace
