#include "sentinel/procfs/descriptors.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <vector>

#include "tests/unit/procfs/fixture.hpp"

namespace sentinel::procfs {
namespace {

using testing::ElementsAre;
using testing::Pair;

std::map<std::int32_t, std::uint64_t> open_by_pid(const Root& root, DescriptorCounts& counts,
                                                  std::uint64_t most = DescriptorWalker::default_most_listed) {
  const auto walker = std::make_unique<DescriptorWalker>(most);
  std::map<std::int32_t, std::uint64_t> found;
  const auto walked = walker->walk(root, [&](const PidDescriptors& process) { found[process.pid] = process.open; });
  EXPECT_TRUE(walked.ok());
  if (walked) counts = *walked;
  EXPECT_EQ(counts.seen, counts.read + counts.vanished + counts.denied + counts.failed + counts.over_budget);
  return found;
}

std::uint64_t listed_by_hand() {
  std::uint64_t entries = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++entries;
  return entries - 1;  // the iterator's own
}

TEST(Descriptors, AreCountedOfThisProcess) {
  const auto root = Root::open("/proc");
  std::vector<UniqueFd> more;
  DescriptorCounts counts;
  const auto before = open_by_pid(*root, counts).at(::getpid());
  for (int i = 0; i < 10; ++i) more.emplace_back(::dup(STDIN_FILENO));
  EXPECT_EQ(open_by_pid(*root, counts).at(::getpid()), before + 10);
  // A walk has its own descriptor of /proc open, and where it lists, one of the directory.
  EXPECT_GE(before, listed_by_hand() - 10 + 1);
  EXPECT_LE(before, listed_by_hand() - 10 + 2);
}

TEST(Descriptors, KeepTheInodeOfAProcessThatLives) {
  const auto root = Root::open("/proc");
  const auto walker = std::make_unique<DescriptorWalker>();
  std::vector<std::uint64_t> inodes;
  // Held open, so that the kernel keeps the entry.
  const UniqueFd held(::openat(root->fd(), "self/fd", O_PATH | O_CLOEXEC));
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(walker->walk(*root, [&](const PidDescriptors& process) {
      if (process.pid == ::getpid()) inodes.push_back(process.inode);
    }));
  }
  ASSERT_EQ(inodes.size(), 2u);
  EXPECT_EQ(inodes[0], inodes[1]);
}

TEST(Descriptors, AreListedInATreeThatIsNoProcfs) {
  const TemporaryTree tree;
  for (const char* file : {"7/fd/0", "7/fd/1", "7/fd/22", "8/stat", "x9/fd/0", "99999999999/fd/0"})
    tree.write(file, "");
  tree.write("9/fd", "no directory");
  std::filesystem::create_directories(tree.path() / "10/fd");
  DescriptorCounts counts;
  EXPECT_THAT(open_by_pid(*Root::open(tree.path()), counts), ElementsAre(Pair(7, 3), Pair(10, 0)));
  EXPECT_EQ(counts.seen, 4u);
  EXPECT_EQ(counts.vanished, 1u);
  EXPECT_EQ(counts.failed, 1u);
}

TEST(Descriptors, OfOthersAreDeniedAndCounted) {
  const TemporaryTree tree;
  tree.write("7/fd/0", "");
  std::filesystem::permissions(tree.path() / "7/fd", std::filesystem::perms::none);
  const auto root = Root::open(tree.path());
  DescriptorCounts counts;
  {
    const Unprivileged dropped;
    EXPECT_TRUE(open_by_pid(*root, counts).empty());
  }
  EXPECT_EQ(counts.denied, 1u);
  std::filesystem::permissions(tree.path() / "7/fd", std::filesystem::perms::owner_all);
}

TEST(Descriptors, AreListedToABound) {
  const TemporaryTree tree;
  for (int pid = 1; pid <= 4; ++pid) {
    for (int fd = 0; fd < 5; ++fd) tree.write(std::to_string(pid) + "/fd/" + std::to_string(fd), "");
  }
  DescriptorCounts counts;
  std::uint64_t sum = 0;
  for (const auto& [pid, open] : open_by_pid(*Root::open(tree.path()), counts, 8)) sum += open;
  EXPECT_EQ(sum, 8u);
  EXPECT_EQ(counts.read, 2u);
  EXPECT_EQ(counts.over_budget, 2u);
}

}  // namespace
}  // namespace sentinel::procfs
