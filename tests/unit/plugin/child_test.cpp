#include "core/plugin/child.hpp"

#include <gmock/gmock.h>
#include <signal.h>

#include "tests/unit/plugin/support.hpp"

namespace sentinel::plugin {

namespace {

using ::testing::HasSubstr;
using testing::message_of;
using namespace std::chrono_literals;

Result<ChildEnd> shell(const std::string& script, std::chrono::milliseconds deadline = 20s) {
  return run_child("/bin/sh", {"sh", "-c", script}, deadline);
}

TEST(Child, TellsOutputErrorsAndCode) {
  const auto end = shell("echo out; echo err >&2; exit 3");
  ASSERT_TRUE(end) << message_of(end);
  EXPECT_EQ(end->output, "out\n");
  EXPECT_EQ(end->error_tail, "err\n");
  EXPECT_EQ(end->exit_code, 3);
  EXPECT_EQ(end->signal, 0);
}

TEST(Child, TellsTheSignal) {
  const auto end = shell("kill -SEGV $$");
  ASSERT_TRUE(end) << message_of(end);
  EXPECT_EQ(end->signal, SIGSEGV);
}

TEST(Child, HasNoInputAndNoOtherDescriptor) {
  const auto end = shell("read line || echo empty; ls /proc/self/fd | wc -l");
  ASSERT_TRUE(end) << message_of(end);
  // Of ls: 0, 1, 2 and the folder that it lists.
  EXPECT_THAT(end->output, ::testing::MatchesRegex("empty\n *4\n"));
}

TEST(Child, ReadsItsInputToTheEnd) {
  // More than a pipe holds, to a child that reads none of it before it has written as much.
  const std::string input(1U << 20U, 'x');
  const auto end = run_child("/bin/sh", {"sh", "-c", "head -c 1000000 /dev/zero; wc -c"}, 20s, input);
  ASSERT_TRUE(end) << message_of(end);
  EXPECT_EQ(end->output.size(), 1000008U);
  EXPECT_THAT(end->output, ::testing::EndsWith("1048576\n"));
}

TEST(Child, TakesLinesThatAreWhole) {
  std::string_view said = "load\ncreate\nsta";
  EXPECT_EQ(next_line(said), "load");
  EXPECT_EQ(next_line(said), "create");
  EXPECT_EQ(next_line(said), "");
}

TEST(Child, IsKilledAtItsDeadlineWithWhatItStarted) {
  const auto end = shell("sleep 1000 & echo $!; wait", 3s);
  ASSERT_TRUE(end) << message_of(end);
  EXPECT_TRUE(end->timed_out);
  const pid_t left = std::stoi(end->output);
  // It may be a zombie of init's for a moment; what matters is that it does not run.
  const auto state = [left] {
    std::ifstream stat("/proc/" + std::to_string(left) + "/stat");
    std::string pid;
    std::string name;
    std::string letter = "gone";
    stat >> pid >> name >> letter;
    return letter;
  };
  const auto until = std::chrono::steady_clock::now() + 10s;
  while (state() != "gone" && state() != "Z" && std::chrono::steady_clock::now() < until) {
  }
  EXPECT_THAT(state(), ::testing::AnyOf("gone", "Z"));
}

TEST(Child, DoesNotWaitForWhatItsChildHoldsOpen) {
  const auto begin = std::chrono::steady_clock::now();
  const auto end = shell("sleep 1000 & exit 0");
  ASSERT_TRUE(end) << message_of(end);
  EXPECT_FALSE(end->timed_out);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 15s);
}

TEST(Child, IsStoppedWhenItTalksWithoutEnd) {
  const auto end =
      shell("while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done | cat");
  ASSERT_TRUE(end) << message_of(end);
  EXPECT_TRUE(end->overflowed);
  EXPECT_LT(end->output.size(), std::size_t{8} << 20U);
}

TEST(Child, KeepsTheTailOfErrors) {
  const auto end = shell("i=0; while [ $i -lt 2000 ]; do echo line $i >&2; i=$((i+1)); done");
  ASSERT_TRUE(end) << message_of(end);
  EXPECT_EQ(end->error_tail.size(), 4096U);
  EXPECT_THAT(end->error_tail, ::testing::EndsWith("line 1999\n"));
}

TEST(Child, SaysWhatItCannotRun) {
  EXPECT_THAT(message_of(run_child("/nowhere/program", {"program"}, 1s)),
              AllOf(HasSubstr("/nowhere/program"), HasSubstr("No such file")));
}

}  // namespace

}  // namespace sentinel::plugin
