#include "core/config/duration.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace sentinel::config {
namespace {

using namespace std::chrono_literals;

TEST(ParseDuration, ReadsEveryUnit) {
  const std::pair<std::string_view, std::chrono::nanoseconds> cases[] = {
      {"0", 0ns},
      {"0s", 0ns},
      {"7ns", 7ns},
      {"7us", 7us},
      {"100ms", 100ms},
      {"5s", 5s},
      {"15m", 15min},
      {"2h", 2h},
      {"1d", 24h},
      {"1h30m", 90min},
      {"1d2h3m4s5ms6us7ns", 26h + 3min + 4s + 5ms + 6us + 7ns},
      {"1.5s", 1500ms},
      {"0.25h", 15min},
      {"1.000000001s", 1s + 1ns},
      {"1.50s", 1500ms},
      {"106751d", 106751 * 24h},
  };
  for (const auto& [text, expected] : cases) {
    const auto read = parse_duration(text);
    ASSERT_TRUE(read) << text << ": " << read.error().message;
    EXPECT_EQ(*read, expected) << text;
  }
}

TEST(ParseDuration, RefusesWithAnExample) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"", "for example 5s"},
      {"5", "without a unit; write for example 5s"},
      {"s", "for example 5s"},
      {"-5s", "for example 5s"},
      {"5 s", "none of d, h, m, s"},
      {"5sec", "none of d, h, m, s"},
      {"5S", "none of d, h, m, s"},
      {".5s", "for example 5s"},
      {"5.s", "for example 1.5s"},
      {"30m1h", "out of order"},
      {"1s1s", "out of order"},
      {"1h30", "without a unit"},
      {"0.5ns", "whole number of nanoseconds"},
      {"1.0000000001s", "whole number of nanoseconds"},
      {"106752d", "292 years"},
      {"9223372036854775808ns", "292 years"},
      {"99999999999999999999999s", "292 years"},
      {"106751d86400s9223372036854775807ns", "292 years"},
      {"5s\n", "none of d, h, m, s"},
      {"0x5s", "none of d, h, m, s"},
  };
  for (const auto& [text, expected] : cases) {
    const auto read = parse_duration(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().code, Errc::invalid_argument);
    EXPECT_THAT(read.error().message, testing::HasSubstr(expected)) << text;
  }
}

TEST(FormatDuration, IsReadBackAsTheSame) {
  EXPECT_EQ(format_duration(0ns), "0s");
  EXPECT_EQ(format_duration(5s), "5s");
  EXPECT_EQ(format_duration(90s), "1m30s");
  EXPECT_EQ(format_duration(1500ms), "1s500ms");
  EXPECT_EQ(format_duration(-5s), "-5s");
  EXPECT_EQ(format_duration(std::chrono::nanoseconds::min()), "-106751d23h47m16s854ms775us808ns");
  for (const std::chrono::nanoseconds duration : {1ns, 999'999ns, std::chrono::nanoseconds::max()}) {
    const auto read = parse_duration(format_duration(duration));
    ASSERT_TRUE(read) << format_duration(duration);
    EXPECT_EQ(*read, duration);
  }
}

}  // namespace
}  // namespace sentinel::config
