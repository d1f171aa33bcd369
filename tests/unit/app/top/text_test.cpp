#include "core/app/top/text.hpp"

#include <gtest/gtest.h>

namespace sentinel::top {
namespace {

using namespace std::chrono_literals;

struct Case {
  std::string_view given;
  std::string_view unicode;
  std::string_view ascii;
};

TEST(Printable, LetsNoControlReachTheTerminal) {
  const Case cases[] = {
      {"nginx: worker", "nginx: worker", "nginx: worker"},
      {"\xff\"\n", "\xef\xbf\xbd\"\xef\xbf\xbd", "?\"?"},
      {"\x1b[2J", "\xef\xbf\xbd[2J", "?[2J"},
      {"a\rb\tc\x7f",
       "a\xef\xbf\xbd"
       "b\xef\xbf\xbd"
       "c\xef\xbf\xbd",
       "a?b?c?"},
      {"\xc2\x9b"
       "31m",
       "\xef\xbf\xbd\xef\xbf\xbd"
       "31m",
       "??31m"},  // CSI as one character of C1
      {"a\xe2\x80\xae"
       "b",
       "a\xef\xbf\xbd"
       "b",
       "a?b"},  // right-to-left override
      {"a\xe2\x80\x8d"
       "b",
       "a\xef\xbf\xbd"
       "b",
       "a?b"},                                // zero-width joiner
      {"\xef\xbb\xbf", "\xef\xbf\xbd", "?"},  // byte order mark
      {"grün", "grün", "gr?n"},
      {"\xe6\x97", "\xef\xbf\xbd\xef\xbf\xbd", "??"},  // a cut character
      {std::string_view("\0", 1), "\xef\xbf\xbd", "?"},
      {"", "", ""},
  };
  for (const auto& [given, unicode, ascii] : cases) {
    EXPECT_EQ(printable(given, true), unicode) << given;
    EXPECT_EQ(printable(given, false), ascii) << given;
  }
}

TEST(Columns, CountsWideCharactersTwice) {
  EXPECT_EQ(columns(""), 0U);
  EXPECT_EQ(columns("grün █░"), 7U);
  EXPECT_EQ(columns("日本"), 4U);
  EXPECT_EQ(columns("\xf0\x9f\x94\xa5"), 2U);  // U+1F525
}

TEST(Fit, CutsBetweenCharacters) {
  EXPECT_EQ(fit("sentinel", 4), "sent");
  EXPECT_EQ(fit("grün", 3), "grü");
  EXPECT_EQ(fit("日本", 3), "日");
  EXPECT_EQ(fit("日本", 4), "日本");
  EXPECT_EQ(fit("日本", 1), "");
  EXPECT_EQ(fit("", 9), "");
  EXPECT_EQ(fit("sentinel", 0), "");
}

TEST(BytesText, TakesTheLargestUnit) {
  EXPECT_EQ(bytes_text(0), "0.0 KiB");
  EXPECT_EQ(bytes_text(1536), "1.5 KiB");
  EXPECT_EQ(bytes_text(1048575), "1.0 MiB");
  EXPECT_EQ(bytes_text(std::uint64_t{16} << 30), "16.0 GiB");
  EXPECT_EQ(bytes_text(UINT64_MAX), "16.0 EiB");
}

TEST(DurationText, TakesTheTwoLargestUnits) {
  EXPECT_EQ(duration_text(0), "0 s");
  EXPECT_EQ(duration_text(59), "59 s");
  EXPECT_EQ(duration_text(3599), "59 min 59 s");
  EXPECT_EQ(duration_text(3600), "1 h 0 min");
  EXPECT_EQ(duration_text(90061), "1 d 1 h");
}

TEST(IntervalText, IsShort) {
  EXPECT_EQ(interval_text(2s), "2 s");
  EXPECT_EQ(interval_text(1500ms), "1.5 s");
  EXPECT_EQ(interval_text(250ms), "250 ms");
}

}  // namespace
}  // namespace sentinel::top
