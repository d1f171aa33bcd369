#include "sentinel/procfs/cgroup.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace sentinel::procfs {
namespace {

TEST(CgroupTest, reads_both_versions) {
  std::vector<Cgroup> groups;
  ASSERT_TRUE(parse_cgroup("12:cpu,cpuacct:/a\n1:name=systemd:/b:c\n0::/system.slice/x.service\n", groups));
  ASSERT_EQ(groups.size(), 3U);
  EXPECT_EQ(groups[0].hierarchy, 12U);
  EXPECT_TRUE(groups[0].has("cpu"));
  EXPECT_TRUE(groups[0].has("cpuacct"));
  EXPECT_FALSE(groups[0].has("cpua"));
  EXPECT_FALSE(groups[0].has("memory"));
  EXPECT_EQ(groups[1].path, "/b:c");
  EXPECT_EQ(groups[2].hierarchy, 0U);
  EXPECT_EQ(groups[2].controllers, "");
  EXPECT_EQ(groups[2].path, "/system.slice/x.service");
}

TEST(CgroupTest, no_cgroup_is_no_error) {
  std::vector<Cgroup> groups = {{1, "left", "/over"}};
  ASSERT_TRUE(parse_cgroup("", groups));
  EXPECT_TRUE(groups.empty());
}

TEST(CgroupTest, refuses_what_the_kernel_does_not_print) {
  std::vector<Cgroup> groups;
  for (const auto* text : {"x:cpu:/\n", "1\n", "1:cpu\n", "1:cpu:relative\n", "99999999999:cpu:/\n", "\n", "0::/cut"}) {
    const auto done = parse_cgroup(text, groups);
    ASSERT_FALSE(done) << text;
    EXPECT_EQ(done.error().code, Errc::invalid_argument);
  }
}

}  // namespace
}  // namespace sentinel::procfs
