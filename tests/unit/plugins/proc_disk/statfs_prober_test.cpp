#include "plugins/proc_disk/statfs_prober.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/support/process.hpp"

namespace {

using namespace std::chrono_literals;
using State = StatfsAnswer::State;
using sentinel::testing::eventually;

constexpr auto short_patience = 100ms;

/// Runs in the child, so it is decided by the path alone: what begins with /hang never returns.
int statfs_that_may_hang(const char* path, struct ::statfs* out) {
  while (std::strncmp(path, "/hang", 5) == 0) ::pause();
  if (std::strncmp(path, "/die", 4) == 0) ::_exit(3);
  return ::statfs(path, out);
}

/// As the kernel treats a process in uninterruptible sleep: the signal waits. The pids are for the test to end.
std::vector<pid_t> unkillable;
int kill_that_waits(pid_t pid, int) {
  unkillable.push_back(pid);
  return 0;
}

std::vector<StatfsTarget> targets(const std::vector<std::string>& paths) {
  std::vector<StatfsTarget> all;
  for (const auto& path : paths) all.push_back({all.size() + 1, path});
  return all;
}

std::vector<State> states(StatfsProber& prober, const std::vector<std::string>& paths) {
  std::vector<StatfsAnswer> answers;
  prober.probe(targets(paths), answers);
  std::vector<State> all;
  for (const auto& answer : answers) all.push_back(answer.state);
  return all;
}

bool has_children() {
  return ::waitpid(-1, nullptr, WNOHANG) == 0 || errno != ECHILD;
}

TEST(StatfsProber, answers_as_statvfs_does) {
  StatfsProber prober(sentinel::testing::patience);
  std::vector<StatfsAnswer> answers;
  prober.probe(targets({"/proc", "/", "/no/such/path"}), answers);
  struct statvfs expected;
  ASSERT_EQ(::statvfs("/", &expected), 0);
  ASSERT_EQ(answers[1].state, State::answered);
  EXPECT_EQ(answers[1].size_bytes, expected.f_blocks * expected.f_frsize);
  EXPECT_EQ(answers[1].files, expected.f_files);
  EXPECT_GE(answers[1].free_bytes, answers[1].available_bytes);
  EXPECT_GE(answers[1].size_bytes, answers[1].free_bytes);
  EXPECT_GE(answers[1].files, answers[1].files_free);
  EXPECT_EQ(answers[0].state, State::answered);
  EXPECT_EQ(answers[2].state, State::failed);
  EXPECT_EQ(answers[2].error, ENOENT);
  EXPECT_FALSE(has_children()) << "no zombie is left";
}

TEST(StatfsProber, nothing_to_ask_is_no_child) {
  StatfsProber prober(short_patience);
  EXPECT_TRUE(states(prober, {}).empty());
}

TEST(StatfsProber, one_that_hangs_holds_up_none_and_costs_its_patience_once) {
  StatfsProber prober(short_patience, {.statfs = statfs_that_may_hang});
  EXPECT_EQ(states(prober, {"/", "/hang", "/proc"}), (std::vector{State::answered, State::hanging, State::answered}));
  // This one dies of the kill, and then is asked again.
  EXPECT_TRUE(eventually([&] { return states(prober, {"/"}) == std::vector{State::answered} && prober.stuck() == 0; }));
  EXPECT_FALSE(has_children());
}

TEST(StatfsProber, a_child_that_cannot_be_killed_is_waited_for_by_nobody) {
  unkillable.clear();
  {
    StatfsProber prober(short_patience, {.statfs = statfs_that_may_hang, .kill = kill_that_waits});
    EXPECT_EQ(states(prober, {"/hang", "/"}), (std::vector{State::hanging, State::answered}));
    ASSERT_EQ(unkillable.size(), 1U);
    EXPECT_EQ(prober.stuck(), 1U);
    for (int i = 0; i < 5; ++i) {
      EXPECT_EQ(states(prober, {"/hang", "/"}), (std::vector{State::hanging, State::answered}));
    }
    EXPECT_EQ(unkillable.size(), 1U) << "it is not asked while its first child lives";
    ASSERT_EQ(::kill(unkillable[0], SIGKILL), 0) << "the mount answers at last";
    EXPECT_TRUE(eventually([&] {
      (void)states(prober, {"/"});
      return prober.stuck() == 0;
    }));
    EXPECT_EQ(states(prober, {"/hang"}), std::vector{State::hanging}) << "it was asked again";
    ASSERT_EQ(unkillable.size(), 2U);
  }
  // The prober is gone, and has not waited for it.
  EXPECT_EQ(::waitpid(unkillable[1], nullptr, WNOHANG), 0);
  ::kill(unkillable[1], SIGKILL);
  ::waitpid(unkillable[1], nullptr, 0);
}

TEST(StatfsProber, another_mount_at_the_same_place_is_asked) {
  unkillable.clear();
  StatfsProber prober(short_patience, {.statfs = statfs_that_may_hang, .kill = kill_that_waits});
  std::vector<StatfsAnswer> answers;
  prober.probe(std::vector<StatfsTarget>{{7, "/hang"}}, answers);
  prober.probe(std::vector<StatfsTarget>{{8, "/hang"}}, answers);
  EXPECT_EQ(unkillable.size(), 2U);
  EXPECT_EQ(prober.give_up(), 2U);
  for (const auto pid : unkillable) {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
  }
}

TEST(StatfsProber, asks_no_more_after_four_that_hang_until_the_next_probe) {
  unkillable.clear();
  StatfsProber prober(short_patience, {.statfs = statfs_that_may_hang, .kill = kill_that_waits});
  const std::vector<std::string> paths = {"/hang1", "/hang2", "/hang3", "/hang4", "/hang5", "/"};
  EXPECT_EQ(states(prober, paths), (std::vector{State::hanging, State::hanging, State::hanging, State::hanging,
                                                State::not_asked, State::not_asked}));
  EXPECT_EQ(states(prober, paths), (std::vector{State::hanging, State::hanging, State::hanging, State::hanging,
                                                State::hanging, State::answered}));
  for (const auto pid : unkillable) {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
  }
}

TEST(StatfsProber, a_child_that_is_killed_by_others_fails_its_mount_alone) {
  StatfsProber prober(sentinel::testing::patience, {.statfs = statfs_that_may_hang});
  std::vector<StatfsAnswer> answers;
  prober.probe(targets({"/", "/die", "/proc"}), answers);
  EXPECT_EQ(answers[0].state, State::answered);
  EXPECT_EQ(answers[1].state, State::failed);
  EXPECT_EQ(answers[1].error, ECHILD);
  EXPECT_EQ(answers[2].state, State::answered);
  EXPECT_FALSE(has_children());
}

TEST(StatfsProber, a_child_that_hangs_holds_none_of_our_files_open) {
  unkillable.clear();
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  StatfsProber prober(short_patience, {.statfs = statfs_that_may_hang, .kill = kill_that_waits});
  ASSERT_EQ(states(prober, {"/hang"}), std::vector{State::hanging});
  ::close(ends[1]);
  pollfd end{ends[0], POLLIN, 0};
  EXPECT_EQ(::poll(&end, 1, static_cast<int>(std::chrono::milliseconds(sentinel::testing::patience).count())), 1);
  EXPECT_TRUE((end.revents & POLLHUP) != 0) << "the writing end is open nowhere";
  ::close(ends[0]);
  ::kill(unkillable.at(0), SIGKILL);
  ::waitpid(unkillable.at(0), nullptr, 0);
}

TEST(StatfsProber, works_with_every_signal_of_the_caller_as_it_was_and_from_any_thread) {
  StatfsProber prober(sentinel::testing::patience);
  sigset_t before;
  sigset_t after;
  std::thread([&] {
    ::pthread_sigmask(SIG_SETMASK, nullptr, &before);
    EXPECT_EQ(states(prober, {"/"}), std::vector{State::answered});
    ::pthread_sigmask(SIG_SETMASK, nullptr, &after);
  }).join();
  for (int signal = 1; signal < 32; ++signal) {
    EXPECT_EQ(::sigismember(&before, signal), ::sigismember(&after, signal));
  }
}

}  // namespace
