#include "rules/template.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace sentinel::rules {
namespace {

using testing::HasSubstr;

Template good(std::string_view text) {
  auto parsed = parse_template(text);
  EXPECT_TRUE(parsed.value) << text << ": " << (parsed.mistake ? parsed.mistake->message : "");
  return parsed.value.value_or(Template{});
}

Mistake bad(std::string_view text) {
  auto parsed = parse_template(text);
  EXPECT_FALSE(parsed.value) << text;
  EXPECT_TRUE(parsed.mistake) << text;
  return parsed.mistake.value_or(Mistake{9999, ""});
}

std::string render(std::string_view text, double value = 0) {
  static const std::map<std::string, std::string, std::less<>> labels = {
      {"pid", "4242"}, {"comm", "a{{ value }}b"}, {"size", "1536"}};
  return good(text).render(value, [](std::string_view name) -> std::string_view {
    const auto found = labels.find(name);
    return found == labels.end() ? std::string_view() : std::string_view(found->second);
  });
}

TEST(Template, ShowsValueAndLabels) {
  EXPECT_EQ(render("plain"), "plain");
  EXPECT_EQ(render(""), "");
  EXPECT_EQ(render("{{ value }} by {{labels.pid}}", 80.5), "80.5 by 4242");
  EXPECT_EQ(render("{{ $value }} by {{ $labels.pid }}", 80.5), "80.5 by 4242");
  EXPECT_EQ(render("[{{ labels.absent }}]"), "[]");
}

TEST(Template, NeverReadsAValueAsATemplate) {
  EXPECT_EQ(render("{{ labels.comm }}", 7), "a{{ value }}b");
}

TEST(Template, Formats) {
  EXPECT_EQ(render("{{ value | humanize }}", 1234567), "1.235M");
  EXPECT_EQ(render("{{ value|humanize1024 }}B", 1048576), "1MiB");
  EXPECT_EQ(render("{{ value | humanizePercentage }}", 0.425), "42.5%");
  EXPECT_EQ(render("{{ value | humanizeDuration }}", 3661), "1h 1m 1s");
  EXPECT_EQ(render(R"({{ value | printf "%.2f" }})", 3.14159), "3.14");
  EXPECT_EQ(render("{{ labels.size | humanize1024 }}"), "1.5ki");
  EXPECT_EQ(render("{{ labels.comm | humanize }}"), "a{{ value }}b");
}

TEST(Template, HasLiterals) {
  EXPECT_EQ(render(R"({{ "{{" }} {{ `}}` }} { } }})"), "{{ }} { } }}");
}

TEST(Template, CutsAtACharacter) {
  std::string text;
  for (int i = 0; i < 1366; ++i) text += "\u20ac";
  const auto out = render(text + "x");
  EXPECT_EQ(out.size(), 4095U);
  EXPECT_EQ(out, text.substr(0, 4095));
}

TEST(Template, IsWrittenForPrometheus) {
  EXPECT_EQ(to_prometheus(good("{{ value }} {{labels.a|humanize}}")), "{{ $value }} {{ $labels.a | humanize }}");
  EXPECT_EQ(to_prometheus(good(R"(x {{ value | printf "%.2f\"" }})")), R"(x {{ $value | printf "%.2f\"" }})");
  EXPECT_EQ(to_prometheus(good(R"({{ "{{" }}{x})")), R"({{ "{" }}{{ "{" }}{x})");
  for (const std::string_view text :
       {R"({{ "{{" }} a { b {{ "{" }}{{ value }})", "{{ labels.a | humanizeDuration }}"}) {
    const auto printed = to_prometheus(good(text));
    EXPECT_EQ(to_prometheus(good(printed)), printed);
    const auto label = [](std::string_view) -> std::string_view { return "7"; };
    EXPECT_EQ(good(printed).render(1, label), good(text).render(1, label));
  }
}

struct Case {
  std::string_view text;
  std::size_t offset;
  std::string_view says;
};

TEST(Template, TellsWhereAMistakeIsAndWhatIsAllowed) {
  const Case cases[] = {
      {"a {{ value", 2, "the }} of this {{ is missing"},
      {"a {{ valu }}", 5, R"("valu" is nothing that a text can show (did you mean "value"?))"},
      {"{{ $valeu }}", 3, R"(did you mean "value"?)"},
      {"{{ label.pid }}", 3, R"(did you mean "labels"?)"},
      {"{{ labels }}", 9, "a label's name is missing here"},
      {"{{ labels. }}", 9, "a label's name is missing here"},
      {"{{ labels.9 }}", 9, "a label's name is missing here"},
      {"{{ }}", 3, "is nothing that a text can show"},
      {"{{ value | humanise }}", 11, R"("humanise" is none of "humanize", "humanize1024")"},
      {"{{ value | humanise }}", 11, R"(did you mean "humanize"?)"},
      {"{{ value | }}", 11, "is none of"},
      {"{{ value | printf }}", 18, "is no text; put it in quotes"},
      {R"({{ value | printf "%d" }})", 18, R"("%d" shows no number)"},
      {R"({{ labels.pid | printf "%.2f" }})", 16, "a label is text"},
      {"{{ value | humanize | humanize }}", 20, "one format is read"},
      {"{{ value humanize }}", 9, R"("humanize" cannot stand here; write | and a format, or }})"},
      {"{{ if value }}", 3, R"("if" is Prometheus' and not read here)"},
      {"{{- value }}", 2, "trims"},
      {"{{ value -}}", 9, "trims"},
      {R"({{ "x }})", 3, R"(the closing " of this text is missing)"},
      {"{{{ value }}", 2, "is nothing that a text can show"},
  };
  for (const auto& test : cases) {
    const auto mistake = bad(test.text);
    EXPECT_EQ(mistake.offset, test.offset) << test.text << ": " << mistake.message;
    EXPECT_THAT(mistake.message, HasSubstr(test.says)) << test.text;
  }
}

TEST(Template, IsBounded) {
  std::string many;
  for (int i = 0; i < 128; ++i) many += "x{{ value }}";
  good(many);
  EXPECT_THAT(bad(many + "x{{ value }}").message, HasSubstr("128 may stand in a text"));
  EXPECT_THAT(bad(std::string(8193, 'x')).message, HasSubstr("8 KiB"));
}

}  // namespace
}  // namespace sentinel::rules
