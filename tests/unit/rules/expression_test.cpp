#include "rules/expression.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace sentinel::rules {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::vector<std::string> one = {""};
const std::vector<std::string> two = {"again", "sent"};

Expression good(std::string_view text, const std::vector<std::string>& names) {
  auto parsed = parse_expression(text, names);
  EXPECT_TRUE(parsed.value) << text << ": " << (parsed.mistake ? parsed.mistake->message : "");
  EXPECT_FALSE(parsed.mistake);
  return parsed.value.value_or(Expression{});
}

Mistake bad(std::string_view text, const std::vector<std::string>& names) {
  auto parsed = parse_expression(text, names);
  EXPECT_FALSE(parsed.value) << text;
  EXPECT_TRUE(parsed.mistake) << text;
  return parsed.mistake.value_or(Mistake{9999, ""});
}

double left(std::string_view text, std::vector<double> values) {
  const std::vector<std::string> names = {"a", "b", "c"};
  return good(std::string(text) + " > 0", names).evaluate(values).left;
}

TEST(Expression, ComparesTheOnlyWindow) {
  const auto expression = good("> 80", one);
  const double over[] = {80.5};
  const double at[] = {80};
  EXPECT_TRUE(expression.evaluate(over).holds);
  EXPECT_EQ(expression.evaluate(over).left, 80.5);
  EXPECT_EQ(expression.evaluate(over).right, 80);
  EXPECT_FALSE(expression.evaluate(at).holds);
  EXPECT_THAT(expression.windows(), ElementsAre(0U));
}

TEST(Expression, DividesNamedWindows) {
  const auto expression = good("again / sent > 0.05", two);
  const double values[] = {6, 100};
  EXPECT_TRUE(expression.evaluate(values).holds);
  EXPECT_EQ(expression.evaluate(values).left, 0.06);
  EXPECT_THAT(expression.windows(), ElementsAre(0U, 1U));
  EXPECT_THAT(good("sent > again * sent", two).windows(), ElementsAre(1U, 0U));
}

TEST(Expression, BindsAsPromQLDoes) {
  const std::vector<double> values = {2, 3, 4};
  EXPECT_EQ(left("a + b * c", values), 14);
  EXPECT_EQ(left("(a + b) * c", values), 20);
  EXPECT_EQ(left("a - b - c", values), -5);
  EXPECT_EQ(left("a - (b - c)", values), 3);
  EXPECT_EQ(left("c / a / a", values), 1);
  EXPECT_EQ(left("a ^ b ^ a", values), 512);
  EXPECT_EQ(left("-a ^ 2", values), -4);
  EXPECT_EQ(left("(-a) ^ 2", values), 4);
  EXPECT_EQ(left("a ^ -1", values), 0.5);
  EXPECT_EQ(left("-a * b", values), -6);
  EXPECT_EQ(left("a * -b", values), -6);
  EXPECT_EQ(left("+a", values), 2);
  EXPECT_EQ(left("a - - b", values), 5);
  EXPECT_EQ(left("-7 % a * b + c*0 + 0*a", values), -3);
  EXPECT_EQ(left("a * 1e3", values), 2000);
  EXPECT_EQ(left("a + 0x10", values), 18);
}

TEST(Expression, NeverHoldsOnNaN) {
  const double nan = std::nan("");
  const double values[] = {nan, 1};
  for (const std::string_view text : {"again > 0", "again != 0", "again == again", "sent != again", "again < 1"}) {
    EXPECT_FALSE(good(text, two).evaluate(values).holds) << text;
  }
  const double zeros[] = {0, 0};
  EXPECT_FALSE(good("again / sent > 0", two).evaluate(zeros).holds);
  EXPECT_FALSE(good("again / sent != 0", two).evaluate(zeros).holds);
  const double by_zero[] = {1, 0};
  EXPECT_TRUE(good("again / sent > 5", two).evaluate(by_zero).holds);
  EXPECT_TRUE(good("again / sent == Inf", two).evaluate(by_zero).holds);
  EXPECT_FALSE(good("sent > 0", two).evaluate({}).holds);
}

TEST(Expression, PrintsAsPromQL) {
  const std::vector<std::string> names = {"a", "b", "c"};
  for (const std::string_view text :
       {"a > 80", "a + b * c > 0.05", "(a + b) * c >= -1", "a - (b - c) < 1", "a - b - c != 0", "a ^ b ^ c == 2",
        "(a ^ b) ^ c > 1", "-a ^ 2 > 0", "(-a) ^ 2 > 0", "a ^ (-b) > 1", "-(a * b) > -c", "a % 2 == 1", "a > b / c",
        "a * (-b) > 1", "a / (b * c) <= Inf"}) {
    EXPECT_EQ(to_string(good(text, names), names), text);
    EXPECT_EQ(to_string(good(to_string(good(text, names), names), names), names), text);
  }
}

