#include "core/config/dotenv.hpp"

#include "tests/unit/config/support.hpp"

namespace sentinel::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

Variables read(std::string_view text, std::vector<std::string>* told = nullptr) {
  std::vector<Diagnostic> diagnostics;
  auto variables = parse_dotenv(text, ".env", diagnostics);
  std::vector<std::string> texts;
  for (const auto& diagnostic : diagnostics) texts.push_back(to_string(diagnostic));
  if (told != nullptr) {
    *told = texts;
  } else {
    EXPECT_THAT(texts, IsEmpty()) << text;
  }
  return variables;
}

TEST(Dotenv, ReadsTheThresholdsOfASeedFile) {
  EXPECT_THAT(read("# thresholds\n\nMEM_THRESHOLD=80\r\nexport LOAD_THRESHOLD = 3.5\n  Z=1"),
              ElementsAre(Pair("LOAD_THRESHOLD", "3.5"), Pair("MEM_THRESHOLD", "80"), Pair("Z", "1")));
}

TEST(Dotenv, KnowsQuotesAndComments) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"A=", ""},
      {"A= # none", ""},
      {"A=#none", ""},
      {"A=b # c", "b"},
      {"A=b#c", "b#c"},
      {"A=b=c", "b=c"},
      {"A=b c ", "b c"},
      {"A='b # \"c\" \\n'", "b # \"c\" \\n"},
      {"A='' # empty", ""},
      {"A=\"b # c\\n\\t\\r\\\"\\\\\\$X\\q\" # d", "b # c\n\t\r\"\\$X\\q"},
      {"A=${B}", "${B}"},
      {"A=it's", "it's"},
      {"export=1\nA=2", "2"},
      {"\xEF\xBB\xBF"
       "A=1",
       "1"},
  };
  for (const auto& [text, expected] : cases) {
    const auto variables = read(text);
    const auto found = variables.find("A");
    ASSERT_NE(found, variables.end()) << text;
    EXPECT_EQ(found->second, expected) << text;
  }
}

TEST(Dotenv, SaysWhatIsWrongWithEachLineAndGoesOn) {
  std::vector<std::string> told;
  EXPECT_THAT(read("NOTHING\n=1\n  1A=2\nA: 3\nB='x\nC=\"x\\\"\nD='x'y\nE=\"x\"#y\nF=\"\\\nG=1", &told),
              ElementsAre(Pair("G", "1")));
  EXPECT_THAT(told,
              ElementsAre(".env:1:1: this line has no =; write NAME=value",
                          ".env:2:1: before the = must stand a name of letters, digits and _, as in NAME=value",
                          ".env:3:3: before the = must stand a name of letters, digits and _, as in NAME=value",
                          ".env:4:1: this line has no =; write NAME=value", ".env:5:1: B: the closing ' is missing",
                          ".env:6:1: C: the closing \" is missing", ".env:7:1: D: text follows the closing '",
                          ".env:8:1: E: text follows the closing \"", ".env:9:1: F: the closing \" is missing"));
}

TEST(Dotenv, NeverRepeatsAValue) {
  std::vector<std::string> told;
  read("TOKEN hunter2\nA B=hunter2\nC='hunter2\n", &told);
  ASSERT_EQ(told.size(), 3U);
  for (const auto& text : told) EXPECT_THAT(text, testing::Not(HasSubstr("hunter2")));
}

TEST(Dotenv, TakesTheLastOfTwoAndWarns) {
  std::vector<std::string> told;
  EXPECT_THAT(read("A=1\nA=2", &told), ElementsAre(Pair("A", "2")));
  EXPECT_THAT(told, ElementsAre(".env:2:1: warning: A is also set in line 1; the later one counts"));
}

}  // namespace
}  // namespace sentinel::config
