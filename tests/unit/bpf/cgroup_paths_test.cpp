#include "sentinel/bpf/cgroup_paths.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "tests/support/process.hpp"

namespace sentinel::bpf {
namespace {

using sentinel::testing::TempFolder;
using sentinel::testing::write_text;

std::uint64_t inode(const std::filesystem::path& path) {
  struct stat status {};
  EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
  return status.st_ino;
}

class CgroupPathsTest : public ::testing::Test {
 protected:
  std::uint64_t make(const std::string& path) {
    std::filesystem::create_directories(top / path);
    return inode(top / path);
  }
  CgroupPaths paths() { return CgroupPaths(mount.path()); }

  TempFolder mount;
  std::filesystem::path top = mount.path();
  static constexpr auto interval = CgroupPaths::walk_interval_ns;
};

TEST_F(CgroupPathsTest, OfVersionTwoAlone) {
  write_text(mount / "cgroup.controllers", "cpu\n");
  const auto service = make("system.slice/ssh.service");
  const auto deep = make("a/b/c/d");
  auto all = paths();
  EXPECT_EQ(all.walks(), 0U);
  EXPECT_EQ(all.find(service, 0), "/system.slice/ssh.service");
  EXPECT_EQ(all.find(deep, 0), "/a/b/c/d");
  EXPECT_EQ(all.find(inode(mount.path()), 0), "/");
  EXPECT_EQ(all.walks(), 1U);
}

TEST_F(CgroupPathsTest, BesideVersionOne) {
  const auto memory = make("memory/docker");
  top = mount / "unified";
  const auto root = make("");
  const auto service = make("x.service");
  auto all = paths();
  EXPECT_EQ(all.find(service, 0), "/x.service");
  EXPECT_EQ(all.find(root, 0), "/");
  EXPECT_EQ(all.find(memory, 0), "") << "its inode is no id of version 2";
}

TEST_F(CgroupPathsTest, WalksAgainForANewOneButNotAtOnce) {
  write_text(mount / "cgroup.controllers", "");
  const auto old = make("old");
  auto all = paths();
  EXPECT_EQ(all.find(old, 0), "/old");
  const auto fresh = make("fresh");
  EXPECT_EQ(all.find(fresh, interval - 1), "");
  EXPECT_EQ(all.find(fresh, interval), "/fresh");
  EXPECT_EQ(all.walks(), 2U);
}

TEST_F(CgroupPathsTest, WhatIsGoneStaysKnown) {
  write_text(mount / "cgroup.controllers", "");
  const auto gone = make("gone");
  auto all = paths();
  EXPECT_EQ(all.find(gone, 0), "/gone");
  const auto fresh = make("fresh");
  std::filesystem::remove(mount / "gone");
  EXPECT_EQ(all.find(fresh, interval), "/fresh");
  EXPECT_EQ(all.find(gone, interval), "/gone");
}

TEST_F(CgroupPathsTest, NamesBecomeCleanAndDepthIsBounded) {
  write_text(mount / "cgroup.controllers", "");
  const auto hostile = make("a\n\xff");
  std::string path;
  for (std::size_t i = 0; i < CgroupPaths::deepest; ++i) path += "d/";
  const auto deepest = make(path);
  const auto deeper = make(path + "too_deep");
  auto all = paths();
  EXPECT_EQ(all.find(hostile, 0), "/a\xef\xbf\xbd\xef\xbf\xbd");
  EXPECT_NE(all.find(deepest, 0), "");
  EXPECT_EQ(all.find(deeper, interval), "");
}

TEST_F(CgroupPathsTest, NothingThereIsNothingKnown) {
  CgroupPaths none("/nowhere");
  EXPECT_EQ(none.find(7, 0), "");
  EXPECT_EQ(none.find(0, 0), "");
}

}  // namespace
}  // namespace sentinel::bpf
