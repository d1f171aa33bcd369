#include "plugins/proc_disk/filesystems.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace {

using ::testing::ElementsAre;

std::vector<std::string> chosen(const std::string& text, const FilesystemFilter& filter = {}) {
  std::vector<sentinel::procfs::Mount> mounts;
  EXPECT_TRUE(sentinel::procfs::parse_mountinfo(text, mounts));
  std::vector<std::string> mountpoints;
  for (const auto& filesystem : choose_filesystems(mounts, filter)) mountpoints.push_back(filesystem.mountpoint);
  return mountpoints;
}

TEST(Filesystems, a_later_mount_at_the_same_place_covers_the_earlier) {
  const std::string text =
      "1 0 8:1 / / rw - ext4 a rw\n"
      "2 1 8:2 / /data rw - xfs b rw\n"
      "3 2 8:3 / /data ro - ext4 c rw\n";
  std::vector<sentinel::procfs::Mount> mounts;
  ASSERT_TRUE(sentinel::procfs::parse_mountinfo(text, mounts));
  const auto all = choose_filesystems(mounts, {});
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[1].mount_id, 3U);
  EXPECT_EQ(all[1].fstype, "ext4");
  EXPECT_EQ(all[1].device, "c");
  EXPECT_TRUE(all[1].read_only);
  EXPECT_FALSE(all[0].read_only);
}

TEST(Filesystems, one_of_several_mounts_of_a_filesystem_is_taken) {
  EXPECT_THAT(chosen("1 0 8:1 / / rw - ext4 a rw\n"
                     "2 1 8:2 /sub /srv/a/very/long/path rw - xfs b rw\n"
                     "3 1 8:2 / /srv rw - xfs b rw\n"
                     "4 1 8:2 /x /opt rw - xfs b rw\n"
                     "5 1 8:1 / /again rw - ext4 a rw\n"),
              ElementsAre("/", "/srv"))
      << "the whole of it, not /opt, which is shorter";
}

TEST(Filesystems, one_is_read_only_when_no_mount_of_it_can_be_written) {
  const auto read_only = [](const std::string& text) {
    std::vector<sentinel::procfs::Mount> mounts;
    EXPECT_TRUE(sentinel::procfs::parse_mountinfo(text, mounts));
    return choose_filesystems(mounts, {}).at(0).read_only;
  };
  EXPECT_FALSE(read_only("1 0 8:1 / /a ro - ext4 a rw\n2 1 8:1 / /long rw - ext4 a rw\n"));
  EXPECT_FALSE(read_only("1 0 8:1 / /long rw - ext4 a rw\n2 1 8:1 / /a ro - ext4 a rw\n"));
  EXPECT_TRUE(read_only("1 0 8:1 / /a ro - ext4 a rw\n2 1 8:1 / /b ro - ext4 a rw\n"));
  EXPECT_TRUE(read_only("1 0 8:1 / /a rw - ext4 a ro\n2 1 8:1 / /b rw - ext4 a ro\n"));
}

TEST(Filesystems, types_and_places_are_left_out_by_pattern_but_the_root_is_not_for_its_type) {
  FilesystemFilter filter{{"overlay", "fuse.*"}, {"/run/*"}};
  const std::string text =
      "1 0 0:1 / / rw - overlay overlay rw\n"
      "2 1 0:2 / /merged rw - overlay overlay rw\n"
      "3 1 0:3 / /ssh rw - fuse.sshfs host: rw\n"
      "4 1 0:4 / /run/user/1000 rw - tmpfs tmpfs rw\n"
      "5 1 0:5 / /run rw - tmpfs tmpfs rw\n";
  EXPECT_THAT(chosen(text, filter), ElementsAre("/", "/run"));
  filter.ignored_mountpoints.emplace_back("/");
  EXPECT_THAT(chosen(text, filter), ElementsAre("/run"));
}

TEST(Filesystems, patterns_meet_the_path_without_its_escapes) {
  EXPECT_THAT(chosen("1 0 8:1 / /a\\040b rw - ext4 /dev/a\\134 rw\n"), ElementsAre("/a b"));
  EXPECT_THAT(chosen("1 0 8:1 / /a\\040b rw - ext4 a rw\n", {{}, {"/a b"}}), ElementsAre());
}

TEST(Filesystems, a_covered_mount_is_not_the_one_taken_for_its_filesystem) {
  EXPECT_THAT(chosen("1 0 8:1 / /data rw - ext4 a rw\n"
                     "2 1 8:2 / /data rw - ext4 b rw\n"
                     "3 1 8:1 / /elsewhere rw - ext4 a rw\n"),
              ElementsAre("/data", "/elsewhere"));
}

}  // namespace
