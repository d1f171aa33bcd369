#include "core/config/schema.hpp"

#include <cmath>
#include <cstring>

#include "core/config/yaml.hpp"
#include "tests/unit/config/support.hpp"

namespace sentinel::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr Field all_types[] = {
    {.name = "text", .type = FieldType::string},
    {.name = "procfs", .type = FieldType::path, .by_default = "/proc"},
    {.name = "count", .type = FieldType::integer, .by_default = "7", .minimum = 1, .maximum = 10},
    {.name = "ratio", .type = FieldType::number, .minimum = 0, .maximum = 1},
    {.name = "per_cpu", .type = FieldType::boolean, .by_default = "true"},
    {.name = "window", .type = FieldType::duration, .by_default = "5s", .minimum = 0.1, .maximum = 3600},
    {.name = "buffer", .type = FieldType::bytes, .minimum = 4096},
    {.name = "names", .type = FieldType::string_list, .by_default = "a, b"},
    {.name = "ports", .type = FieldType::integer_list, .minimum = 1, .maximum = 65535},
    {.name = "mode", .type = FieldType::string, .by_default = "fast", .choices = "fast, exact"},
};

std::vector<FieldSpec> schema_of(std::span<const Field> fields) {
  std::vector<sentinel_field> abi;
  for (const auto& field : fields) abi.push_back(field.abi());
  auto schema = read_schema(abi.data(), abi.size());
  EXPECT_TRUE(schema) << schema.error().message;
  return schema ? *schema : std::vector<FieldSpec>();
}

Error refusal_of(const Field& field) {
  const sentinel_field abi = field.abi();
  const auto schema = read_schema(&abi, 1);
  return schema ? Error{Errc::failed, "accepted"} : schema.error();
}

struct Outcome {
  Resolved resolved;
  std::vector<std::string> told;

  [[nodiscard]] const ResolvedValue& operator[](std::string_view name) const {
    static const ResolvedValue absent;
    for (const auto& value : resolved) {
      if (value.name == name) return value;
    }
    ADD_FAILURE() << name << " is absent";
    return absent;
  }
  [[nodiscard]] bool has(std::string_view name) const {
    return std::any_of(resolved.begin(), resolved.end(), [&](const auto& value) { return value.name == name; });
  }
};

Outcome resolve_text(std::string_view yaml, std::span<const FieldSpec> schema) {
  std::vector<Diagnostic> diagnostics;
  const auto config = parse_yaml(yaml, "conf/f.yaml", diagnostics);
  Outcome outcome;
  outcome.resolved = resolve(config.value_or(Value()), schema, "collector \"cpu\"", diagnostics);
  for (const auto& diagnostic : diagnostics) outcome.told.push_back(to_string(diagnostic));
  return outcome;
}

TEST(ReadSchema, CopiesEveryMember) {
  const auto schema = schema_of(all_types);
  ASSERT_EQ(schema.size(), std::size(all_types));
  EXPECT_EQ(schema[0].name, "text");
  EXPECT_FALSE(schema[0].by_default);
  EXPECT_TRUE(std::isinf(schema[0].minimum));
  EXPECT_EQ(schema[2].by_default, "7");
  EXPECT_EQ(schema[2].minimum, 1);
  EXPECT_EQ(schema[2].maximum, 10);
  EXPECT_THAT(schema[9].choices, ElementsAre("fast", "exact"));
  EXPECT_TRUE(schema_of({}).empty());
}

TEST(ReadSchema, WalksByTheSizeOfTheFirstElement) {
  // A plugin built against a later header, whose fields are longer.
  struct Longer {
    sentinel_field field;
    char tail[24];
  };
  Longer later[2] = {};
  later[0].field = Field{.name = "a"}.abi();
  later[1].field = Field{.name = "b", .help = "the second"}.abi();
  for (auto& one : later) one.field.size = sizeof(Longer);
  const auto longer = read_schema(&later[0].field, 2);
  ASSERT_TRUE(longer) << longer.error().message;
  EXPECT_EQ((*longer)[1].name, "b");
  EXPECT_EQ((*longer)[1].help, "the second");
}

TEST(ReadSchema, TakesNoMemberThatTheSizeDoesNotCover) {
  sentinel_field field = Field{.name = "a", .by_default = "x", .help = "h", .minimum = 3, .maximum = 4}.abi();
  field.size = offsetof(sentinel_field, default_value);
  const auto shorter = read_schema(&field, 1);
  ASSERT_TRUE(shorter) << shorter.error().message;
  EXPECT_EQ((*shorter)[0].help, "h");
  EXPECT_FALSE((*shorter)[0].by_default);
  EXPECT_TRUE(std::isinf((*shorter)[0].maximum));
}

