#include "sentinel/procfs/softnet.hpp"

#include <gtest/gtest.h>

#include "tests/unit/procfs/fixture.hpp"

namespace sentinel::procfs {
namespace {

std::vector<SoftnetCpu> parsed(std::string_view text) {
  std::vector<SoftnetCpu> cpus;
  const auto done = parse_softnet(text, cpus);
  EXPECT_TRUE(done.ok()) << done.error().message;
  return cpus;
}

TEST(Softnet, ReadsHexadecimal) {
  const auto cpus = parsed(fixture("debian12", "net/softnet_stat"));
  ASSERT_EQ(cpus.size(), 4u);
  EXPECT_EQ(cpus[1].cpu, 1u);
  EXPECT_EQ(cpus[1].processed, 0x1a3b3cu);
  EXPECT_EQ(cpus[1].dropped, 7u);
  EXPECT_EQ(cpus[1].times_squeezed, 4u);
}

TEST(Softnet, NamesCpusByTheirColumnOrTheirLine) {
  const auto column = parsed("1 0 0 0 0 0 0 0 0 0 0 0 00000002 0 0\n1 0 0 0 0 0 0 0 0 0 0 0 0000000a 0 0\n");
  EXPECT_EQ(column.at(0).cpu, 2u);
  EXPECT_EQ(column.at(1).cpu, 10u);
  const auto line = parsed("1 0 0 0 0 0 0 0 0\nFFFFFFFF 0 0 0 0 0 0 0 0\n");
  EXPECT_EQ(line.at(1).cpu, 1u);
  EXPECT_EQ(line.at(1).processed, 0xffffffffu);
}

TEST(Softnet, RefusesWhatNoKernelPrints) {
  for (const char* text :
       {"", "\n", "1 2 3\n", "1 0 0 0 0 0 0 0\n", "1 0 0 0 0 0 0 0 0", "g 0 0 0 0 0 0 0 0\n", "0x1 0 0 0 0 0 0 0 0\n",
        "100000000 0 0 0 0 0 0 0 0\n", "-1 0 0 0 0 0 0 0 0\n", "1 0 0 0 0 0 0 0 0 0 0 0 10000 0 0\n",
        "1 0 0 0 0 0 0 0 0 0 0 0 1 0 0\n1 0 0 0 0 0 0 0 0 0 0 0 1 0 0\n"}) {
    std::vector<SoftnetCpu> cpus;
    const auto done = parse_softnet(text, cpus);
    ASSERT_FALSE(done.ok()) << text;
    EXPECT_EQ(done.error().code, Errc::invalid_argument) << text;
  }
}

}  // namespace
}  // namespace sentinel::procfs
