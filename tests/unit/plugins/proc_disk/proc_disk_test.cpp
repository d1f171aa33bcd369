#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <thread>

#include "tests/support/process.hpp"
#include "tests/unit/plugins/rig.hpp"

namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// Makes statfs(2) of one path hang in the kernel, in the children of a thread, and continue for every other path: the
/// call waits for a supervisor (seccomp_unotify(2)) who never answers.
class HangingStatfs {
 public:
  explicit HangingStatfs(std::string path) : path_(std::move(path)) {}
  HangingStatfs(const HangingStatfs&) = delete;
  HangingStatfs& operator=(const HangingStatfs&) = delete;
  ~HangingStatfs() {
    if (listener_ >= 0) ::close(listener_);
  }

  /// For good: the thread must end behind it.
  void seize_this_thread() const {
    sock_filter code[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
                          BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_statfs, 0, 1),
                          BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
                          BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    const sock_fprog program{std::size(code), code};
    ASSERT_EQ(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    listener_ =
        static_cast<int>(::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program));
    ASSERT_GE(listener_.load(), 0) << std::strerror(errno);
  }

  /// Lets calls go on until nobody is left who could make one.
  void supervise_until_done() const {
    ASSERT_TRUE(sentinel::testing::eventually([&] { return listener_ >= 0; }));
    for (;;) {
      pollfd waiting{listener_, POLLIN, 0};
      if (::poll(&waiting, 1, -1) <= 0 || (waiting.revents & POLLHUP) != 0) return;
      seccomp_notif call{};
      if (::ioctl(listener_, SECCOMP_IOCTL_NOTIF_RECV, &call) != 0) continue;
      if (argument_of(call) == path_) continue;
      seccomp_notif_resp answer{};
      answer.id = call.id;
      answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
      (void)::ioctl(listener_, SECCOMP_IOCTL_NOTIF_SEND, &answer);
    }
  }

 private:
  static std::string argument_of(const seccomp_notif& call) {
    std::array<char, 64> text{};
    const iovec here{text.data(), text.size() - 1};
    const iovec there{reinterpret_cast<void*>(call.data.args[0]), text.size() - 1};
    (void)::process_vm_readv(static_cast<pid_t>(call.pid), &here, 1, &there, 1, 0);
    return text.data();
  }

  std::string path_;
  mutable std::atomic<int> listener_ = -1;
};

std::string device(const std::string& name, const std::string& counts = "1 2 3 4000 5 6 7 8000 9 10000 11000") {
  return "8 0 " + name + " " + counts + "\n";
}
std::string of(const std::string& mountpoint) {
  return "{mountpoint=\"" + mountpoint + "\",fstype=\"ext4\",device=\"/dev/sda1\"}";
}

class ProcDiskTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_.write("diskstats", device("sda") + device("sda1"));
    mounts("1 0 8:1 / / rw - ext4 /dev/sda1 rw\n");
  }
  void mounts(const std::string& text) { folder_.write("self/mountinfo", text); }
  rig::Values values() { return rig::values(store_); }
  double value(const std::string& series) { return values().at(series); }
  bool has(const std::string& series) { return values().contains(series); }
  rig::ConfigValues config(rig::ConfigValues more = {}) {
    more.emplace("procfs", folder_.path());
    return more;
  }

  rig::TemporaryFolder folder_;
  sentinel::store::Store store_{std::size_t{1} << 20U};
};

TEST_F(ProcDiskTest, reports_a_device_in_base_units) {
  rig::Plugin plugin(store_, "proc_disk", config());
  ASSERT_TRUE(plugin.collect(1s));
  const std::string sda = "{device=\"sda\"}";
  EXPECT_EQ(value("sentinel_disk_reads_completed_total" + sda), 1);
  EXPECT_EQ(value("sentinel_disk_read_bytes_total" + sda), 3 * 512);
  EXPECT_EQ(value("sentinel_disk_read_time_seconds_total" + sda), 4);
  EXPECT_EQ(value("sentinel_disk_writes_completed_total" + sda), 5);
  EXPECT_EQ(value("sentinel_disk_written_bytes_total" + sda), 7 * 512);
  EXPECT_EQ(value("sentinel_disk_write_time_seconds_total" + sda), 8);
  EXPECT_EQ(value("sentinel_disk_io_in_flight" + sda), 9);
  EXPECT_EQ(value("sentinel_disk_io_seconds_total" + sda), 10);
  EXPECT_EQ(value("sentinel_disk_io_weighted_seconds_total" + sda), 11);
  EXPECT_FALSE(has("sentinel_disk_reads_completed_total{device=\"sda1\"}")) << "a partition";
}

