#include "sentinel/procfs/proc_root.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <type_traits>

#include "tests/unit/procfs/fixture.hpp"

namespace sentinel::procfs {
namespace {

using testing::HasSubstr;

static_assert(!std::is_copy_constructible_v<Root> && std::is_nothrow_move_constructible_v<Root>);

TEST(ProcRoot, ReadsAWholeFileOfTheRealProc) {
  const auto root = Root::open("/proc");
  ASSERT_TRUE(root.ok());
  Buffer buffer;
  const auto text = root->read("self/status", buffer);
  ASSERT_TRUE(text.ok());
  EXPECT_THAT(std::string(*text), HasSubstr("\nPid:\t" + std::to_string(::getpid()) + "\n"));
}

TEST(ProcRoot, GrowsTheBufferOnceAndReusesIt) {
  const TemporaryTree tree;
  const std::string large(100'000, 'x');
  tree.write("net/tcp", large);
  tree.write("stat", "cpu\n");
  const auto root = Root::open(tree.path());
  Buffer buffer;
  EXPECT_EQ(*root->read("net/tcp", buffer), large);
  const auto capacity = buffer.capacity_bytes();
  EXPECT_EQ(*root->read("stat", buffer), "cpu\n");
  EXPECT_EQ(*root->read("net/tcp", buffer), large);
  EXPECT_EQ(buffer.capacity_bytes(), capacity);
}

TEST(ProcRoot, ReadsUpToTheBuffersLimitAndNoFurther) {
  const TemporaryTree tree;
  tree.write("fits", std::string(9'999, 'x'));
  tree.write("large", std::string(10'000, 'x'));
  const auto root = Root::open(tree.path());
  Buffer buffer(10'000);
  EXPECT_EQ(root->read("fits", buffer)->size(), 9'999u);
  const auto refused = root->read("large", buffer);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Errc::exhausted);
  EXPECT_EQ(buffer.capacity_bytes(), 10'000u);
}

TEST(ProcRoot, AnEmptyFileIsAnEmptyText) {
  const TemporaryTree tree;
  tree.write("stat", "");
  Buffer buffer;
  EXPECT_EQ(*Root::open(tree.path())->read("stat", buffer), "");
}

TEST(ProcRoot, SaysWhichPathIsMissing) {
  const auto none = Root::open("/nonexistent/proc");
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.error().code, Errc::not_found);
  EXPECT_THAT(none.error().message, HasSubstr("/nonexistent/proc: cannot open"));

  const TemporaryTree tree;
  tree.write("stat", "");
  EXPECT_EQ(Root::open(tree.path() / "stat").error().code, Errc::not_found) << "a file is no proc tree";

  Buffer buffer;
  const auto missing = Root::open(tree.path())->read("net/tcp6", buffer);
  EXPECT_EQ(missing.error().code, Errc::not_found);
  EXPECT_THAT(missing.error().message, HasSubstr(tree.path().string() + "/net/tcp6: cannot open: No such file"));
}

TEST(ProcRoot, TellsAForbiddenFileFromAMissingOne) {
  const TemporaryTree tree;
  tree.write("stat", "cpu\n");
  std::filesystem::permissions(tree.path() / "stat", std::filesystem::perms::none);
  const auto root = Root::open(tree.path());
  Buffer buffer;
  const Unprivileged user;
  EXPECT_EQ(root->read("stat", buffer).error().code, Errc::permission);
}

TEST(ProcRoot, ReadingADirectoryFails) {
  const TemporaryTree tree;
  tree.write("net/tcp", "");
  Buffer buffer;
  const auto text = Root::open(tree.path())->read("net", buffer);
  EXPECT_EQ(text.error().code, Errc::failed);
  EXPECT_THAT(text.error().message, HasSubstr("/net: cannot read: Is a directory"));
}

TEST(ProcRoot, AFifoDoesNotHoldTheReader) {
  const TemporaryTree tree;
  ASSERT_EQ(::mkfifo((tree.path() / "stat").c_str(), 0600), 0);
  Buffer buffer;
  EXPECT_EQ(*Root::open(tree.path())->read("stat", buffer), "");
}

TEST(ProcRoot, RefusesPathsThatAreNotBeneathIt) {
  const auto root = Root::open("/proc");
  Buffer buffer;
  for (const auto& path : {std::string(), std::string("/etc/passwd"), std::string(256, 'x')}) {
    EXPECT_EQ(root->read(path, buffer).error().code, Errc::invalid_argument) << path;
  }
}

TEST(ProcRoot, JoinsPathsForMessages) {
  EXPECT_EQ(Root::open("/proc")->full_path("stat"), "/proc/stat");
  EXPECT_EQ(Root::open("/proc/")->full_path("stat"), "/proc/stat");
}

TEST(ProcRoot, AMovedRootStillReads) {
  auto first = Root::open("/proc");
  Root second = std::move(*first);
  Buffer buffer;
  EXPECT_TRUE(second.read("stat", buffer).ok());
}

}  // namespace
}  // namespace sentinel::procfs
