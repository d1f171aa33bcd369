#include "sentinel/procfs/pressure.hpp"

#include "tests/unit/procfs/fixture.hpp"

namespace sentinel::procfs {
namespace {

TEST(Pressure, ReadsBothLines) {
  const auto io = parse_pressure(fixture("debian12", "pressure/io"));
  ASSERT_TRUE(io.ok());
  EXPECT_DOUBLE_EQ(io->some.avg10, 0.51);
  EXPECT_DOUBLE_EQ(io->some.avg60, 0.33);
  EXPECT_DOUBLE_EQ(io->some.avg300, 0.29);
  EXPECT_EQ(io->some.total_us, 83120455u);
  ASSERT_TRUE(io->full.has_value());
  EXPECT_DOUBLE_EQ(io->full->avg10, 0.40);
  EXPECT_EQ(io->full->total_us, 71230998u);
}

TEST(Pressure, CpuHasNoFullBefore5_13) {
  const auto cpu = parse_pressure(fixture("container", "pressure/cpu"));
  ASSERT_TRUE(cpu.ok());
  EXPECT_EQ(cpu->some.total_us, 120334u);
  EXPECT_FALSE(cpu->full.has_value());
}

TEST(Pressure, RefusesWhatNoKernelPrints) {
  const std::string good = "some avg10=0.00 avg60=0.00 avg300=0.00 total=1\n";
  for (const auto& text : {std::string(), std::string("\n"), good.substr(0, good.size() - 1), good + good,
                           good + "full avg10=0.00", good + "full avg10=0.00 avg60=0.00 avg300=0.00\n",
                           "full" + good.substr(4), std::string("some avg10=0.00 avg300=0.00 avg60=0.00 total=1\n"),
                           std::string("some avg10=-1.00 avg60=0.00 avg300=0.00 total=1\n"),
                           std::string("some avg10=nan avg60=0.00 avg300=0.00 total=1\n"),
                           std::string("some avg10=0.00 avg60=0.00 avg300=0.00 total=18446744073709551616\n")}) {
    const auto result = parse_pressure(text);
    ASSERT_FALSE(result.ok()) << text;
    EXPECT_EQ(result.error().code, Errc::invalid_argument) << text;
  }
}

}  // namespace
}  // namespace sentinel::procfs