TEST_F(ProcDiskTest, leaves_out_what_is_no_disk_or_was_never_used) {
  folder_.write("diskstats", device("sda") + device("loop0") + device("ram1") + device("sr0") +
                                 device("nbd0", "0 0 0 0 0 0 0 0 0 0 0") + device("nbd1", "0 0 0 0 0 0 0 0 1 0 0"));
  rig::Plugin plugin(store_, "proc_disk", config());
  ASSERT_TRUE(plugin.collect(1s));
  EXPECT_FALSE(has("sentinel_disk_reads_completed_total{device=\"loop0\"}"));
  EXPECT_FALSE(has("sentinel_disk_reads_completed_total{device=\"ram1\"}"));
  EXPECT_FALSE(has("sentinel_disk_reads_completed_total{device=\"sr0\"}"));
  EXPECT_FALSE(has("sentinel_disk_reads_completed_total{device=\"nbd0\"}"));
  EXPECT_TRUE(has("sentinel_disk_reads_completed_total{device=\"nbd1\"}")) << "its first request hangs";
}

TEST_F(ProcDiskTest, reports_what_it_is_told_to) {
  folder_.write("diskstats", device("sda") + device("sda1") + device("loop0"));
  rig::Plugin plugin(store_, "proc_disk", config({{"partitions", "true"}, {"ignore_devices", "x*"}}));
  ASSERT_TRUE(plugin.collect(1s));
  EXPECT_TRUE(has("sentinel_disk_reads_completed_total{device=\"sda1\"}"));
  EXPECT_TRUE(has("sentinel_disk_reads_completed_total{device=\"loop0\"}"));
}

TEST_F(ProcDiskTest, counts_devices_and_filesystems_beyond_the_limits) {
  std::string disks;
  std::string text;
  for (int i = 0; i < 5; ++i) {
    disks += device(std::string("sd") + static_cast<char>('a' + i));
    text += std::to_string(i + 1) + " 0 8:" + std::to_string(i) + " / /m" + std::to_string(i) + " rw - ext4 x rw\n";
  }
  folder_.write("diskstats", disks);
  mounts(text);
  rig::Plugin plugin(store_, "proc_disk", config({{"most_devices", "2"}, {"most_filesystems", "3"}}));
  ASSERT_TRUE(plugin.collect(1s));
  EXPECT_TRUE(has("sentinel_disk_reads_completed_total{device=\"sdb\"}"));
  EXPECT_FALSE(has("sentinel_disk_reads_completed_total{device=\"sdc\"}"));
  EXPECT_EQ(value("sentinel_disks_left_out"), 3);
  EXPECT_EQ(value("sentinel_filesystems_left_out"), 2);
}

TEST_F(ProcDiskTest, tells_how_full_a_filesystem_is) {
  rig::Plugin plugin(store_, "proc_disk", config());
  ASSERT_TRUE(plugin.collect(1s));
  struct statvfs expected;
  ASSERT_EQ(::statvfs("/", &expected), 0);
  EXPECT_EQ(value("sentinel_filesystem_size_bytes" + of("/")),
            static_cast<double>(expected.f_blocks) * static_cast<double>(expected.f_frsize));
  EXPECT_GT(value("sentinel_filesystem_free_bytes" + of("/")), 0);
  EXPECT_LE(value("sentinel_filesystem_avail_bytes" + of("/")), value("sentinel_filesystem_free_bytes" + of("/")));
  EXPECT_EQ(has("sentinel_filesystem_files" + of("/")), expected.f_files > 0);
  EXPECT_EQ(value("sentinel_filesystem_readonly" + of("/")), 0);
  EXPECT_EQ(value("sentinel_filesystem_device_error" + of("/")), 0);
  EXPECT_THAT(plugin.details("filesystems_in_trouble"), IsEmpty());
  EXPECT_THAT(plugin.log(), IsEmpty());
}

TEST_F(ProcDiskTest, says_of_one_that_fails_that_it_does_and_why_once) {
  mounts(
      "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"
      "2 1 8:2 / /no/such\\040place ro - ext4 /dev/sda1 rw\n");
  rig::Plugin plugin(store_, "proc_disk", config());
  ASSERT_TRUE(plugin.collect(1s));
  ASSERT_TRUE(plugin.collect(16s));
  EXPECT_EQ(value("sentinel_filesystem_device_error" + of("/no/such place")), 1);
  EXPECT_EQ(value("sentinel_filesystem_readonly" + of("/no/such place")), 1) << "this the mount itself tells";
  EXPECT_FALSE(has("sentinel_filesystem_size_bytes" + of("/no/such place")));
  EXPECT_EQ(value("sentinel_filesystem_device_error" + of("/")), 0);
  EXPECT_THAT(plugin.details("filesystems_in_trouble"), ElementsAre(rig::Row{{"mountpoint", "/no/such place"},
                                                                             {"fstype", "ext4"},
                                                                             {"device", "/dev/sda1"},
                                                                             {"reason", "No such file or directory"}}));
  EXPECT_THAT(plugin.log(), ElementsAre(AllOf(HasSubstr("/no/such place"), HasSubstr("No such file"))));
  mounts("1 0 8:1 / / rw - ext4 /dev/sda1 rw\n");
  ASSERT_TRUE(plugin.collect(31s));
  EXPECT_EQ(plugin.log().size(), 2U);
  EXPECT_THAT(plugin.log().back(), HasSubstr("again, or is gone"));
}

