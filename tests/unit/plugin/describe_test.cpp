#include <gmock/gmock.h>
#include <sentinel/abi.h>

#include <cmath>

#include "core/plugin/description.hpp"
#include "core/plugin/description_json.hpp"
#include "tests/unit/plugin/support.hpp"

namespace sentinel::plugin {

namespace {

using testing::describe_child;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::message_of;
using testing::TempFolder;
using testing::test_plugin;
using testing::TestStage;
using namespace std::chrono_literals;

Result<Description> described(std::string_view name, std::chrono::milliseconds deadline = 60s) {
  return describe(test_plugin(name), describe_child(), deadline);
}

TEST(Describe, TellsWhatAPluginSaysOfItself) {
  const auto found = described("test_collector");
  ASSERT_TRUE(found) << message_of(found);
  EXPECT_EQ(found->name, "test_collector");
  EXPECT_EQ(found->version, "1.0.0");
  EXPECT_EQ(found->licence, "Apache-2.0");
  EXPECT_EQ(found->summary, "Does all that a collector can do.");
  EXPECT_EQ(found->kind, SENTINEL_KIND_COLLECTOR);
  EXPECT_EQ(found->threading, SENTINEL_SERIAL);
  EXPECT_EQ(found->abi_major, SENTINEL_ABI_MAJOR);
  EXPECT_THAT(found->capabilities, ElementsAre("CAP_SYS_PTRACE"));
  EXPECT_EQ(found->path, test_plugin("test_collector"));
  EXPECT_EQ(found->sha256.size(), 64U);
  EXPECT_TRUE(found->collects);
  EXPECT_FALSE(found->renders);
  EXPECT_TRUE(found->has_state);
  EXPECT_TRUE(found->has_details);
  EXPECT_EQ(found->not_created, "");
  EXPECT_EQ(found->not_unloaded, "");
  ASSERT_EQ(found->fields.size(), 3U);
  EXPECT_EQ(found->fields[0].name, "value");
  EXPECT_EQ(found->fields[0].type, FieldType::number);
  EXPECT_EQ(found->fields[0].by_default, "1.5");
  EXPECT_TRUE(std::isinf(found->fields[0].maximum));
  ASSERT_EQ(found->metrics.size(), 4U);
  EXPECT_EQ(found->metrics[0].name, "test_value");
  EXPECT_EQ(found->metrics[0].unit, "ratio");
  EXPECT_THAT(found->metrics[0].label_keys, ElementsAre("kind"));
  EXPECT_EQ(found->metrics[2].kind, SENTINEL_HISTOGRAM);
  EXPECT_THAT(found->metrics[2].bounds, ElementsAre(1, 1024));
  EXPECT_STREQ(metric_kind_name(found->metrics[3].kind), "event");
}

TEST(Describe, TakesAStagedCopy) {
  const TestStage test;
  const auto staged = test.stage.stage(test_plugin("test_collector"), "x", 1);
  ASSERT_TRUE(staged) << message_of(staged);
  const auto found = describe(staged->path, describe_child(), 60s);
  ASSERT_TRUE(found) << message_of(found);
  EXPECT_EQ(found->sha256, staged->sha256);
}

TEST(Describe, TellsWhyThereIsNoInstance) {
  const auto sink = described("test_sink");
  ASSERT_TRUE(sink) << message_of(sink);
  EXPECT_EQ(sink->kind, SENTINEL_KIND_SINK);
  EXPECT_TRUE(sink->consumes);
  EXPECT_TRUE(sink->renders);
  EXPECT_TRUE(sink->fields[1].required);
  EXPECT_THAT(sink->not_created, HasSubstr("title"));
  EXPECT_THAT(sink->metrics, IsEmpty());
  const auto null_create = described("test_null_create");
  ASSERT_TRUE(null_create) << message_of(null_create);
  EXPECT_THAT(null_create->not_created, HasSubstr("gave no reason"));
}

TEST(Describe, SurvivesAStaticConstructorThatThrows) {
  const auto found = described("test_constructor_throws");
  ASSERT_FALSE(found);
  EXPECT_THAT(found.error().message,
              AllOf(HasSubstr("test_constructor_throws.so"), HasSubstr("crashed with SIGABRT while being loaded"),
                    HasSubstr("no start today")));
}

TEST(Describe, SurvivesAStaticConstructorThatAborts) {
  EXPECT_THAT(message_of(described("test_constructor_aborts")),
              AllOf(HasSubstr("SIGABRT while being loaded"), HasSubstr("the constructor runs")));
}

TEST(Describe, SurvivesAStaticConstructorThatExits) {
  EXPECT_THAT(message_of(described("test_constructor_exits")), HasSubstr("ended its process with code 7"));
}

TEST(Describe, SurvivesAStaticConstructorThatHangs) {
  const auto found = described("test_constructor_hangs", 5s);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Errc::timeout);
  EXPECT_THAT(found.error().message, HasSubstr("did not return within 5000 ms while being loaded"));
}

TEST(Describe, PassesRefusalsOn) {
  EXPECT_THAT(message_of(described("test_magic")), HasSubstr("magic 1"));
  EXPECT_THAT(message_of(described("test_no_note")), HasSubstr("without a plugin note"));
  EXPECT_THAT(message_of(described("test_unique")), HasSubstr("GNU-unique"));
  const auto missing = described("test_missing");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Errc::not_found);
}

