#include "sentinel/procfs/pid_limits.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include "tests/unit/procfs/fixture.hpp"

namespace sentinel::procfs {
namespace {

TEST(PidLimits, ReadsOpenFiles) {
  const auto limit = parse_open_files_limit(fixture("debian12", "412/limits"));
  ASSERT_TRUE(limit.ok());
  EXPECT_EQ(limit->soft, 1024u);
  EXPECT_EQ(limit->hard, 524288u);
}

TEST(PidLimits, ReadsUnlimited) {
  const auto limit = parse_open_files_limit(fixture("debian12", "1204/limits"));
  ASSERT_TRUE(limit.ok());
  EXPECT_EQ(limit->soft, Limit::unlimited);
  EXPECT_EQ(limit->hard, Limit::unlimited);
}

TEST(PidLimits, AgreesWithTheSystemCall) {
  const auto root = Root::open("/proc");
  Buffer buffer;
  const auto limit = parse_open_files_limit(*root->read("self/limits", buffer));
  ASSERT_TRUE(limit.ok());
  rlimit own;
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &own), 0);
  EXPECT_EQ(limit->soft, own.rlim_cur);
  EXPECT_EQ(limit->hard, own.rlim_max);
}

TEST(PidLimits, RefusesWhatNoKernelPrints) {
  for (const char* text :
       {"", "\n", "Limit\n", "Max open files\n", "Max open files 1\n", "Max open files 1 2",
        "Max open files x 2 files\n", "Max open files 1 -2 files\n", "Max open files 18446744073709551616 2 files\n",
        "Max open files 1 2 files\nMax locked mem"}) {
    const auto limit = parse_open_files_limit(text);
    ASSERT_FALSE(limit.ok()) << text;
    EXPECT_EQ(limit.error().code, Errc::invalid_argument) << text;
  }
}

}  // namespace
}  // namespace sentinel::procfs
