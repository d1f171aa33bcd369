#include "rules/selector.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace sentinel::rules {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

Selector good(std::string_view text) {
  auto parsed = parse_selector(text);
  EXPECT_TRUE(parsed.value) << text << ": " << (parsed.mistake ? parsed.mistake->message : "");
  EXPECT_FALSE(parsed.mistake);
  return parsed.value.value_or(Selector{});
}

Mistake bad(std::string_view text) {
  auto parsed = parse_selector(text);
  EXPECT_FALSE(parsed.value) << text;
  EXPECT_TRUE(parsed.mistake) << text;
  return parsed.mistake.value_or(Mistake{9999, ""});
}

TEST(Selector, IsAMetricsName) {
  const auto selector = good(" sentinel_memory_usage ");
  EXPECT_EQ(selector.metric, "sentinel_memory_usage");
  EXPECT_TRUE(selector.matches_metric("sentinel_memory_usage"));
  EXPECT_FALSE(selector.matches_metric("sentinel_memory_usag"));
  EXPECT_TRUE(good("job:rate:5m").matches_metric("job:rate:5m"));
}

TEST(Selector, HasPromQLsMatchers) {
  const auto selector = good(R"(m{a="x", b!='y', c=~`z.*`, d!~"q|r",})");
  ASSERT_EQ(selector.matchers.size(), 4U);
  EXPECT_TRUE(selector.matchers[0].matches("x"));
  EXPECT_FALSE(selector.matchers[0].matches("xx"));
  EXPECT_FALSE(selector.matchers[0].matches(""));
  EXPECT_FALSE(selector.matchers[1].matches("y"));
  EXPECT_TRUE(selector.matchers[1].matches(""));
  EXPECT_TRUE(selector.matchers[2].matches("z\nz"));
  EXPECT_FALSE(selector.matchers[2].matches("az"));
  EXPECT_FALSE(selector.matchers[3].matches("q"));
  EXPECT_FALSE(selector.matchers[3].matches("r"));
  EXPECT_TRUE(selector.matchers[3].matches("qr"));
}

TEST(Selector, AnchorsEveryAlternative) {
  const auto selector = good(R"(m{state=~"time_wait|close_wait"})");
  EXPECT_TRUE(selector.matchers[0].matches("time_wait"));
  EXPECT_TRUE(selector.matchers[0].matches("close_wait"));
  EXPECT_FALSE(selector.matchers[0].matches("time_wait2"));
  EXPECT_FALSE(selector.matchers[0].matches("xclose_wait"));
  EXPECT_FALSE(selector.matchers[0].matches("time_wait\n"));
}

TEST(Selector, FindsMetricsByMatchersOfTheName) {
  const auto selector = good(R"({__name__=~"sentinel_tcp_.*", __name__!="sentinel_tcp_x", a="b"})");
  EXPECT_TRUE(selector.metric.empty());
  EXPECT_EQ(selector.matchers.size(), 1U);
  EXPECT_TRUE(selector.matches_metric("sentinel_tcp_connections"));
  EXPECT_FALSE(selector.matches_metric("sentinel_tcp_x"));
  EXPECT_FALSE(selector.matches_metric("sentinel_udp"));
  EXPECT_EQ(good(R"({__name__="up"})").metric, "up");
}

TEST(Selector, ReadsEscapesAsPromQLDoes) {
  EXPECT_EQ(good(R"(m{a="\x41\101\u00e9\U0001F600\n\t\"\\"})").matchers[0].value(), "AA\u00e9\U0001F600\n\t\"\\");
  EXPECT_EQ(good(R"(m{a='it\'s "x"'})").matchers[0].value(), "it's \"x\"");
  EXPECT_EQ(good(R"(m{a=`\d\n"'`})").matchers[0].value(), R"(\d\n"')");
  EXPECT_EQ(good("m{a=\"\\xc3\\xa9\"}").matchers[0].value(), "\u00e9");
}

TEST(Selector, ComparesTheValue) {
  const auto selector = good(R"(m{state="x"} >= -1.5e3)");
  ASSERT_TRUE(selector.comparison);
  EXPECT_EQ(*selector.comparison, Comparison::greater_or_equal);
  EXPECT_EQ(selector.value, -1500);
  EXPECT_EQ(good("m == 0x1F").value, 31);
  EXPECT_EQ(good("m < +Inf").value, std::numeric_limits<double>::infinity());
  EXPECT_EQ(good("m != -inf").value, -std::numeric_limits<double>::infinity());
  EXPECT_EQ(good("m > .5").value, 0.5);
  EXPECT_FALSE(good("m").comparison);
}

TEST(Selector, SkipsCommentsAndLineEnds) {
  EXPECT_EQ(to_string(good("m { # why\n a=\"b\"\n}\r\n > 1 # so")), R"(m{a="b"} > 1)");
}