TEST(Describe, SurvivesDamageThatNoHeaderShows) {
  const TempFolder temp;
  auto image = testing::read_all(test_plugin("test_c"));
  // All that is loaded but the headers and the note becomes noise: dlopen itself dies of it.
  for (std::size_t i = 0x400; i < image.size(); ++i) image[i] = std::byte{0xcc};
  testing::write_all(temp / "test_c.so", image);
  const auto found = describe(temp / "test_c.so", describe_child(), 60s);
  EXPECT_FALSE(found);
}

TEST(Describe, SaysWhatProgramItCannotRun) {
  EXPECT_THAT(message_of(describe(test_plugin("test_c"), "/nowhere/sentinel")), HasSubstr("/nowhere/sentinel"));
}

TEST(Describe, RefusesAnswersThatAreNone) {
  EXPECT_THAT(message_of(describe(test_plugin("test_c"), "/bin/echo")), HasSubstr("malformed JSON"));
  EXPECT_THAT(message_of(describe(test_plugin("test_c"), "/bin/true")), HasSubstr("ended its process with code 0"));
  Description description;
  for (const std::string_view line : {"", "{", "[]", "{}", "{\"name\":7}", "{\"error\":7}", "{\"error\":{}}"}) {
    EXPECT_FALSE(read_descriptor_line(line, description)) << line;
  }
}

TEST(Describe, LinesKeepEveryMember) {
  Description out;
  out.name = "n\"\n";
  out.fields = {{"f", FieldType::bytes, "help", "1KiB", {"a", "b"}, false, -1.5, 2e18}};
  out.metrics = {{SENTINEL_HISTOGRAM, "m", "h", "seconds", {"k"}, {0.005, 1e300}}};
  out.routes = {"/metrics"};
  out.size = UINT64_MAX;
  out.not_created = "why";
  out.not_unloaded = "how";
  Description in;
  ASSERT_TRUE(read_descriptor_line(descriptor_line(out), in));
  ASSERT_TRUE(read_instance_line(instance_line(out), in));
  ASSERT_TRUE(read_unload_line(unload_line(out), in));
  EXPECT_EQ(in.name, out.name);
  EXPECT_EQ(in.fields, out.fields);
  EXPECT_EQ(in.metrics, out.metrics);
  EXPECT_EQ(in.routes, out.routes);
  EXPECT_EQ(in.size, out.size);
  EXPECT_EQ(in.not_created, out.not_created);
  EXPECT_EQ(in.not_unloaded, out.not_unloaded);
}

}  // namespace

}  // namespace sentinel::plugin