TEST(ReadSchema, TakesBoundsOfZeroForNone) {
  sentinel_field field = Field{.name = "a", .type = FieldType::integer, .by_default = "5"}.abi();
  field.minimum = 0;
  field.maximum = 0;
  EXPECT_TRUE(read_schema(&field, 1));
}

TEST(ReadSchema, RefusesASchemaThatIsWrongInItself) {
  EXPECT_THAT(refusal_of({.name = "Bad"}).message, HasSubstr("field \"Bad\" is no name"));
  EXPECT_THAT(refusal_of({.name = ""}).message, HasSubstr("is no name"));
  EXPECT_THAT(refusal_of({.name = "a", .type = static_cast<FieldType>(10)}).message, HasSubstr("has type 10"));
  EXPECT_THAT(refusal_of({.name = "a", .type = static_cast<FieldType>(0)}).message, HasSubstr("has type 0"));
  EXPECT_THAT(refusal_of({.name = "a", .type = FieldType::duration, .by_default = "5"}).message,
              HasSubstr("refuses its own default: \"5\" is a duration without a unit"));
  EXPECT_THAT(refusal_of({.name = "a", .by_default = "x", .choices = "y,z"}).message,
              HasSubstr("refuses its own default"));
  EXPECT_THAT(refusal_of({.name = "a", .type = FieldType::integer_list, .by_default = "1,x"}).message,
              HasSubstr("\"x\" is no whole number"));
  EXPECT_THAT(refusal_of({.name = "a", .minimum = 2, .maximum = 1}).message, HasSubstr("between its bounds"));
  EXPECT_THAT(refusal_of({.name = "a", .minimum = std::nan("")}).message, HasSubstr("between its bounds"));

  const sentinel_field twice[] = {Field{.name = "a"}.abi(), Field{.name = "a"}.abi()};
  EXPECT_THAT(read_schema(twice, 2).error().message, HasSubstr("field \"a\" stands twice"));
  EXPECT_FALSE(read_schema(nullptr, 1));
  sentinel_field tiny = Field{.name = "a"}.abi();
  for (const std::uint32_t size : {0U, 1U, 16U, 33U, static_cast<unsigned>(sizeof(sentinel_field)) + 1}) {
    tiny.size = size;
    EXPECT_FALSE(read_schema(&tiny, 1)) << size;
  }
}

