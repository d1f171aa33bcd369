#include "sentinel/procfs/mountinfo.hpp"

#include <gtest/gtest.h>

#include "tests/unit/procfs/fixture.hpp"

namespace sentinel::procfs {
namespace {

std::vector<Mount> parsed(std::string_view text) {
  std::vector<Mount> mounts;
  const auto done = parse_mountinfo(text, mounts);
  EXPECT_TRUE(done.ok()) << done.error().message;
  return mounts;
}

TEST(MountInfo, ReadsEveryField) {
  const auto text = fixture("debian12", "self/mountinfo");
  const auto mounts = parsed(text);
  ASSERT_EQ(mounts.size(), 11u);
  const auto& cold = mounts[8];
  EXPECT_EQ(cold.id, 42u);
  EXPECT_EQ(cold.parent_id, 27u);
  EXPECT_EQ(cold.major, 254u);
  EXPECT_EQ(cold.minor, 0u);
  EXPECT_EQ(cold.root, "/");
  EXPECT_EQ(cold.mountpoint, "/mnt/with\\040blank\\134");
  EXPECT_EQ(cold.options, "ro,relatime");
  EXPECT_EQ(cold.fstype, "ext4");
  EXPECT_EQ(cold.source, "/dev/mapper/vault-cold");
  EXPECT_EQ(cold.super_options, "ro");
}

TEST(MountInfo, TakesAnyNumberOfOptionalFieldsAndAnEmptySource) {
  const auto none = parsed("1 0 8:1 / / rw - ext4 /dev/sda1 rw\n");
  EXPECT_EQ(none.at(0).fstype, "ext4");
  const auto three = parsed("1 0 8:1 / / rw shared:1 master:2 propagate_from:3 - ext4 /dev/sda1 rw\n");
  EXPECT_EQ(three.at(0).source, "/dev/sda1");
  const auto empty = parsed("1 0 0:9 / /x rw - tmpfs  rw,size=1k\n");
  EXPECT_EQ(empty.at(0).source, "");
  EXPECT_EQ(empty.at(0).super_options, "rw,size=1k");
}

TEST(MountInfo, IsReadOnlyByItsOwnOptionsOrTheFilesystems) {
  const auto read_only = [](const std::string& options, const std::string& super_options) {
    const auto text = "1 0 8:1 / / " + options + " - ext4 /dev/sda1 " + super_options + "\n";
    return parsed(text).at(0).read_only();
  };
  EXPECT_FALSE(read_only("rw,relatime", "rw,errors=remount-ro"));
  EXPECT_TRUE(read_only("ro,relatime", "rw"));
  EXPECT_TRUE(read_only("rw,relatime", "errors=remount-ro,ro"));
  EXPECT_FALSE(read_only("root,rom", "pro"));
}

TEST(MountInfo, UndoesTheKernelsEscapes) {
  EXPECT_EQ(unescape_mount("/plain"), "/plain");
  EXPECT_EQ(unescape_mount("\\040a\\011b\\012c\\134d\\043"), " a\tb\nc\\d#");
  EXPECT_EQ(unescape_mount("/\\377"), "/\xff");
  EXPECT_EQ(unescape_mount("/\\400 \\8 \\04 \\"), "/\\400 \\8 \\04 \\") << "what is no escape stays";
  EXPECT_EQ(unescape_mount(""), "");
}

TEST(MountInfo, RefusesWhatNoKernelPrints) {
  for (const char* text :
       {"", "\n", "1 0 8:1 / / rw ext4 /dev/sda1 rw\n", "1 0 8:1 / / rw -\n", "1 0 8:1 / / rw - ext4\n",
        "1 0 8:1 / / rw - ext4 /dev/sda1\n", "1 0 8:1 / / rw - ext4 /dev/sda1 rw", "1 0 8 / / rw - ext4 a rw\n",
        "1 0 8:x / / rw - ext4 a rw\n", "1 0 8:4294967296 / / rw - ext4 a rw\n", "-1 0 8:1 / / rw - ext4 a rw\n",
        "1 0 8:1 /  rw - ext4 a rw\n", "1 0 8:1 / / rw -  a rw\n", "1\n", "1 0\n", "1 0 \n"}) {
    std::vector<Mount> mounts;
    const auto done = parse_mountinfo(text, mounts);
    ASSERT_FALSE(done.ok()) << text;
    EXPECT_EQ(done.error().code, Errc::invalid_argument) << text;
  }
}

TEST(MountInfo, ReadsThisMachines) {
  const auto root = Root::open("/proc");
  Buffer buffer;
  const auto text = root->read("self/mountinfo", buffer);
  ASSERT_TRUE(text.ok());
  bool has_root = false;
  for (const auto& mount : parsed(*text)) has_root = has_root || mount.mountpoint == "/";
  EXPECT_TRUE(has_root);
}

}  // namespace
}  // namespace sentinel::procfs