TEST(Expression, PutsWholeExpressionsInPlaceOfNames) {
  const std::vector<std::string> whole = {R"-(sum by (a) (rate(x{b="})"}[1m])))-", "rate(y[1m])"};
  EXPECT_EQ(to_string(good("again / sent > 0.05", two), whole),
            R"-(sum by (a) (rate(x{b="})"}[1m])) / rate(y[1m]) > 0.05)-");
  const std::vector<std::string> filtered = {"avg_over_time((x > 5)[1m:15s])"};
  EXPECT_EQ(to_string(good("> 80", one), filtered), "avg_over_time((x > 5)[1m:15s]) > 80");
  const std::vector<std::string> comparison = {"x > 5"};
  EXPECT_EQ(to_string(good("> 80", one), comparison), "(x > 5) > 80");
  const std::vector<std::string> product = {"sum by (a) (x) * sum by (a) (y)", "(x) * (y)"};
  EXPECT_EQ(to_string(good("again > sent", two), product), "(sum by (a) (x) * sum by (a) (y)) > ((x) * (y))");
}

struct Case {
  std::string_view text;
  std::size_t offset;
  std::string_view says;
};

TEST(Expression, TellsWhereAMistakeIsAndWhatIsAllowed) {
  const Case cases[] = {
      {"", 0, "is empty; write a comparison such as > 80"},
      {"again / snet > 0.05", 8,
       R"(there is no window named "snet" (did you mean "sent"?); this rule has "again" and "sent")"},
      {"again / sent", 12, "a comparison is missing here"},
      {"again sent > 1", 6, R"("sent" cannot stand here: a comparison is missing here)"},
      {"> 5", 0, R"(this rule has the windows "again" and "sent")"},
      {"5 > 3", 0, "the left side names no window"},
      {"5 > again", 0, "the left side names no window"},
      {"again > 5 and sent > 3", 10, "write another pipeline"},
      {"again > 5 > 3", 10, "a second comparison"},
      {"(again > 5) > 3", 7, "a comparison cannot stand in parentheses"},
      {"(again / sent > 3", 14, "a comparison cannot stand in parentheses"},
      {"(again", 0, "the ) of this ( is missing"},
      {"again) > 3", 5, R"-(")" cannot stand here: a comparison is missing here)-"},
      {"again > 3)", 9, R"-(")" cannot stand here: the expression ends before it)-"},
      {"rate(again) > 3", 0, R"("rate" cannot be called here)"},
      {"x{a=\"b\"} > 3", 0, "a selector cannot stand here"},
      {"again > bool 3", 8, "bool cannot stand here"},
      {"again = 3", 6, R"(did you mean "=="?)"},
      {"again =< 3", 6, R"(did you mean "<="?)"},
      {"again > ", 8, "the end cannot stand here; write a number"},
      {"again * > 3", 8, R"(">" cannot stand here; write a number)"},
      {"again > NaN", 8, "NaN compares with nothing"},
      {"again > 5m", 9, R"("m" cannot follow "5")"},
      {"again > 1..2", 10, R"(".2" cannot stand here)"},
      {"again > \xff", 8, "cannot stand here"},
  };
  for (const auto& test : cases) {
    const auto mistake = bad(test.text, two);
    EXPECT_EQ(mistake.offset, test.offset) << test.text << ": " << mistake.message;
    EXPECT_THAT(mistake.message, HasSubstr(test.says)) << test.text;
  }
  EXPECT_THAT(bad("value > 5", one).message, HasSubstr("this rule has one without a name: write > 80 alone"));
}

TEST(Expression, IsBounded) {
  const auto nested = [](std::size_t levels) {
    return std::string(levels, '(') + "again" + std::string(levels, ')') + " > 1";
  };
  good(nested(64), two);
  EXPECT_THAT(bad(nested(65), two).message, HasSubstr("nested too deep"));
  EXPECT_THAT(bad(std::string(5000, '-') + "again > 1", two).message, HasSubstr("nested too deep"));
  std::string power = "again";
  for (int i = 0; i < 200; ++i) power += " ^ again";
  EXPECT_THAT(bad(power + " > 1", two).message, HasSubstr("nested too deep"));
  EXPECT_THAT(bad(std::string(9000, ' ') + "again > 1", two).message, HasSubstr("8 KiB"));

  // As deep as the stack goes: each ( leaves one operand waiting.
  std::string deep = "again";
  for (int i = 0; i < 63; ++i) deep = "1 + (" + deep + ")";
  const double values[] = {1, 0};
  EXPECT_EQ(good(deep + " > 1", two).evaluate(values).left, 64);
}

TEST(Expression, HasASideAsLongAsTheText) {
  std::string text = "again";
  for (int i = 0; i < 500; ++i) text += " + again";
  const double values[] = {1, 0};
  const auto outcome = good(text + " > " + text, two).evaluate(values);
  EXPECT_EQ(outcome.left, 501);
  EXPECT_EQ(outcome.right, 501);
}

}  // namespace
}  // namespace sentinel::rules
