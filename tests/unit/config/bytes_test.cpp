#include "core/config/bytes.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sentinel::config {
namespace {

TEST(ParseBytes, ReadsEveryUnit) {
  const std::pair<std::string_view, std::uint64_t> cases[] = {
      {"0", 0},
      {"4096", 4096},
      {"7B", 7},
      {"2kB", 2000},
      {"2KB", 2000},
      {"10MB", 10'000'000},
      {"1GB", 1'000'000'000},
      {"1TB", 1'000'000'000'000},
      {"64KiB", 65536},
      {"2MiB", 2U << 20U},
      {"1.5GiB", 3ULL << 29U},
      {"1TiB", 1ULL << 40U},
      {"0.125KiB", 128},
      {"1.500kB", 1500},
      {"9223372036854775807", 9223372036854775807ULL},
  };
  for (const auto& [text, expected] : cases) {
    const auto read = parse_bytes(text);
    ASSERT_TRUE(read) << text << ": " << read.error().message;
    EXPECT_EQ(*read, expected) << text;
  }
}

TEST(ParseBytes, RefusesWithAnExample) {
  for (const std::string_view text : {"",
                                      "KiB",
                                      "-1",
                                      "+1",
                                      "64K",
                                      "64k",
                                      "2M",
                                      "2mib",
                                      "64 KiB",
                                      "1.",
                                      "1.KiB",
                                      ".5KiB",
                                      "0.1KiB",
                                      "1.5B",
                                      "1.5",
                                      "1.0000001MB",
                                      "9223372036854775808",
                                      "18446744073709551616",
                                      "8388608TiB",
                                      "99999999999999999999",
                                      "0x10",
                                      "1e3",
                                      "64KiB\n"}) {
    const auto read = parse_bytes(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().code, Errc::invalid_argument);
    EXPECT_THAT(read.error().message, testing::HasSubstr("write for example 64KiB")) << text;
  }
}

TEST(FormatBytes, IsReadBackAsTheSame) {
  EXPECT_EQ(format_bytes(0), "0B");
  EXPECT_EQ(format_bytes(1000), "1000B");
  EXPECT_EQ(format_bytes(65536), "64KiB");
  EXPECT_EQ(format_bytes(2U << 20U), "2MiB");
  EXPECT_EQ(format_bytes(1ULL << 50U), "1024TiB");
  for (const std::uint64_t bytes : {1ULL, 1023ULL, 1025ULL, 3ULL << 29U, 9223372036854775807ULL}) {
    const auto read = parse_bytes(format_bytes(bytes));
    ASSERT_TRUE(read);
    EXPECT_EQ(*read, bytes);
  }
}

}  // namespace
}  // namespace sentinel::config
