#include "sentinel/procfs/meminfo.hpp"

#include <gmock/gmock.h>

#include "tests/unit/procfs/fixture.hpp"

namespace sentinel::procfs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> keys(const MemInfo& info) {
  std::vector<std::string> out;
  for (const auto& field : info.fields) out.push_back(field.key);
  return out;
}

TEST(MemInfo, ReadsEveryLineOfATypicalHost) {
  MemInfo info;
  ASSERT_TRUE(parse_meminfo(fixture("debian12", "meminfo"), info).ok());
  EXPECT_EQ(info.fields.size(), 54u);
  EXPECT_EQ(info.malformed_lines, 0u);
  EXPECT_EQ(*info.total_bytes(), 8123456ull * 1024);
  EXPECT_EQ(*info.free_bytes(), 1712484ull * 1024);
  EXPECT_EQ(*info.available_bytes(), 5341208ull * 1024);

  const auto* huge = info.find("HugePages_Total");
  ASSERT_NE(huge, nullptr);
  EXPECT_FALSE(huge->is_kib) << "a count of pages is no size";
  EXPECT_EQ(huge->value, 4u);
  EXPECT_EQ(info.find("Total"), nullptr);
}

TEST(MemInfo, MakesUpNoAvailableMemoryBefore3_14) {
  MemInfo info;
  ASSERT_TRUE(parse_meminfo(fixture("no_psi", "meminfo"), info).ok());
  EXPECT_TRUE(info.total_bytes().ok());
  const auto available = info.available_bytes();
  ASSERT_FALSE(available.ok());
  EXPECT_EQ(available.error().code, Errc::no_data);
  EXPECT_THAT(available.error().message, HasSubstr("MemAvailable"));
}

TEST(MemInfo, LeavesOutAndCountsWhatIsNoField) {
  MemInfo info;
  ASSERT_TRUE(parse_meminfo(fixture("hostile", "meminfo"), info).ok());
  EXPECT_THAT(keys(info),
              ElementsAre("total", "free", "active_anon", "sh_mem", "huge_pages", "swap_total", "huge_pages_total"));
  EXPECT_EQ(info.find("MemFree")->value, 5120u) << "of a doubled field the first that can be read counts";
  EXPECT_EQ(info.malformed_lines, 13u);
}

TEST(MemInfo, AReusedStructFollowsTheTextItIsGiven) {
  MemInfo info;
  ASSERT_TRUE(parse_meminfo("MemTotal: 4 kB\nMemFree: 3 kB\nCached: 2 kB\n", info).ok());
  ASSERT_TRUE(parse_meminfo("MemTotal: 4 kB\nCached: 1 kB\n", info).ok());
  EXPECT_THAT(keys(info), ElementsAre("total", "cached"));
  EXPECT_EQ(info.find("Cached")->value, 1u);
  ASSERT_TRUE(parse_meminfo("MemTotal: 4 kB\nMemFree: 3 kB\nMemTotals: 9\nMemFree: 1 kB\n", info).ok());
  ASSERT_TRUE(parse_meminfo("MemTotal: 4 kB\nMemFree: 3 kB\nMemFree: 1 kB\nMemTotals: 9\n", info).ok());
  EXPECT_THAT(keys(info), ElementsAre("total", "free", "totals"));
}

TEST(MemInfo, TwoNamesOfOneKeyAreOneFieldWhereverTheyStoodBefore) {
  MemInfo info;
  ASSERT_TRUE(parse_meminfo("MemTotal: 4 kB\nCached: 3 kB\nActive(anon): 2 kB\n", info).ok());
  ASSERT_TRUE(parse_meminfo("MemTotal: 4 kB\nActive_anon: 3 kB\nActive(anon): 2 kB\n", info).ok());
  EXPECT_THAT(keys(info), ElementsAre("total", "active_anon"));
  EXPECT_EQ(info.malformed_lines, 1u);

  ASSERT_FALSE(parse_meminfo("Active(anon): 1 kB\nMemTotal: 0\nMemTotal: x\n", info).ok());
  ASSERT_TRUE(parse_meminfo("Active(anon): 1 kB\nMemTotal: 4 kB\nActive_anon: 3 kB\n", info).ok());
  EXPECT_THAT(keys(info), ElementsAre("active_anon", "total")) << "a refused text leaves nothing behind";
}

TEST(MemInfo, KeepsNoMoreThan256Fields) {
  std::string text = "MemTotal: 4 kB\n";
  for (int i = 0; i < 300; ++i) text += "Field" + std::to_string(i) + ": 1 kB\n";
  MemInfo info;
  ASSERT_TRUE(parse_meminfo(text, info).ok());
  EXPECT_EQ(info.fields.size(), 256u);
  EXPECT_EQ(info.malformed_lines, 45u);
}

TEST(MemInfo, RefusesATextWithoutTheTotal) {
  for (const char* text : {"", "\n", "MemFree: 1 kB\n", "MemTotal: -1 kB\n", "MemTotal: 1 MB\n", "MemTotal: 1\n",
                           "MemTotal: 18014398509481984 kB\n", "MemTotal: 1 kB\nMemTotal: 2 kB\n", "MemTotal: 1 kB",
                           "MemTotal: 1 kB\nMemFree: 1"}) {
    MemInfo info;
    const auto result = parse_meminfo(text, info);
    ASSERT_FALSE(result.ok()) << text;
    EXPECT_EQ(result.error().code, Errc::invalid_argument) << text;
  }
}

TEST(MemInfo, KeysAreSnakeCaseWithoutThePrefix) {
  const struct {
    const char* name;
    const char* key;
  } cases[] = {
      {"MemTotal", "total"},
      {"MemAvailable", "available"},
      {"Buffers", "buffers"},
      {"SwapCached", "swap_cached"},
      {"Active(anon)", "active_anon"},
      {"Inactive(file)", "inactive_file"},
      {"KReclaimable", "k_reclaimable"},
      {"SReclaimable", "s_reclaimable"},
      {"NFS_Unstable", "nfs_unstable"},
      {"Committed_AS", "committed_as"},
      {"VmallocChunk", "vmalloc_chunk"},
      {"AnonHugePages", "anon_huge_pages"},
      {"ShmemPmdMapped", "shmem_pmd_mapped"},
      {"HugePages_Total", "huge_pages_total"},
      {"Hugepagesize", "hugepagesize"},
      {"DirectMap4k", "direct_map4k"},
      {"DirectMap2M", "direct_map2m"},
      {"DirectMap1G", "direct_map1g"},
      {"Memory", "memory"},
      {"Mem", "mem"},
      {"(a)(b)", "a_b"},
      {"\xff\xfe", ""},
      {"", ""},
  };
  for (const auto& c : cases) EXPECT_EQ(meminfo_key(c.name), c.key) << c.name;
}

}  // namespace
}  // namespace sentinel::procfs
