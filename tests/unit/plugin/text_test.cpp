#include "core/plugin/text.hpp"

#include <gtest/gtest.h>

namespace sentinel::plugin {

namespace {

TEST(CleanText, KeepsWhatIsText) {
  EXPECT_EQ(clean_text("plain, ünï, €, 😀"), "plain, ünï, €, 😀");
  EXPECT_EQ(clean_text(""), "");
}

TEST(CleanText, ReplacesControlsAndInvalidBytes) {
  EXPECT_EQ(clean_text("a\nb\x1b[0m\x7f"), "a?b?[0m?");
  EXPECT_EQ(clean_text("\xff\"\xc0\x80\xed\xa0\x80"), "?\"?????");
  EXPECT_EQ(clean_text("\xc2\x85"), "?") << "a C1 control";
  EXPECT_EQ(clean_text("cut \xe2\x82"), "cut ??");
  EXPECT_EQ(clean_text("\xf4\x90\x80\x80"), "????") << "beyond U+10FFFF";
}

TEST(CleanText, CutsBetweenCharacters) {
  EXPECT_EQ(clean_text("ab€", 4), "ab");
  EXPECT_EQ(clean_text("ab€", 5), "ab€");
}

}  // namespace

}  // namespace sentinel::plugin