TEST(Selector, PrintsOneTextForAllSpellings) {
  for (const std::string_view text :
       {R"(m{b="2",a=~"1"} > 80)", R"(m { a=~'1' , b=`2`, } >80.0)", R"({__name__="m",b="2",b="2",a=~"\x31"} > 8e1)"}) {
    EXPECT_EQ(to_string(good(text)), R"(m{a=~"1",b="2"} > 80)") << text;
  }
  EXPECT_EQ(to_string(good("m{}")), "m");
  EXPECT_EQ(to_string(good(R"({a="\n\"\x01"})")), R"({a="\n\"\x01"})");
}

TEST(Selector, PrintsWhatItReadsBack) {
  for (const std::string_view text : {R"({__name__!~"a.*",b="c"})", R"(m{a="\\d"} != 0.1)", "m < 1e+30", "m > -Inf"}) {
    const std::string printed = to_string(good(text));
    EXPECT_EQ(to_string(good(printed)), printed);
  }
}

struct Case {
  std::string_view text;
  std::size_t offset;
  std::string_view says;
};

TEST(Selector, TellsWhereAMistakeIsAndWhatIsAllowed) {
  const Case cases[] = {
      {"", 0, "the end is no selector; begin with a metric's name or {"},
      {"80 < m", 0, R"("80" is no selector)"},
      {"m{", 2, "the end is no label's name"},
      {"m{a}", 3, R"("}" cannot stand here; write =, !=, =~ or !~)"},
      {R"(m{a=="b"})", 3,
       R"("==" matches no label; write =, !=, =~ or !~ between a label and its value (did you mean "="?))"},
      {R"(m{a~="b"})", 3, R"(did you mean "=~"?)"},
      {R"(m{a: "b"})", 3, R"(did you mean "="?)"},
      {"m{a=b}", 4, R"("b" is no text; put it in quotes)"},
      {R"(m{a="b)", 4, R"(the closing " of this text is missing)"},
      {"m{a='b\n'}", 4, "the closing ' of this text is missing"},
      {R"(m{a="\d"})", 5, R"("\\d" is no escape; write \\ for a backslash)"},
      {R"(m{a="\400"})", 5, "is no escape"},
      {R"(m{a="\ud800"})", 5, "is no escape"},
      {R"(m{a="\xff"})", 4, "not valid UTF-8"},
      {R"(m{a="b" c="d"})", 8, R"("c" cannot stand here; write , or } after a matcher)"},
      {R"(m{,})", 2, R"("," is no label's name)"},
      {R"(m{1a="b"})", 2, R"("1a" is no label's name)"},
      {R"-(m{a=~"("})-", 5, "this is no regular expression of RE2: missing ): ("},
      {R"-(m{a=~"(?!x)"})-", 5, "this is no regular expression of RE2"},
      {R"(m{a=~"x{1001}"})", 5, "this is no regular expression of RE2"},
      {R"(m{__name__="x"})", 2, R"(the metric's name stands here twice; leave __name__ or "m" out)"},
      {"{}", 0, "selects everything"},
      {R"({a=~".*"})", 0, "selects everything"},
      {R"({a!="b"})", 0, "selects everything"},
      {R"({a=""})", 0, "selects everything"},
      {"m[5m]", 1, "window: {over: 1m, fn: rate}"},
      {"rate(m[5m])", 4, "a filter only selects; window: {fn: rate} computes"},
      {"m offset 5m", 2, "without a shift in time"},
      {"m @ 5", 2, "without a shift in time"},
      {"a / b", 2, "arithmetic stands in alert: when:"},
      {"a and b", 2, "write another pipeline"},
      {"a b", 2, "at most one comparison"},
      {"a > 5 > 3", 6, "at most one comparison"},
      {"a = 5", 2, R"(did you mean "=="?)"},
      {"a => 5", 2, R"(did you mean ">="?)"},
      {"a <> 5", 2, R"(did you mean "!="?)"},
      {"a > bool 5", 4, "bool cannot stand here"},
      {"a > b", 4, R"("b" is no number)"},
      {"a >", 3, "the end is no number"},
      {"a > NaN", 4, "NaN compares with nothing"},
      {"a > 5m", 5, R"("m" cannot follow "5")"},
      {"a > 010", 4, "octal"},
      {"a > 1e999", 4, "leaves the range"},
      {"a > - -5", 6, "is no number"},
      {"\xff", 0, "is no selector"},
      {std::string_view("m\0", 2), 1, "cannot stand here"},
  };
  for (const auto& test : cases) {
    const auto mistake = bad(test.text);
    EXPECT_EQ(mistake.offset, test.offset) << test.text << ": " << mistake.message;
    EXPECT_THAT(mistake.message, HasSubstr(test.says)) << test.text;
  }
}

TEST(Selector, IsBounded) {
  std::string many = "m{";
  for (int i = 0; i < 64; ++i) many += "a=\"b\",";
  EXPECT_EQ(good(many + "}").matchers.size(), 64U);
  EXPECT_THAT(bad(many + "a=\"b\"}").message, HasSubstr("64 may stand in a selector"));
  EXPECT_THAT(bad("m{a=\"" + std::string(9000, 'x') + "\"}").message, HasSubstr("8 KiB"));
  EXPECT_THAT(bad(R"(m{a=~"((a{100}){100}){100}"})").message, HasSubstr("no regular expression"));
}

TEST(ContextField, KnowsItsNames) {
  EXPECT_EQ(context_field("pid"), ContextField::pid);
  EXPECT_EQ(context_field("parent_comm"), ContextField::parent_comm);
  EXPECT_EQ(context_field("container_id"), ContextField::container_id);
  EXPECT_EQ(context_field("state"), ContextField::none);
  EXPECT_EQ(context_field(""), ContextField::none);
}

TEST(Holds, IsTheComparisonOfNumbers) {
  const double nan = std::nan("");
  for (const auto& [comparison, less, same, greater] :
       {std::tuple(Comparison::equal, false, true, false), std::tuple(Comparison::not_equal, true, false, true),
        std::tuple(Comparison::less, true, false, false), std::tuple(Comparison::less_or_equal, true, true, false),
        std::tuple(Comparison::greater, false, false, true),
        std::tuple(Comparison::greater_or_equal, false, true, true)}) {
    EXPECT_EQ(holds(comparison, 1, 2), less) << symbol(comparison);
    EXPECT_EQ(holds(comparison, 2, 2), same) << symbol(comparison);
    EXPECT_EQ(holds(comparison, 3, 2), greater) << symbol(comparison);
    EXPECT_EQ(holds(comparison, nan, 2), comparison == Comparison::not_equal);
  }
}

}  // namespace
}  // namespace sentinel::rules
