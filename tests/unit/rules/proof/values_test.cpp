#include "rules/proof/values.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace sentinel::rules {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Optional;

constexpr auto none = std::nullopt;

Values good(std::string_view text) {
  auto parsed = parse_values(text, 1000);
  EXPECT_TRUE(parsed.value) << text << ": " << (parsed.mistake ? parsed.mistake->message : "");
  return parsed.value.value_or(Values{});
}

TEST(Values, AreWrittenAsForPromtool) {
  EXPECT_THAT(good("1 2.5 -3 1e3"), ElementsAre(1, 2.5, -3, 1000));
  EXPECT_THAT(good("1+2x3"), ElementsAre(1, 3, 5, 7));
  EXPECT_THAT(good("1-2x3"), ElementsAre(1, -1, -3, -5));
  EXPECT_THAT(good("-1-2x1"), ElementsAre(-1, -3));
  EXPECT_THAT(good("1+-2x1"), ElementsAre(1, -1));
  EXPECT_THAT(good("5x2 1"), ElementsAre(5, 5, 5, 1));
  EXPECT_THAT(good("5x0"), ElementsAre(5));
  EXPECT_THAT(good("1e-3+1e+3x1"), ElementsAre(1e-3, 1000.001));
  EXPECT_THAT(good("_ 1 _x2 stale"), ElementsAre(none, Optional(1.0), none, none, none));
  EXPECT_THAT(good("  \n\t"), IsEmpty());
  EXPECT_THAT(good("Inf -Inf"),
              ElementsAre(std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()));
  EXPECT_TRUE(std::isnan(good("NaN").at(0).value_or(0)));
}

TEST(Values, RefusesTheRest) {
  for (const std::string_view text : {"a", "1+2", "1x", "1xx3", "1x-3", "x3", "+x3", "1+x3", "1 2x3y", "stalex3", "__",
                                      "1,2", "1x99999999999999999999"}) {
    const auto parsed = parse_values(text, 1000);
    ASSERT_TRUE(parsed.mistake) << text;
    EXPECT_THAT(parsed.mistake->message, HasSubstr("is no value; write numbers, 1+2x3")) << text;
  }
  EXPECT_EQ(parse_values("1 2 bad", 9).mistake->offset, 4U);
}

TEST(Values, AreBounded) {
  EXPECT_TRUE(parse_values("1x999", 1000).value);
  EXPECT_THAT(parse_values("1x1000", 1000).mistake->message, HasSubstr("more than 1000 values"));
  EXPECT_EQ(parse_values("1x500 _x600", 1000).mistake->offset, 6U);
  EXPECT_TRUE(parse_values("1x99999999", 1000).mistake);
}

}  // namespace
}  // namespace sentinel::rules
