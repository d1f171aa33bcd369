#include "sentinel/procfs/stat.hpp"

#include <gmock/gmock.h>

#include <algorithm>

#include "tests/unit/procfs/fixture.hpp"

namespace sentinel::procfs {
namespace {

using testing::HasSubstr;

constexpr std::string_view rest = "ctxt 10\nbtime 20\nprocesses 30\nprocs_running 4\nprocs_blocked 5\n";

TEST(Stat, ReadsATypicalHost) {
  Stat stat;
  ASSERT_TRUE(parse_stat(fixture("debian12", "stat"), stat).ok());
  EXPECT_EQ(stat.cpus.size(), 4u);
  EXPECT_EQ(stat.total.modes, 10u);
  EXPECT_EQ(stat.total[CpuMode::user], 706740u);
  EXPECT_EQ(stat.total[CpuMode::softirq], 27017u);
  EXPECT_EQ(stat.cpus[2].cpu, 2u);
  EXPECT_EQ(stat.cpus[2].times[CpuMode::steal], 525u);
  EXPECT_EQ(stat.context_switches, 481220394u);
  EXPECT_EQ(stat.boot_time_seconds, 1767225600u);
  EXPECT_EQ(stat.forks, 198344u);
  EXPECT_EQ(stat.procs_running, 2u);
  EXPECT_EQ(stat.procs_blocked, 1u);
}

TEST(Stat, KeepsTheNumbersOf128CpusWithHoles) {
  Stat stat;
  ASSERT_TRUE(parse_stat(fixture("cpus128", "stat"), stat).ok());
  ASSERT_EQ(stat.cpus.size(), 128u);
  EXPECT_EQ(stat.cpus[16].cpu, 16u);
  EXPECT_EQ(stat.cpus[17].cpu, 18u) << "CPU 17 is offline";
  EXPECT_EQ(stat.cpus.back().cpu, 131u);
  std::uint64_t user = 0;
  for (const auto& cpu : stat.cpus) user += cpu.times[CpuMode::user];
  EXPECT_EQ(user, stat.total[CpuMode::user]);
}

TEST(Stat, AnOlderKernelPrintsFewerModes) {
  Stat stat;
  ASSERT_TRUE(parse_stat(fixture("no_psi", "stat"), stat).ok());
  EXPECT_EQ(stat.total.modes, 9u);
  EXPECT_EQ(stat.total[CpuMode::guest_nice], 0u);

  ASSERT_TRUE(parse_stat("cpu 1 2 3 4\n" + std::string(rest), stat).ok());
  EXPECT_EQ(stat.total.modes, 4u);
  EXPECT_TRUE(stat.cpus.empty());
}

TEST(Stat, IgnoresColumnsAndLinesOfNewerKernels) {
  Stat stat;
  ASSERT_TRUE(parse_stat("cpu 1 2 3 4 5 6 7 8 9 10 11 x\nnew thing\n\n" + std::string(rest), stat).ok());
  EXPECT_EQ(stat.total.modes, 10u);
  EXPECT_EQ(stat.total[CpuMode::guest_nice], 10u);
}

TEST(Stat, AReusedStructHoldsNothingOfTheLastText) {
  Stat stat;
  ASSERT_TRUE(parse_stat(fixture("cpus128", "stat"), stat).ok());
  ASSERT_TRUE(parse_stat(fixture("container", "stat"), stat).ok());
  EXPECT_EQ(stat.cpus.size(), 1u);
}

TEST(Stat, RefusesWhatNoKernelPrints) {
  const std::string good(rest);
  const struct {
    const char* what;
    std::string text;
    const char* message;
  } cases[] = {
      {"empty", "", "no line cpu"},
      {"no total", good, "no line cpu"},
      {"no counter", "cpu 1 2 3 4\nctxt 1\n", "no line btime"},
      {"three modes", "cpu 1 2 3\n" + good, "\"cpu 1 2 3\""},
      {"negative", "cpu 1 -2 3 4\n" + good, "cpu 1 -2 3 4"},
      {"overflow", "cpu 1 2 3 18446744073709551616\n" + good, "18446744073709551616"},
      {"no number", "cpu 1 2 3 4x\n" + good, "4 counts"},
      {"doubled total", "cpu 1 2 3 4\ncpu 1 2 3 4\n" + good, "one line cpu"},
      {"doubled CPU", "cpu 1 2 3 4\ncpu0 1 2 3 4\ncpu0 1 2 3 4\n" + good, "ascending"},
      {"descending CPUs", "cpu 1 2 3 4\ncpu1 1 2 3 4\ncpu0 1 2 3 4\n" + good, "ascending"},
      {"CPU number", "cpu 1 2 3 4\ncpu65536 1 2 3 4\n" + good, "cpu65536"},
      {"CPU name", "cpu 1 2 3 4\ncpux 1 2 3 4\n" + good, "cpux"},
      {"doubled counter", "cpu 1 2 3 4\n" + good + "ctxt 1\n", "one such line"},
      {"counter without value", "cpu 1 2 3 4\nctxt\n" + good, "\"ctxt\""},
      {"cut in a number", "cpu 1 2 3 4\n" + good.substr(0, good.size() - 1), "cut within its last line"},
  };
  for (const auto& c : cases) {
    Stat stat;
    const auto result = parse_stat(c.text, stat);
    ASSERT_FALSE(result.ok()) << c.what;
    EXPECT_EQ(result.error().code, Errc::invalid_argument) << c.what;
    EXPECT_THAT(result.error().message, HasSubstr(c.message)) << c.what;
  }
}

CpuTimes times(std::initializer_list<std::uint64_t> jiffies) {
  CpuTimes out;
  std::copy(jiffies.begin(), jiffies.end(), out.jiffies.begin());
  out.modes = jiffies.size();
  return out;
}

TEST(CpuUsage, IsTheBusyShareBetweenTwoReadings) {
  //                      user nice sys idle iowait irq softirq steal guest guest_nice
  const auto before = times({10, 10, 10, 100, 10, 10, 10, 10, 5, 5});
  const auto after = times({30, 10, 20, 150, 20, 10, 10, 20, 25, 5});
  EXPECT_DOUBLE_EQ(*cpu_usage_ratio(before, after), 0.4) << "guest is part of user; iowait is idle; steal is busy";
}

TEST(CpuUsage, AModeThatStepsBackCountsAsNothing) {
  EXPECT_DOUBLE_EQ(*cpu_usage_ratio(times({0, 0, 0, 100, 50}), times({10, 0, 0, 110, 40})), 0.5);
}

TEST(CpuUsage, HasNoDataWhileNoTimePasses) {
  const auto same = times({1, 2, 3, 4});
  EXPECT_EQ(cpu_usage_ratio(same, same).error().code, Errc::no_data);
  EXPECT_EQ(cpu_usage_ratio(same, times({0, 0, 0, 0})).error().code, Errc::no_data);
}

}  // namespace
}  // namespace sentinel::procfs
