#include "core/plugin/permissions.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "tests/unit/plugin/support.hpp"

namespace sentinel::plugin {

namespace {

using ::testing::HasSubstr;
using testing::message_of;
using testing::TempFolder;
namespace fs = std::filesystem;

constexpr mode_t folder = S_IFDIR | 0755;
constexpr mode_t file = S_IFREG | 0644;

std::string judged(std::vector<PathStep> steps) {
  return message_of(judge_steps(steps));
}

TEST(Permissions, AcceptsWhatRootAloneWrites) {
  EXPECT_EQ(judged({{"/", folder}, {"/usr", folder}, {"/usr/x.so", file}}), "(no error)");
  EXPECT_EQ(judged({{"/x.so", S_IFREG | 0664, 0, 0}}), "(no error)") << "the group of root";
  EXPECT_EQ(judged({{"/link", S_IFLNK | 0777}, {"/x.so", file}}), "(no error)") << "a link's mode says nothing";
}

TEST(Permissions, NamesThePathAndTheCure) {
  EXPECT_EQ(judged({{"/", folder}, {"/opt", S_IFDIR | 0777}, {"/opt/x.so", file}}),
            "/opt may be written by everyone, who could replace a plugin that runs as root: chmod o-w /opt");
  EXPECT_EQ(judged({{"/x.so", S_IFREG | 0664, 0, 50}}),
            "/x.so may be written by group 50, who could replace a plugin that runs as root: chmod g-w /x.so");
  EXPECT_EQ(judged({{"/home", folder}, {"/home/me", folder, 1000, 1000}, {"/home/me/x.so", file}}),
            "/home/me is owned by user 1000, who could replace a plugin that runs as root: chown -h root /home/me");
  EXPECT_THAT(judged({{"/link", S_IFLNK | 0777, 1000}, {"/x.so", file}}), HasSubstr("/link is owned by user 1000"));
  EXPECT_THAT(judged({{"/x.so", S_IFREG | 0664, 0, 0, true}}), HasSubstr("ACL"));
}

TEST(Permissions, AStickyFolderProtectsOnlyWhatRootOwnsInIt) {
  const PathStep sticky = {"/tmp", S_IFDIR | S_ISVTX | 0777};
  EXPECT_EQ(judged({sticky, {"/tmp/x.so", file}}), "(no error)");
  EXPECT_THAT(judged({sticky, {"/tmp/x.so", file, 1000}}), HasSubstr("/tmp/x.so is owned by user 1000"));
  EXPECT_THAT(judged({sticky, {"/tmp/x.so", S_IFREG | 0666}}), HasSubstr("/tmp/x.so may be written by everyone"));
}

TEST(Permissions, LooksAtEachStepOfThePath) {
  const TempFolder temp;
  fs::create_directories(temp / "a/b");
  std::ofstream(temp / "a/b/x.so") << "x";
  ::chmod((temp / "a/b").c_str(), 0777);
  const auto steps = path_steps(temp / "a/./b/../b/x.so");
  ASSERT_TRUE(steps) << message_of(steps);
  EXPECT_EQ(steps->front().path, "/");
  EXPECT_EQ(steps->back().path, temp / "a/b/x.so");
  const auto seen = [&](const fs::path& path) {
    return std::find_if(steps->begin(), steps->end(), [&](const auto& step) { return step.path == path; });
  };
  ASSERT_NE(seen(temp / "a/b"), steps->end());
  EXPECT_EQ(seen(temp / "a/b")->mode & 07777U, 0777U);
}

TEST(Permissions, FollowsLinksAndLooksAtTheirFolders) {
  const TempFolder temp;
  fs::create_directories(temp / "real/deep");
  fs::create_directories(temp / "links");
  std::ofstream(temp / "real/deep/x.so") << "x";
  fs::create_symlink("../real/deep", temp / "links/relative");
  fs::create_symlink(temp / "links/relative/x.so", temp / "links/absolute.so");
  const auto steps = path_steps(temp / "links/absolute.so");
  ASSERT_TRUE(steps) << message_of(steps);
  std::vector<fs::path> paths;
  for (const auto& step : *steps) paths.push_back(step.path);
  EXPECT_THAT(paths, ::testing::IsSupersetOf({temp / "links", temp / "links/absolute.so", temp / "links/relative",
                                              temp / "real", temp / "real/deep", temp / "real/deep/x.so"}));
  EXPECT_EQ(paths.back(), temp / "real/deep/x.so");
}

TEST(Permissions, EndsOnALoopOfLinks) {
  const TempFolder temp;
  fs::create_symlink("b", temp / "a");
  fs::create_symlink("a", temp / "b");
  EXPECT_THAT(message_of(path_steps(temp / "a")), HasSubstr("more than 40"));
}

TEST(Permissions, SaysWhatIsMissing) {
  const TempFolder temp;
  const auto steps = path_steps(temp / "none/x.so");
  ASSERT_FALSE(steps);
  EXPECT_EQ(steps.error().code, Errc::not_found);
}

TEST(Permissions, MatterToRootAlone) {
  const TempFolder temp;
  std::ofstream(temp / "x.so") << "x";
  ::chmod((temp / "x.so").c_str(), 0666);
  EXPECT_TRUE(check_permissions(temp / "x.so", 1000));
  const auto refused = check_permissions(temp / "x.so", 0);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::permission);
}

}  // namespace

}  // namespace sentinel::plugin
