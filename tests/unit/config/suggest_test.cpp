#include "core/config/suggest.hpp"

#include <gtest/gtest.h>

namespace sentinel::config {
namespace {

TEST(EditDistance, CountsEachKindOfEdit) {
  EXPECT_EQ(edit_distance("", ""), 0U);
  EXPECT_EQ(edit_distance("every", "every"), 0U);
  EXPECT_EQ(edit_distance("evry", "every"), 1U);
  EXPECT_EQ(edit_distance("everyy", "every"), 1U);
  EXPECT_EQ(edit_distance("evari", "every"), 2U);
  EXPECT_EQ(edit_distance("listne", "listen"), 1U) << "a swap of neighbours is one edit";
  EXPECT_EQ(edit_distance("", "abc"), 3U);
  EXPECT_EQ(edit_distance("abc", ""), 3U);
}

TEST(Nearest, FindsWhatWasMeant) {
  const std::vector<std::string> keys = {"plugin", "every", "deadline", "config"};
  EXPECT_EQ(nearest("evry", keys), "every");
  EXPECT_EQ(nearest("Plugin", keys), "plugin");
  EXPECT_EQ(nearest("dedaline", keys), "deadline");
  EXPECT_EQ(nearest("interval", keys), "");
  EXPECT_EQ(nearest("", keys), "");
  EXPECT_EQ(nearest(std::string(65, 'e'), keys), "");
}

TEST(Nearest, TakesNoUnrelatedLetterForANearMiss) {
  EXPECT_EQ(nearest("a", {"b"}), "");
  EXPECT_EQ(nearest("a", {"ab"}), "ab");
}

TEST(Nearest, GivesUpOnTooManyCandidates) {
  EXPECT_EQ(nearest("evry", std::vector<std::string>(256, "every")), "every");
  EXPECT_EQ(nearest("evry", std::vector<std::string>(257, "every")), "");
}

TEST(DidYouMean, IsEmptyWithoutASuggestion) {
  EXPECT_EQ(did_you_mean("evry", {"every"}), " (did you mean \"every\"?)");
  EXPECT_EQ(did_you_mean("xyz", {"every"}), "");
}

TEST(JoinNames, ReadsLikeASentence) {
  EXPECT_EQ(join_names({}), "");
  EXPECT_EQ(join_names({"a"}), "\"a\"");
  EXPECT_EQ(join_names({"a", "b", "c"}), "\"a\", \"b\" and \"c\"");
}

TEST(Quote, KeepsAMessageOnOneLine) {
  EXPECT_EQ(quote("a\"b\\c"), "\"a\\\"b\\\\c\"");
  EXPECT_EQ(quote("a\nb\x1b\x7f"), "\"a\\nb\\x1b\\x7f\"");
  EXPECT_EQ(quote("schön"), "\"schön\"");
}

TEST(Quote, CutsBetweenCharacters) {
  EXPECT_EQ(quote(std::string(60, 'a')), "\"" + std::string(60, 'a') + "\"");
  EXPECT_EQ(quote(std::string(61, 'a')), "\"" + std::string(60, 'a') + "…\"");
  EXPECT_EQ(quote(std::string(59, 'a') + "öb"), "\"" + std::string(59, 'a') + "…\"");
}

}  // namespace
}  // namespace sentinel::config
