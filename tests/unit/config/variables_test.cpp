#include "core/config/variables.hpp"

#include "tests/unit/config/support.hpp"

namespace sentinel::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const Variables environment = {
    {"PORT", "8000"}, {"EMPTY", ""}, {"YAML", "a: [b, ${PORT}]"}, {"BAD", "\xff"}, {"_x1", "y"}};

struct Outcome {
  std::string text;
  bool broken = false;
  std::vector<std::string> told;
};

Outcome put_in(std::string_view text, Variables env_file = {}) {
  Value value;
  value.kind = Value::Kind::scalar;
  value.text = text;
  value.where = {{"f", 1, 2}};
  Scope scope{environment, std::move(env_file), ".env"};
  std::vector<Diagnostic> diagnostics;
  expand(value, scope, diagnostics);
  Outcome outcome{value.text, value.broken, {}};
  for (const auto& diagnostic : diagnostics) outcome.told.push_back(to_string(diagnostic));
  return outcome;
}

TEST(Expand, PutsValuesIn) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"", ""},
      {"plain", "plain"},
      {"${PORT}", "8000"},
      {"127.0.0.1:${PORT}/${PORT}", "127.0.0.1:8000/8000"},
      {"${PORT:-1}", "8000"},
      {"${ABSENT:-1}", "1"},
      {"${ABSENT:-}", ""},
      {"${ABSENT:-a:-b}", "a:-b"},
      {"${EMPTY:-1}", "1"},
      {"[${EMPTY}]", "[]"},
      {"${_x1}", "y"},
      {"$$", "$"},
      {"$${PORT}", "${PORT}"},
      {"$$$${PORT}", "$${PORT}"},
      {"$$${PORT}", "$8000"},
      {"cost $5 $PORT foo$", "cost $5 $PORT foo$"},
      {"} ${PORT}}", "} 8000}"},
      {"${YAML}", "a: [b, ${PORT}]"},
  };
  for (const auto& [text, expected] : cases) {
    const auto outcome = put_in(text);
    EXPECT_EQ(outcome.text, expected) << text;
    EXPECT_THAT(outcome.told, IsEmpty()) << text;
    EXPECT_FALSE(outcome.broken) << text;
  }
}

TEST(Expand, TakesTheEnvFileBeforeTheEnvironment) {
  EXPECT_EQ(put_in("${PORT}", {{"PORT", "1"}}).text, "1");
}

TEST(Expand, SaysWhatIsWrong) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"${ABSENT}",
       "f:1:2: ${ABSENT} is not set; set it in .env or in the environment, or give a default as in ${ABSENT:-value}"},
      {"${TIME_WAI}", "${TIME_WAI} is not set (did you mean \"TIME_WAIT\"?)"},
      {"a ${PORT", "the } after \"${PORT\" is missing; write $${ for a plain ${"},
      {"${}", "\"${}\" is no variable"},
      {"${1X}", "\"${1X}\" is no variable"},
      {"${A B}", "is no variable"},
      {"${PORT-1}", "is no variable; write ${NAME} or ${NAME:-default}"},
      {"${PORT:1}", "is no variable"},
      {"${PORT:?no}", "is no variable"},
      {"${A:-${PORT}}", "the default of ${A} cannot hold another variable"},
      {"${BAD}", "the value of ${BAD} is not valid UTF-8"},
  };
  for (const auto& [text, expected] : cases) {
    const auto outcome = put_in(text, {{"TIME_WAIT", "1"}});
    EXPECT_THAT(outcome.told, ElementsAre(HasSubstr(expected))) << text;
    EXPECT_TRUE(outcome.broken) << text;
  }
}

TEST(Expand, BoundsWhatVariablesMakeOfAText) {
  const std::string large(60'000, 'x');
  EXPECT_THAT(put_in("${L}", {{"L", large}}).told, IsEmpty());
  EXPECT_THAT(put_in("${L}${L}", {{"L", large}}).told, ElementsAre(HasSubstr("longer than 64 KiB")));

  Value list;
  list.kind = Value::Kind::list;
  Value item;
  item.kind = Value::Kind::scalar;
  item.text = "${L}";
  list.items.assign(300, item);
  Scope scope{environment, {{"L", large}}, ".env"};
  std::vector<Diagnostic> diagnostics;
  expand(list, scope, diagnostics);
  ASSERT_FALSE(diagnostics.empty());
  EXPECT_THAT(diagnostics.front().message, HasSubstr("longer than 16 MiB"));
}

TEST(Expand, ReachesEveryValueButNoKey) {
  Value map;
  map.kind = Value::Kind::map;
  map.keys = {{"${PORT}", {}}};
  Value item;
  item.kind = Value::Kind::scalar;
  item.text = "${PORT}";
  map.items = {item};
  Scope scope{environment, {}, {}};
  std::vector<Diagnostic> diagnostics;
  expand(map, scope, diagnostics);
  EXPECT_EQ(map.keys[0].name, "${PORT}");
  EXPECT_EQ(map.items[0].text, "8000");
}

TEST(ProcessEnvironment, HoldsWhatTheProcessHas) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): no other thread runs
  ASSERT_EQ(::setenv("SENTINEL_CONFIG_TEST", "a=b", 1), 0);
  EXPECT_EQ(process_environment().at("SENTINEL_CONFIG_TEST"), "a=b");
  // NOLINTNEXTLINE(concurrency-mt-unsafe): no other thread runs
  ASSERT_EQ(::unsetenv("SENTINEL_CONFIG_TEST"), 0);
  EXPECT_FALSE(process_environment().contains("SENTINEL_CONFIG_TEST"));
}

}  // namespace
}  // namespace sentinel::config
