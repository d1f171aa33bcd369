#include "sentinel/procfs/loadavg.hpp"

#include "tests/unit/procfs/fixture.hpp"

namespace sentinel::procfs {
namespace {

TEST(LoadAvg, ReadsATypicalHost) {
  const auto load = parse_loadavg(fixture("debian12", "loadavg"));
  ASSERT_TRUE(load.ok());
  EXPECT_DOUBLE_EQ(load->load1, 0.42);
  EXPECT_DOUBLE_EQ(load->load5, 0.57);
  EXPECT_DOUBLE_EQ(load->load15, 0.61);
  EXPECT_EQ(load->running_threads, 2u);
  EXPECT_EQ(load->threads, 312u);
  EXPECT_EQ(load->last_pid, 198344u);
}

TEST(LoadAvg, KeepsLargeLoads) {
  EXPECT_DOUBLE_EQ(parse_loadavg("4120.99 36.81 0.00 37/4120 1\n")->load1, 4120.99);
}

TEST(LoadAvg, RefusesWhatNoKernelPrints) {
  for (const char* text :
       {"", "\n", "0.42\n", "0.42 0.57 0.61\n", "0.42 0.57 0.61 2/312\n", "0.42 0.57 0.61 2/312 19",
        "nan 0.57 0.61 2/312 1\n", "-0.42 0.57 0.61 2/312 1\n", "0.42 0,57 0.61 2/312 1\n", "1e9 0.57 0.61 2/312 1\n",
        "0.42 .57 0.61 2/312 1\n", "0.42 0. 0.61 2/312 1\n", "99999999999999999999.0 0.57 0.61 2/312 1\n",
        "0.42 0.57 0.61 2 312 1\n", "0.42 0.57 0.61 2/ 1\n", "0.42 0.57 0.61 /312 1\n", "0.42 0.57 0.61 2/312 -1\n"}) {
    const auto load = parse_loadavg(text);
    ASSERT_FALSE(load.ok()) << text;
    EXPECT_EQ(load.error().code, Errc::invalid_argument) << text;
  }
}

}  // namespace
}  // namespace sentinel::procfs