TEST(Resolve, ReadsEveryType) {
  const auto out = resolve_text(
      "{text: 08, procfs: ../host, count: 3, ratio: 0.5, per_cpu: false, window: 1m30s, buffer: 64KiB,"
      " names: [x, 'y z'], ports: [80, 443], mode: exact}",
      schema_of(all_types));
  EXPECT_THAT(out.told, IsEmpty());
  EXPECT_EQ(out.resolved.size(), std::size(all_types));
  EXPECT_EQ(out["text"].text, "08");
  EXPECT_EQ(out["procfs"].text, "conf/../host");
  EXPECT_EQ(out["count"].integer, 3);
  EXPECT_EQ(out["count"].text, "3");
  EXPECT_EQ(out["ratio"].number, 0.5);
  EXPECT_EQ(out["per_cpu"].integer, 0);
  EXPECT_EQ(out["window"].integer, 90'000'000'000);
  EXPECT_EQ(out["buffer"].integer, 65536);
  EXPECT_THAT(out["names"].strings, ElementsAre("x", "y z"));
  EXPECT_EQ(out["names"].text, "x,y z");
  EXPECT_THAT(out["ports"].integers, ElementsAre(80, 443));
  EXPECT_EQ(out["mode"].text, "exact");
  EXPECT_FALSE(out["mode"].by_default);
}

TEST(Resolve, FillsInDefaultsAndLeavesTheRestAbsent) {
  for (const std::string_view yaml : {"", "{}"}) {
    const auto out = resolve_text(yaml, schema_of(all_types));
    EXPECT_THAT(out.told, IsEmpty());
    EXPECT_EQ(out["procfs"].text, "/proc");
    EXPECT_EQ(out["count"].integer, 7);
    EXPECT_EQ(out["per_cpu"].integer, 1);
    EXPECT_EQ(out["window"].integer, 5'000'000'000);
    EXPECT_THAT(out["names"].strings, ElementsAre("a", "b"));
    EXPECT_TRUE(out["names"].by_default);
    EXPECT_FALSE(out.has("text"));
    EXPECT_FALSE(out.has("ports"));
    EXPECT_FALSE(out.has("buffer"));
  }
}

TEST(Resolve, KeepsADefaultPathAsItIs) {
  const Field fields[] = {{.name = "directory", .type = FieldType::path, .by_default = "artifacts"}};
  EXPECT_EQ(resolve_text("{}", schema_of(fields))["directory"].text, "artifacts");
  EXPECT_EQ(resolve_text("{directory: artifacts}", schema_of(fields))["directory"].text, "conf/artifacts");
  EXPECT_EQ(resolve_text("{directory: /var}", schema_of(fields))["directory"].text, "/var");
}

TEST(Resolve, AnEmptyListReplacesTheDefault) {
  const auto out = resolve_text("{names: []}", schema_of(all_types));
  EXPECT_THAT(out["names"].strings, IsEmpty());
  EXPECT_FALSE(out["names"].by_default);
}

TEST(Resolve, ReportsEveryMistakeAtItsPlace) {
  const auto out = resolve_text(
      "text: [a]\ncount: 11\nratio: -0.1\nper_cpu: yes\nwindow: 2h\nbuffer: 1KiB\nnames: x\nports: [80, 0, http, [1]]\n"
      "mode: exakt\nprocsf: /proc\nprocfs: ''\n",
      schema_of(all_types));
  const std::string c = "collector \"cpu\": config";
  EXPECT_THAT(
      out.told,
      testing::UnorderedElementsAre(
          "conf/f.yaml:1:7: " + c + ".text: must be a single value, not a list",
          "conf/f.yaml:2:8: " + c + ".count: \"11\" is not between 1 and 10",
          "conf/f.yaml:3:8: " + c + ".ratio: \"-0.1\" is not between 0 and 1",
          "conf/f.yaml:4:10: " + c + ".per_cpu: \"yes\" is neither true nor false",
          "conf/f.yaml:5:9: " + c + ".window: \"2h\" is not between 100ms and 1h",
          "conf/f.yaml:6:9: " + c + ".buffer: \"1KiB\" is less than 4KiB, the least allowed",
          "conf/f.yaml:7:8: " + c + ".names: must be a list such as [a, b], not \"x\"",
          "conf/f.yaml:8:13: " + c + ".ports: \"0\" is not between 1 and 65535",
          "conf/f.yaml:8:16: " + c + ".ports: \"http\" is no whole number",
          "conf/f.yaml:8:22: " + c + ".ports: each item must be a single value, not a list",
          "conf/f.yaml:9:7: " + c + ".mode: \"exakt\" is none of \"fast\" and \"exact\" (did you mean \"exact\"?)",
          "conf/f.yaml:10:1: " + c +
              ": unknown key \"procsf\" (did you mean \"procfs\"?); known here: buffer, count, mode, names, per_cpu, "
              "ports, procfs, ratio, text, window",
          "conf/f.yaml:11:9: " + c + ".procfs: is empty"));
  EXPECT_THAT(out.resolved, IsEmpty());
}

TEST(Resolve, AsksForWhatIsRequired) {
  const Field fields[] = {{.name = "url", .help = "where to post", .required = true}};
  Value absent;
  absent.where = {{"f.yaml", 4, 3}};
  std::vector<Diagnostic> diagnostics;
  EXPECT_THAT(resolve(absent, schema_of(fields), "sink \"out\"", diagnostics), IsEmpty());
  ASSERT_EQ(diagnostics.size(), 1U);
  EXPECT_EQ(to_string(diagnostics[0]), "f.yaml:4:3: sink \"out\": config.url: is missing: where to post");
  EXPECT_THAT(resolve_text("url:", schema_of(fields)).told, ElementsAre(HasSubstr("config.url: has no value")));
}

TEST(Resolve, SaysWhenAPluginTakesNoConfig) {
  EXPECT_THAT(resolve_text("{a: 1}", {}).told,
              ElementsAre("conf/f.yaml:1:2: collector \"cpu\": config: unknown key \"a\"; nothing is known here"));
  EXPECT_THAT(resolve_text("[a]", {}).told, ElementsAre(HasSubstr("config must be a map such as")));
}

TEST(Resolve, SaysNothingMoreOfABrokenValue) {
  const Folder folder;
  folder.write("a.yaml", with_collector("{plugin: p, config: {count: '${ABSENT}', ports: ['${ABSENT}']}}"));
  auto loaded = load(folder / "a.yaml", {});
  ASSERT_EQ(loaded.diagnostics.size(), 2U);
  const auto resolved = resolve(loaded.config.collectors.at(0).config, schema_of(all_types), "c", loaded.diagnostics);
  EXPECT_EQ(loaded.diagnostics.size(), 2U);
  EXPECT_TRUE(std::none_of(resolved.begin(), resolved.end(),
                           [](const auto& value) { return value.name == "count" || value.name == "ports"; }));
}

}  // namespace
}  // namespace sentinel::config
