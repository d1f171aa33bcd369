#include "sentinel/procfs/processes.hpp"

#include <gmock/gmock.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <map>
#include <memory>

#include "tests/unit/procfs/fixture.hpp"

namespace sentinel::procfs {
namespace {

using testing::ElementsAre;
using testing::Pair;

std::map<std::int32_t, std::string> comms(const Root& root, ProcessCounts* counts = nullptr) {
  std::map<std::int32_t, std::string> out;
  const auto walker = std::make_unique<ProcessWalker>();
  const auto result = walker->walk(root, [&](const PidStat& stat) { out.emplace(stat.pid, stat.comm); });
  if (!result) throw std::runtime_error(result.error().message);
  EXPECT_EQ(result->seen, result->read + result->vanished + result->denied + result->malformed);
  if (counts != nullptr) *counts = *result;
  return out;
}

TEST(Processes, VisitsEveryPidAndNothingElse) {
  ProcessCounts counts;
  EXPECT_THAT(comms(fixture_root("container"), &counts),
              ElementsAre(Pair(1, "sh"), Pair(7, "python3"), Pair(57, "sleep")));
  EXPECT_EQ(counts.seen, 3u);
  EXPECT_EQ(counts.read, 3u);
}

TEST(Processes, HostileNamesPassAndHostileFilesAreCounted) {
  ProcessCounts counts;
  EXPECT_THAT(
      comms(fixture_root("hostile"), &counts),
      ElementsAre(Pair(1, "\xff\"\n"), Pair(2, "a) Z 0 (b"), Pair(3, "((("), Pair(4, ")\n4 (x) R 1"), Pair(5, "")));
  EXPECT_EQ(counts.vanished, 1u) << "11 has no stat";
  EXPECT_EQ(counts.malformed, 6u) << "6 to 10 are no stat lines, 12 is no directory";
}

TEST(Processes, AProcessThatVanishesMeanwhileIsNoError) {
  const TemporaryTree tree;
  for (int pid = 1; pid <= 5; ++pid) {
    tree.write(std::to_string(pid) + "/stat",
               std::to_string(pid) + " (x) S 0 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 9 4096 1\n");
  }
  const auto root = Root::open(tree.path());
  ProcessWalker walker;
  const auto counts = walker.walk(*root, [&](const PidStat& stat) {
    for (int pid = 1; pid <= 5; ++pid) {
      if (pid != stat.pid) std::filesystem::remove_all(tree.path() / std::to_string(pid));
    }
  });
  ASSERT_TRUE(counts.ok());
  EXPECT_EQ(counts->seen, 5u);
  EXPECT_EQ(counts->read, 1u);
  EXPECT_EQ(counts->vanished, 4u);
  EXPECT_EQ(counts->malformed, 0u);
}

TEST(Processes, AProcessThatIsNotOursToReadIsCounted) {
  const TemporaryTree tree;
  tree.write("1/stat", "");
  std::filesystem::permissions(tree.path() / "1/stat", std::filesystem::perms::none);
  const auto root = Root::open(tree.path());
  ProcessCounts counts;
  const Unprivileged user;
  EXPECT_TRUE(comms(*root, &counts).empty());
  EXPECT_EQ(counts.denied, 1u);
}

TEST(Processes, ADirectoryThatIsGoneIsAnError) {
  auto tree = std::make_unique<TemporaryTree>();
  const auto root = Root::open(tree->path());
  tree.reset();
  ProcessWalker walker;
  const auto counts = walker.walk(*root, [](const PidStat&) {});
  ASSERT_FALSE(counts.ok());
  EXPECT_EQ(counts.error().code, Errc::not_found);
}

TEST(Processes, WhatTheVisitorThrowsPassesThrough) {
  ProcessWalker walker;
  EXPECT_THROW((void)walker.walk(fixture_root("container"), [](const PidStat&) { throw std::runtime_error("stop"); }),
               std::runtime_error);
}

TEST(Processes, FindsAHostileNameOnTheRealProc) {
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ::prctl(PR_SET_NAME, "\xff\"\n");
    [[maybe_unused]] const auto written = ::write(ready[1], "x", 1);
    for (;;) ::pause();
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  const auto root = Root::open("/proc");
  auto found = comms(*root);
  EXPECT_EQ(found[child], "\xff\"\n");
  EXPECT_TRUE(found.contains(::getpid()));

  ::kill(child, SIGKILL);
  ::siginfo_t info;
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT), 0);
  ProcessWalker walker;
  auto state = ProcessState::unknown;
  ASSERT_TRUE(walker
                  .walk(*root,
                        [&](const PidStat& stat) {
                          if (stat.pid == child) state = stat.state;
                        })
                  .ok());
  EXPECT_EQ(state, ProcessState::zombie);
  ::waitpid(child, nullptr, 0);
  ::close(ready[0]);
  ::close(ready[1]);
}

}  // namespace
}  // namespace sentinel::procfs
