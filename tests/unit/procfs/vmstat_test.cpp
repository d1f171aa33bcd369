#include "sentinel/procfs/vmstat.hpp"

#include "tests/unit/procfs/fixture.hpp"

namespace sentinel::procfs {
namespace {

TEST(VmStat, ReadsATypicalHost) {
  const auto vm = parse_vmstat(fixture("debian12", "vmstat"));
  ASSERT_TRUE(vm.ok());
  EXPECT_EQ(vm->pswpin, 1412u);
  EXPECT_EQ(vm->pswpout, 16803u);
  EXPECT_EQ(vm->pgmajfault, 28411u);
  EXPECT_EQ(vm->oom_kill, 2u);
}

TEST(VmStat, AnOlderKernelCountsNoOomKills) {
  const auto vm = parse_vmstat(fixture("no_psi", "vmstat"));
  ASSERT_TRUE(vm.ok());
  EXPECT_EQ(vm->pswpin, 34120u);
  EXPECT_FALSE(vm->oom_kill.has_value());
}

TEST(VmStat, OfADoubledLineTheFirstCounts) {
  EXPECT_EQ(parse_vmstat("pswpin 1\npswpin 2\n")->pswpin, 1u);
}

TEST(VmStat, RefusesWhatNoKernelPrints) {
  for (const char* text : {"", "\n \n", "pswpin\n", "pswpin -1\n", "oom_kill 18446744073709551616\n", "pswpin 1x\n",
                           "nr_free_pages 1\noom_kill 12"}) {
    const auto result = parse_vmstat(text);
    ASSERT_FALSE(result.ok()) << text;
    EXPECT_EQ(result.error().code, Errc::invalid_argument) << text;
  }
}

}  // namespace
}  // namespace sentinel::procfs
