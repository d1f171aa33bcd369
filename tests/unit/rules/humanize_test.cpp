#include "rules/humanize.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace sentinel::rules {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

// What template_test.go of Prometheus expects.
TEST(Humanize, IsPrometheus) {
  EXPECT_EQ(humanize(0), "0");
  EXPECT_EQ(humanize(1), "1");
  EXPECT_EQ(humanize(1234567), "1.235M");
  EXPECT_EQ(humanize(.12), "120m");
  EXPECT_EQ(humanize(-1234), "-1.234k");
  EXPECT_EQ(humanize(1e30), "1e+06Y");
  EXPECT_EQ(humanize(1e-30), "1e-06y");
  EXPECT_EQ(humanize(std::nan("")), "NaN");
  EXPECT_EQ(humanize(infinity), "+Inf");
  EXPECT_EQ(humanize(-infinity), "-Inf");
}

TEST(Humanize1024, IsPrometheus) {
  EXPECT_EQ(humanize_1024(0), "0");
  EXPECT_EQ(humanize_1024(1), "1");
  EXPECT_EQ(humanize_1024(1048576), "1Mi");
  EXPECT_EQ(humanize_1024(.12), "0.12");
  EXPECT_EQ(humanize_1024(1536), "1.5ki");
  EXPECT_EQ(humanize_1024(infinity), "+Inf");
}

TEST(HumanizePercentage, IsPrometheus) {
  EXPECT_EQ(humanize_percentage(-0.22222), "-22.22%");
  EXPECT_EQ(humanize_percentage(0), "0%");
  EXPECT_EQ(humanize_percentage(0.1234567), "12.35%");
  EXPECT_EQ(humanize_percentage(1.23456), "123.5%");
}

TEST(HumanizeDuration, IsPrometheus) {
  EXPECT_EQ(humanize_duration(0), "0s");
  EXPECT_EQ(humanize_duration(1), "1s");
  EXPECT_EQ(humanize_duration(60), "1m 0s");
  EXPECT_EQ(humanize_duration(3600), "1h 0m 0s");
  EXPECT_EQ(humanize_duration(86400), "1d 0h 0m 0s");
  EXPECT_EQ(humanize_duration(86400 + 3600), "1d 1h 0m 0s");
  EXPECT_EQ(humanize_duration(-(86400 * 2 + 3600 * 3 + 60 * 4 + 5)), "-2d 3h 4m 5s");
  EXPECT_EQ(humanize_duration(899.99), "14m 59s");
  EXPECT_EQ(humanize_duration(.1), "100ms");
  EXPECT_EQ(humanize_duration(.0001), "100us");
  EXPECT_EQ(humanize_duration(.12345), "123.5ms");
  EXPECT_EQ(humanize_duration(60.1), "1m 0s");
  EXPECT_EQ(humanize_duration(12.5), "12.5s");
  EXPECT_EQ(humanize_duration(std::nan("")), "NaN");
  EXPECT_EQ(humanize_duration(1e300).back(), 's');
}

TEST(FormatGo, IsTheShortestText) {
  EXPECT_EQ(format_go(80), "80");
  EXPECT_EQ(format_go(0.1), "0.1");
  EXPECT_EQ(format_go(-2.5), "-2.5");
  EXPECT_EQ(format_go(0), "0");
  EXPECT_EQ(format_go(100000), "100000");
  EXPECT_EQ(format_go(1000000), "1e+06");
  EXPECT_EQ(format_go(1234567), "1.234567e+06");
  EXPECT_EQ(format_go(0.0001), "0.0001");
  EXPECT_EQ(format_go(0.00001), "1e-05");
  EXPECT_EQ(format_go(std::nan("")), "NaN");
  EXPECT_EQ(format_go(infinity), "+Inf");
  EXPECT_EQ(format_go(std::numeric_limits<double>::max()), "1.7976931348623157e+308");
}

TEST(Printf, IsGos) {
  EXPECT_EQ(format_printf("%.2f", 3.14159), "3.14");
  EXPECT_EQ(format_printf("%f", 0.5), "0.500000");
  EXPECT_EQ(format_printf("%8.2f|", -3.14159), "   -3.14|");
  EXPECT_EQ(format_printf("%-8.2f|", 3.14159), "3.14    |");
  EXPECT_EQ(format_printf("%08.2f", -3.14159), "-0003.14");
  EXPECT_EQ(format_printf("%+.1f", 2), "+2.0");
  EXPECT_EQ(format_printf("% .1f", 2), " 2.0");
  EXPECT_EQ(format_printf("%.2e", 12345), "1.23e+04");
  EXPECT_EQ(format_printf("%.2E", 12345), "1.23E+04");
  EXPECT_EQ(format_printf("%g", 0.1), "0.1");
  EXPECT_EQ(format_printf("%.3g", 1234.5), "1.23e+03");
  EXPECT_EQ(format_printf("about %.0f%%!", 99.6), "about 100%!");
  EXPECT_EQ(format_printf("%.1f", std::nan("")), "NaN");
  EXPECT_EQ(format_printf("%.1f", infinity), "+Inf");
  EXPECT_EQ(format_printf("%06.1f", -infinity), "  -Inf");
  EXPECT_EQ(format_printf("%.0f", 1e308).size(), 309U);
  EXPECT_EQ(format_printf("%64.32f", 1.5).size(), 64U);
}

TEST(Printf, RefusesWhatShowsNoNumber) {
  for (const std::string_view pattern : {"", "x", "%", "%%", "%d", "%s", "%v", "%n", "%*f", "%.f.%f", "%65f", "%.33f",
                                         "%999999999999999999999f", "%#f", "%l", "%1$f", "%.2f %.2f"}) {
    const auto checked = check_printf(pattern);
    ASSERT_FALSE(checked) << pattern;
    EXPECT_THAT(checked.error().message, testing::HasSubstr("write one of %e, %f and %g"));
  }
  EXPECT_TRUE(check_printf("%.f"));
}

}  // namespace
}  // namespace sentinel::rules
