#include "sentinel/procfs/diskstats.hpp"

#include <gmock/gmock.h>

#include "tests/unit/procfs/fixture.hpp"

namespace sentinel::procfs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<DiskStat> parsed(std::string_view text) {
  std::vector<DiskStat> disks;
  const auto done = parse_diskstats(text, disks);
  EXPECT_TRUE(done.ok()) << done.error().message;
  return disks;
}

std::string line(std::string_view name) {
  return "8 0 " + std::string(name) + " 1 2 3 4 5 6 7 8 9 10 11\n";
}

TEST(DiskStats, ReadsEveryColumn) {
  const auto text = fixture("debian12", "diskstats");
  const auto disks = parsed(text);
  ASSERT_EQ(disks.size(), 9u);
  const auto& sda = disks[0];
  EXPECT_EQ(sda.major, 8u);
  EXPECT_EQ(sda.minor, 0u);
  EXPECT_EQ(sda.name, "sda");
  EXPECT_EQ(sda.reads_completed, 152034u);
  EXPECT_EQ(sda.sectors_read, 7340128u);
  EXPECT_EQ(sda.read_ms, 60521u);
  EXPECT_EQ(sda.writes_completed, 98213u);
  EXPECT_EQ(sda.sectors_written, 5120448u);
  EXPECT_EQ(sda.write_ms, 120034u);
  EXPECT_EQ(sda.in_flight, 2u);
  EXPECT_EQ(sda.io_ms, 90412u);
  EXPECT_EQ(sda.weighted_io_ms, 180651u);
}

TEST(DiskStats, TellsPartitionsFromTheDeviceBeforeThem) {
  std::vector<std::string> whole;
  const auto text = line("sda") + line("sda1") + line("sda15") + line("sdaa") + line("sdaa3") + line("nvme0n1") +
                    line("nvme0n1p1") + line("nvme0n12") + line("dm-1") + line("dm-12") + line("mmcblk0") +
                    line("mmcblk0p2") + line("mmcblk0boot0") + line("nvme1n1p") + line("sdb1");
  for (const auto& disk : parsed(text)) {
    if (!disk.partition) whole.emplace_back(disk.name);
  }
  EXPECT_THAT(whole, ElementsAre("sda", "sdaa", "nvme0n1", "nvme0n12", "dm-1", "dm-12", "mmcblk0", "mmcblk0boot0",
                                 "nvme1n1p", "sdb1"));
}

TEST(DiskStats, TakesOldAndNewNumbersOfColumns) {
  EXPECT_EQ(parsed(line("sda"))[0].weighted_io_ms, 11u);
  EXPECT_EQ(parsed("8 0 sda 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17\n")[0].weighted_io_ms, 11u);
  EXPECT_TRUE(parsed("").empty()) << "a machine without block devices";
}

TEST(DiskStats, ForgetsWhatItHeld) {
  std::vector<DiskStat> disks(7);
  ASSERT_TRUE(parse_diskstats(line("sda"), disks).ok());
  EXPECT_EQ(disks.size(), 1u);
}

TEST(DiskStats, RefusesWhatNoKernelPrints) {
  for (const char* text : {"\n", "8 0 sda\n", "8 0 sda 1 2 3 4 5 6 7 8 9 10\n", "8 0 sda 1 2 3 4 5 6 7 8 9 10 11",
                           "8 0 sda 1 2 3 4 5 6 7 8 -9 10 11\n", "8 0 sda 1 2 3 4 5 6 7 8 9 10 18446744073709551616\n",
                           "4294967296 0 sda 1 2 3 4 5 6 7 8 9 10 11\n", "x 0 sda 1 2 3 4 5 6 7 8 9 10 11\n"}) {
    std::vector<DiskStat> disks;
    const auto done = parse_diskstats(text, disks);
    ASSERT_FALSE(done.ok()) << text;
    EXPECT_EQ(done.error().code, Errc::invalid_argument) << text;
    EXPECT_THAT(done.error().message, HasSubstr("diskstats")) << text;
  }
}

}  // namespace
}  // namespace sentinel::procfs
