#include "core/config/yaml.hpp"

#include "tests/unit/config/support.hpp"

namespace sentinel::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct Outcome {
  std::optional<Value> value;
  std::vector<std::string> told;
};

Outcome parse(std::string_view text) {
  std::vector<Diagnostic> diagnostics;
  Outcome outcome;
  outcome.value = parse_yaml(text, "f", diagnostics);
  for (const auto& diagnostic : diagnostics) outcome.told.push_back(to_string(diagnostic));
  return outcome;
}

std::string at(const Where& where) {
  return std::to_string(where.line) + ":" + std::to_string(where.column);
}

TEST(ParseYaml, KeepsTextKindAndPlaceOfEachValue) {
  const auto [value, told] = parse("a: 1\nb:\n  - 'x'\n  - {c: true, d: }\ne: ~\nf: |\n  block\n");
  EXPECT_THAT(told, IsEmpty());
  ASSERT_TRUE(value);
  ASSERT_EQ(value->kind, Value::Kind::map);
  EXPECT_EQ(value->keys[1].name, "b");
  EXPECT_EQ(at(value->keys[1].where), "2:1");

  const Value* a = value->find("a");
  ASSERT_NE(a, nullptr);
  EXPECT_EQ(a->text, "1");
  EXPECT_FALSE(a->quoted);
  EXPECT_EQ(at(a->where), "1:4");

  const Value* b = value->find("b");
  ASSERT_EQ(b->kind, Value::Kind::list);
  ASSERT_EQ(b->items.size(), 2U);
  EXPECT_TRUE(b->items[0].quoted);
  EXPECT_EQ(at(b->items[0].where), "3:5");
  EXPECT_EQ(b->items[1].find("c")->text, "true");
  EXPECT_EQ(b->items[1].find("d")->kind, Value::Kind::null);
  EXPECT_EQ(at(b->items[1].find("d")->where), "4:15") << "what is not there is placed at its key";
  EXPECT_EQ(value->find("e")->kind, Value::Kind::null);
  EXPECT_EQ(value->find("f")->text, "block\n");
  EXPECT_TRUE(value->find("f")->quoted);
  EXPECT_EQ(value->find("g"), nullptr);
}

TEST(ParseYaml, TakesAnEmptyTextForNothing) {
  for (const std::string_view text : {"", "\n", "# only a comment\n", "---\n", "~", "\xEF\xBB\xBF"}) {
    const auto [value, told] = parse(text);
    ASSERT_TRUE(value) << text;
    EXPECT_EQ(value->kind, Value::Kind::null) << text;
    EXPECT_THAT(told, IsEmpty()) << text;
  }
}

TEST(ParseYaml, FindsDuplicateKeysAtEveryLevel) {
  const auto [value, told] = parse("a: 1\nb: {c: {d: 1, d: 2}}\na: 3\n'b': 4\nl: [{x: 1, x: 1}]\n");
  EXPECT_THAT(told, ElementsAre("f:2:15: key \"d\" stands here twice, first in line 2",
                                "f:3:1: key \"a\" stands here twice, first in line 1",
                                "f:4:1: key \"b\" stands here twice, first in line 2",
                                "f:5:12: key \"x\" stands here twice, first in line 5"));
  ASSERT_TRUE(value);
  EXPECT_EQ(value->find("a")->text, "1") << "the first one is kept";
  EXPECT_EQ(value->keys.size(), 3U);
}

TEST(ParseYaml, PutsAliasesIn) {
  const auto [value, told] = parse("a: &x {p: [1, 2]}\nb: *x\nc: [*x, &y s, *y]\n*y : key\n");
  EXPECT_THAT(told, IsEmpty());
  ASSERT_TRUE(value);
  EXPECT_EQ(*value->find("a"), *value->find("b"));
  EXPECT_EQ(at(value->find("b")->where), "2:4");
  EXPECT_EQ(value->find("c")->items[2].text, "s");
  EXPECT_EQ(value->find("s")->text, "key");
}

TEST(ParseYaml, SaysWhatItDoesNotRead) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"a: &x {p: 1}\nb: {<<: *x}\n", "f:2:5: merge keys (<<) are not read: write the keys themselves"},
      {"[a]: 1", "f:1:1: a key must be text, not a list"},
      {"? {a: b}\n: 1", "f:1:3: a key must be text, not a map"},
      {"~: 1", "f:1:1: a key must be text, not nothing"},
      {"a: !!int 1", "tags such as \"tag:yaml.org,2002:int\" are not read"},
      {"a: !thing {b: 1}", "tags such as \"!thing\" are not read"},
      {"a: 1\n---\nb: 2\n", "f:3:1: a second YAML document begins here; a file holds one"},
  };
  for (const auto& [text, expected] : cases) {
    const auto [value, told] = parse(text);
    EXPECT_TRUE(value) << text;
    EXPECT_THAT(told, ElementsAre(HasSubstr(expected))) << text;
  }
  EXPECT_THAT(parse("a: !!str 1").told, IsEmpty());
  EXPECT_THAT(parse("'<<': 1").told, IsEmpty());
}

