#include "sentinel/procfs/pid_stat.hpp"

#include "tests/unit/procfs/fixture.hpp"

namespace sentinel::procfs {
namespace {

std::string line(const std::string& comm, char state = 'S') {
  return "42 (" + comm + ") " + state + " 7 42 42 0 -1 4194560 10 0 3 0 120 35 0 0 20 0 5 0 9001 4096000 250 1\n";
}

TEST(PidStat, ReadsAProcess) {
  const auto text = line("nginx");
  const auto stat = parse_pid_stat(text);
  ASSERT_TRUE(stat.ok());
  EXPECT_EQ(stat->pid, 42);
  EXPECT_EQ(stat->comm, "nginx");
  EXPECT_EQ(stat->state, ProcessState::interruptible_sleep);
  EXPECT_EQ(stat->state_letter, 'S');
  EXPECT_EQ(stat->ppid, 7);
  EXPECT_EQ(stat->major_faults, 3u);
  EXPECT_EQ(stat->utime_ticks, 120u);
  EXPECT_EQ(stat->stime_ticks, 35u);
  EXPECT_EQ(stat->threads, 5);
  EXPECT_EQ(stat->start_time_ticks, 9001u);
  EXPECT_EQ(stat->virtual_bytes, 4096000u);
  EXPECT_EQ(stat->resident_pages, 250);
}

TEST(PidStat, ReadsAnOlderKernelsShorterLine) {
  const auto text = fixture("no_psi", "801/stat");
  const auto stat = parse_pid_stat(text);
  ASSERT_TRUE(stat.ok());
  EXPECT_EQ(stat->comm, "httpd");
  EXPECT_EQ(stat->resident_pages, 2201);
}

TEST(PidStat, CommIsWhateverTheProcessCalledItself) {
  for (const char* comm : {"", " ", "\xff\"\n", "a) Z 0 (b", "(((", ")))", ")\n4 (x) R 1", "tab\there"}) {
    const auto text = line(comm);
    const auto stat = parse_pid_stat(text);
    ASSERT_TRUE(stat.ok()) << comm;
    EXPECT_EQ(stat->comm, comm);
    EXPECT_EQ(stat->ppid, 7) << comm;
  }
}

TEST(PidStat, RefusesWhatNoKernelPrints) {
  const auto good = line("a");
  for (const auto& text :
       {std::string(), std::string("\n"), std::string("42\n"), std::string("42 (a\n"), std::string("42 a) S 7\n"),
        std::string("42 )a( S 7\n"), std::string("42 (a) S 7\n"), std::string("42 (a)\n"), "x" + good, "-" + good,
        "99999999999" + good, good.substr(0, good.size() - 1),
        std::string("42 (a) SS 7 42 42 0 -1 0 10 0 3 0 120 35 0 0 20 0 5 0 9001 4096000 250 1\n"),
        std::string("42 (a) S -7 42 42 0 -1 0 10 0 3 0 120 35 0 0 20 0 5 0 9001 4096000 250 1\n"),
        std::string("42 (a) S 7 42 42 0 -1 0 10 0 3 0 -120 35 0 0 20 0 5 0 9001 4096000 250 1\n"),
        std::string("42 (a) S 7 42 42 0 -1 0 10 0 3 0 99999999999999999999 35 0 0 20 0 5 0 9001 4096000 250 1\n")}) {
    const auto result = parse_pid_stat(text);
    ASSERT_FALSE(result.ok()) << text;
    EXPECT_EQ(result.error().code, Errc::invalid_argument) << text;
  }
}

TEST(PidStat, StatesHaveNames) {
  const struct {
    char letter;
    const char* name;
  } cases[] = {
      {'R', "running"},
      {'S', "interruptible_sleep"},
      {'D', "uninterruptible_disk_sleep"},
      {'Z', "zombie"},
      {'T', "stopped"},
      {'t', "tracing_stop"},
      {'I', "idle"},
      {'X', "dead"},
      {'x', "dead"},
      {'K', "wakekill"},
      {'W', "waking"},
      {'P', "parked"},
      {'?', "unknown"},
      {'\0', "unknown"},
      {'\xff', "unknown"},
  };
  for (const auto& c : cases) EXPECT_EQ(process_state_name(c.letter), c.name) << c.letter;
}

}  // namespace
}  // namespace sentinel::procfs
