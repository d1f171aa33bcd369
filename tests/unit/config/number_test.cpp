#include "core/config/number.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace sentinel::config {
namespace {

TEST(ParseInteger, ReadsTheWholeRange) {
  const std::pair<std::string_view, std::int64_t> cases[] = {
      {"0", 0},
      {"-7", -7},
      {"+7", 7},
      {"007", 7},
      {"9223372036854775807", std::numeric_limits<std::int64_t>::max()},
      {"-9223372036854775808", std::numeric_limits<std::int64_t>::min()},
  };
  for (const auto& [text, expected] : cases) {
    const auto read = parse_integer(text);
    ASSERT_TRUE(read) << text;
    EXPECT_EQ(*read, expected) << text;
  }
}

TEST(ParseInteger, RefusesAnythingElse) {
  for (const std::string_view text : {"", "+", "-", "+-1", "--1", "1.0", "1e3", "0x10", "1_000", " 1", "1 ", "one",
                                      "9223372036854775808", "-9223372036854775809"}) {
    EXPECT_FALSE(parse_integer(text)) << text;
  }
}

TEST(ParseNumber, ReadsDecimals) {
  const std::pair<std::string_view, double> cases[] = {{"0.05", 0.05}, {"-3", -3},  {"+3.5", 3.5},
                                                       {"1e6", 1e6},   {".5", 0.5}, {"1E-3", 1e-3}};
  for (const auto& [text, expected] : cases) {
    const auto read = parse_number(text);
    ASSERT_TRUE(read) << text;
    EXPECT_DOUBLE_EQ(*read, expected) << text;
  }
}

TEST(ParseNumber, RefusesWhatIsNotFinite) {
  for (const std::string_view text : {"", ".", "nan", "inf", "-inf", "1e999", "1,5", "0x10", "1.5s", "+-1", " 1"}) {
    EXPECT_FALSE(parse_number(text)) << text;
  }
}

TEST(ParseBoolean, KnowsTwoWords) {
  EXPECT_TRUE(*parse_boolean("true"));
  EXPECT_FALSE(*parse_boolean("false"));
  for (const std::string_view text : {"", "yes", "no", "on", "off", "True", "1", "0"}) {
    EXPECT_FALSE(parse_boolean(text)) << text;
  }
}

}  // namespace
}  // namespace sentinel::config