TEST(ParseYaml, PointsAtTheFirstThingThatIsNoYaml) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"a: [1, 2\nb: 3\n", "f:2:2: this is no YAML: "},
      {"a: b: c\n", "f:1:5: this is no YAML: "},
      {"a: 1\n\tb: 2\n", "f:2:1: this is no YAML: "},
      {"a: *nobody\n", "f:1:4: this is no YAML: "},
      {"a: 'open\nb: c\n", "f:1:4: this is no YAML: the closing ' is missing"},
      {"a: \"it's \\\" open\n", "f:1:4: this is no YAML: the closing \" is missing"},
      {"\xEF\xBB\xBF"
       "a: &x !!str 'it''s open''\n",
       "the closing ' is missing"},
      {"a: \"open", "this is no YAML: "},
      {"{a: ${B}}\n", "inside { } and [ ] put a text with ${NAME} in quotes"},
      {"a: &x [*x]\n", "f:1:8: this alias refers to the value that it is part of"},
  };
  for (const auto& [text, expected] : cases) {
    const auto [value, told] = parse(text);
    EXPECT_FALSE(value) << text;
    EXPECT_THAT(told, ElementsAre(HasSubstr(expected))) << text;
  }
}

TEST(ParseYaml, KnowsWhereAQuoteEnds) {
  for (const std::string_view text :
       {"a: 'x'", "a: 'it''s'\n", "a: \"\\\"\"\n", "a: \"\\\\\"\n", "a: &x 'y'\n", "a: !!str\n  \"y\"\n", "a: ''\n",
        "a: |\n  'x\n", "schön: 'öä'\n", "\xEF\xBB\xBF\x61: 'b'\n"}) {
    EXPECT_THAT(parse(text).told, IsEmpty()) << text;
  }
}

TEST(ParseYaml, BoundsTheDepth) {
  const auto nested = [](std::size_t levels) { return std::string(levels, '[') + std::string(levels, ']'); };
  EXPECT_TRUE(parse(nested(32)).value);
  for (const std::size_t levels : {33U, 1000U, 500'000U}) {
    EXPECT_THAT(parse(nested(levels)).told, ElementsAre(HasSubstr("more than 32 levels"))) << levels;
  }
  EXPECT_THAT(parse(std::string(200'000, '[')).told, ElementsAre(HasSubstr("more than 32 levels")));
  EXPECT_THAT(parse(std::string(200'000, '{')).told, ElementsAre(HasSubstr("more than 32 levels")));

  std::string maps;
  for (int i = 0; i < 100; ++i) maps += std::string(static_cast<std::size_t>(i), ' ') + "a:\n";
  EXPECT_THAT(parse(maps).told, ElementsAre(HasSubstr("more than 32 levels")));
  std::string lists;
  for (int i = 0; i < 100; ++i) lists += "- ";
  EXPECT_THAT(parse(lists).told, ElementsAre(HasSubstr("more than 32 levels")));
}

TEST(ParseYaml, BoundsWhatAliasesMultiply) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 10; ++i) {
    const std::string n = std::to_string(i);
    bomb += "a" + n + ": &a" + n + " [";
    for (int k = 0; k < 10; ++k) bomb += (k == 0 ? "*a" : ", *a") + std::to_string(i - 1);
    bomb += "]\n";
  }
  EXPECT_THAT(parse(bomb).told, ElementsAre(HasSubstr("more than 50,000 values")));

  std::string heavy = "a: &a " + std::string(100'000, 'x') + "\nb: [*a";
  for (int i = 0; i < 1000; ++i) heavy += ", *a";
  EXPECT_THAT(parse(heavy + "]\n").told, ElementsAre(HasSubstr("more than 8 MiB of text")));

  std::string keys = "a: &a {" + std::string(1000, 'x') + ": 1}\nb: [*a";
  for (int i = 0; i < 10'000; ++i) keys += ", *a";
  EXPECT_THAT(parse(keys + "]\n").told, ElementsAre(HasSubstr("more than 8 MiB of text")));
}

}  // namespace
}  // namespace sentinel::config
