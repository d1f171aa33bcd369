#include "sentinel/text.hpp"

#include <gtest/gtest.h>

#include <string>

namespace sentinel {
namespace {

std::string cleaned(std::string_view text) {
  std::string buffer;
  return std::string(clean(text, buffer));
}

TEST(Text, KeepsWhatIsClean) {
  for (const std::string_view text : {"", "kworker/0:1", "naïve", "日本語", "\U0001f600", "\U0010ffff", "\"quoted\\"}) {
    EXPECT_TRUE(is_clean(text)) << text;
    EXPECT_EQ(cleaned(text), text);
  }
}

TEST(Text, FindsAByteThatIsNotCleanWhereverItStands) {
  for (std::size_t at = 0; at < 20; ++at) {
    for (int byte = 0; byte < 256; ++byte) {
      // Beside bytes that a sum of whole words could carry into.
      for (const char beside : {' ', '~'}) {
        std::string text(20, beside);
        text[at] = static_cast<char>(byte);
        EXPECT_EQ(is_clean(text), byte >= 0x20 && byte < 0x7f) << "byte " << byte << " at " << at;
      }
    }
  }
}

TEST(Text, CopiesNothingThatIsClean) {
  std::string buffer;
  const std::string_view text = "proc_cpu";
  EXPECT_EQ(clean(text, buffer).data(), text.data());
  EXPECT_TRUE(buffer.empty());
}

TEST(Text, ReplacesEachBadByteOnce) {
  const std::string mark = "\xef\xbf\xbd";
  struct Case {
    std::string_view dirty;
    std::string expected;
  };
  const Case cases[] = {
      {"\xff\"\n", mark + "\"" + mark},
      {"a\tb", "a" + mark + "b"},
      {std::string_view("a\0b", 3), "a" + mark + "b"},
      {"\x7f", mark},
      {"\xc2\x80", mark + mark},                        // U+0080, a C1 control
      {"\xc0\xaf", mark + mark},                        // overlong '/'
      {"\xe0\x80\x80", mark + mark + mark},             // overlong
      {"\xed\xa0\x80", mark + mark + mark},             // surrogate
      {"\xf4\x90\x80\x80", mark + mark + mark + mark},  // beyond U+10FFFF
      {"\xe6\x97", mark + mark},                        // cut short
      {"\xe6\x97z", mark + mark + "z"},
      {"\x80", mark},
  };
  for (const auto& c : cases) {
    EXPECT_FALSE(is_clean(c.dirty));
    EXPECT_EQ(cleaned(c.dirty), c.expected);
    EXPECT_TRUE(is_clean(cleaned(c.dirty)));
  }
}

TEST(Text, CleansEverySequenceOfTwoBytes) {
  for (int a = 0; a < 256; ++a) {
    for (int b = 0; b < 256; ++b) {
      const std::string text{static_cast<char>(a), static_cast<char>(b)};
      EXPECT_TRUE(is_clean(cleaned(text))) << a << ' ' << b;
    }
  }
}

}  // namespace
}  // namespace sentinel