TEST_F(ProcDiskTest, a_mount_that_hangs_in_the_kernel_holds_up_nothing_and_is_asked_again_when_it_answers) {
  mounts(
      "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"
      "2 1 8:2 / /proc/sys rw - ext4 /dev/sda1 rw\n"
      "3 1 8:3 / /proc rw - ext4 /dev/sda1 rw\n");
  const HangingStatfs hanging("/proc/sys");
  rig::Plugin plugin(store_, "proc_disk", config({{"patience", "1s"}, {"ignore_mountpoints", "/x"}}));
  std::thread agent([&] {
    hanging.seize_this_thread();
    EXPECT_TRUE(plugin.collect(1s));
  });
  hanging.supervise_until_done();
  agent.join();
  EXPECT_EQ(value("sentinel_filesystem_device_error" + of("/proc/sys")), 1);
  EXPECT_EQ(value("sentinel_filesystem_device_error" + of("/")), 0);
  EXPECT_EQ(value("sentinel_filesystem_device_error" + of("/proc")), 0);
  EXPECT_THAT(plugin.details("filesystems_in_trouble"),
              ElementsAre(::testing::Contains(std::pair<const std::string, std::string>("reason", "does not answer"))));
  EXPECT_THAT(plugin.log(), ElementsAre(AllOf(HasSubstr("/proc/sys"), HasSubstr("does not answer"))));
  // Outside the thread that was seized every mount answers.
  EXPECT_TRUE(sentinel::testing::eventually([&] {
    EXPECT_TRUE(plugin.collect(16s));
    return value("sentinel_filesystem_device_error" + of("/proc/sys")) == 0;
  }));
}

TEST_F(ProcDiskTest, finds_the_mounts_of_another_process_beneath_their_root) {
  std::filesystem::create_directories(folder_.path() / "host/data");
  folder_.write("1/mountinfo", "7 0 8:1 / /data rw - ext4 /dev/sda1 rw\n");
  rig::Plugin plugin(store_, "proc_disk", config({{"pid", "1"}, {"rootfs", folder_.path() / "host"}}));
  ASSERT_TRUE(plugin.collect(1s));
  EXPECT_GT(value("sentinel_filesystem_size_bytes" + of("/data")), 0);
}

TEST_F(ProcDiskTest, leaves_filesystems_alone_when_told_to) {
  std::filesystem::remove(folder_.path() / "self/mountinfo");
  rig::Plugin plugin(store_, "proc_disk", config({{"filesystems", "false"}}));
  ASSERT_TRUE(plugin.collect(1s));
  EXPECT_TRUE(has("sentinel_disk_reads_completed_total{device=\"sda\"}"));
  EXPECT_FALSE(has("sentinel_filesystems_left_out"));
}

TEST_F(ProcDiskTest, a_malformed_file_fails_the_collection_and_is_named) {
  rig::Plugin plugin(store_, "proc_disk", config());
  mounts("\xff\x1b[31m\n");
  auto done = plugin.collect(1s);
  ASSERT_FALSE(done);
  EXPECT_THAT(done.error().message, HasSubstr("self/mountinfo"));
  folder_.write("diskstats", "8 0 sda 1 2\n");
  done = plugin.collect(16s);
  ASSERT_FALSE(done);
  EXPECT_THAT(done.error().message, HasSubstr("diskstats"));
}

TEST_F(ProcDiskTest, reports_this_host) {
  rig::Plugin plugin(store_, "proc_disk", {});
  ASSERT_TRUE(plugin.collect(1s));
  bool has_root = false;
  for (const auto& [series, value] : values()) {
    has_root = has_root || (series.starts_with("sentinel_filesystem_size_bytes{mountpoint=\"/\"") && value > 0);
  }
  EXPECT_TRUE(has_root);
}

TEST_F(ProcDiskTest, is_made_without_a_tree_and_says_why_it_fails) {
  rig::Plugin plugin(store_, "proc_disk", {{"procfs", folder_.path() / "missing"}});
  const auto done = plugin.collect(1s);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, sentinel::Errc::not_found);
}

}  // namespace
