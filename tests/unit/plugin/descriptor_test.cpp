#include "core/plugin/descriptor.hpp"

#include <gmock/gmock.h>

#include <sentinel/config.hpp>

#include "tests/unit/plugin/support.hpp"

namespace sentinel::plugin {

namespace {

using ::testing::HasSubstr;
using testing::message_of;

void* create(const sentinel_host*, const sentinel_config*, sentinel_error*) {
  return nullptr;
}
void destroy(void*) {}
std::int32_t collect(void*, sentinel_batch*, sentinel_error*) {
  return 0;
}
std::int32_t render(void*, const sentinel_series_view*, sentinel_writer*, sentinel_error*) {
  return 0;
}

/// A good descriptor whose parts a test may break.
struct Plugin {
  std::vector<sentinel_field> fields = {Field{.name = "one", .by_default = "x"}.abi(),
                                        Field{.name = "two", .type = FieldType::integer, .by_default = "3"}.abi()};
  std::vector<sentinel_string> capabilities = {to_abi("CAP_BPF")};
  sentinel_lifecycle lifecycle = {
      sizeof(sentinel_lifecycle), 0, &create, nullptr, nullptr, nullptr, nullptr, &destroy, nullptr};
  sentinel_collector collector = {sizeof(sentinel_collector), 0, &collect};
  sentinel_sink sink = {sizeof(sentinel_sink), 0, nullptr, &render, nullptr};
  NoteFacts note = {SENTINEL_ABI_MAJOR, SENTINEL_ABI_MINOR, SENTINEL_KIND_COLLECTOR, "good", "1"};
  sentinel_plugin raw = {SENTINEL_ABI_MAGIC,
                         sizeof(sentinel_plugin),
                         SENTINEL_ABI_MAJOR,
                         SENTINEL_ABI_MINOR,
                         SENTINEL_KIND_COLLECTOR,
                         SENTINEL_SERIAL,
                         2,
                         1,
                         0,
                         to_abi("good"),
                         to_abi("1"),
                         to_abi("Apache-2.0"),
                         to_abi("Is good."),
                         fields.data(),
                         capabilities.data(),
                         &lifecycle,
                         &collector,
                         nullptr};

  void become_sink() {
    note.kind = raw.kind = SENTINEL_KIND_SINK;
    raw.collector = nullptr;
    raw.sink = &sink;
  }
  [[nodiscard]] std::string refusal() const { return message_of(check_descriptor(&raw, note)); }
};

TEST(Descriptor, AcceptsGoodOnes) {
  Plugin plugin;
  EXPECT_EQ(plugin.refusal(), "(no error)");
  plugin.become_sink();
  EXPECT_EQ(plugin.refusal(), "(no error)");
}

TEST(Descriptor, AcceptsStructsThatGrew) {
  struct Grown {
    sentinel_field field;
    std::uint64_t later;
  };
  Grown grown[2] = {{Field{.name = "a"}.abi(), 1}, {Field{.name = "b"}.abi(), 2}};
  for (auto& one : grown) one.field.size = sizeof(Grown);
  Plugin plugin;
  plugin.raw.fields = &grown[0].field;
  plugin.raw.size = sizeof(sentinel_plugin) + 64;
  EXPECT_EQ(plugin.refusal(), "(no error)");
  grown[1].field.size = sizeof(sentinel_field);
  EXPECT_THAT(plugin.refusal(), HasSubstr("differ in size"));
}

TEST(Descriptor, RefusesAbsentOnes) {
  const Plugin plugin;
  EXPECT_THAT(message_of(check_descriptor(nullptr, plugin.note)), HasSubstr("returned null"));
}

TEST(Descriptor, OwnThreadsNeedNoCollect) {
  Plugin plugin;
  plugin.collector.collect = nullptr;
  EXPECT_THAT(plugin.refusal(), HasSubstr("has no collect"));
  plugin.raw.threading = SENTINEL_OWN_THREADS;
  EXPECT_EQ(plugin.refusal(), "(no error)");
}

TEST(Descriptor, RefusesTablesThatDoNotFitTheKind) {
  Plugin both;
  both.raw.sink = &both.sink;
  EXPECT_THAT(both.refusal(), HasSubstr("`sink` null"));
  Plugin neither;
  neither.become_sink();
  neither.sink.render = nullptr;
  EXPECT_THAT(neither.refusal(), HasSubstr("neither consume, render nor alert"));
  Plugin unknown;
  unknown.raw.kind = unknown.note.kind = 9;
  EXPECT_THAT(unknown.refusal(), HasSubstr("kind 9"));
  Plugin no_destroy;
  no_destroy.lifecycle.destroy = nullptr;
  EXPECT_THAT(no_destroy.refusal(), HasSubstr("no destroy"));
}

TEST(Descriptor, RefusesShortTables) {
  Plugin lifecycle;
  lifecycle.lifecycle.size = 16;
  EXPECT_THAT(lifecycle.refusal(), HasSubstr("lifecycle table says size 16"));
  Plugin collector;
  collector.collector.size = 8;
  EXPECT_THAT(collector.refusal(), HasSubstr("collector table says size 8"));
  Plugin field;
  field.fields[0].size = 0;
  EXPECT_THAT(field.refusal(), HasSubstr("field says size 0"));
}

TEST(Descriptor, RefusesTextsAndArraysThatAreNone) {
  Plugin null_text;
  null_text.raw.summary = {nullptr, 5};
  EXPECT_THAT(null_text.refusal(), HasSubstr("summary is no text: null"));
  Plugin long_text;
  long_text.raw.licence.size = UINT64_MAX;
  EXPECT_THAT(long_text.refusal(), HasSubstr("licence is no text"));
  Plugin fields;
  fields.raw.fields = nullptr;
  EXPECT_THAT(fields.refusal(), HasSubstr("schema is malformed"));
  Plugin many;
  many.raw.field_count = UINT32_MAX;
  EXPECT_THAT(many.refusal(), HasSubstr("schema is malformed"));
  Plugin capabilities;
  capabilities.raw.capabilities = nullptr;
  EXPECT_THAT(capabilities.refusal(), HasSubstr("capabilities are malformed"));
}

TEST(Descriptor, RefusesSchemasThatMakeNoSense) {
  Plugin twice;
  twice.fields[1].name = twice.fields[0].name;
  EXPECT_THAT(twice.refusal(), HasSubstr("one"));
  Plugin bad_default;
  bad_default.fields[1].default_value = to_abi("many");
  EXPECT_THAT(bad_default.refusal(), HasSubstr("two"));
  Plugin bad_type;
  bad_type.fields[0].type = 99;
  EXPECT_THAT(bad_type.refusal(), HasSubstr("99"));
  Plugin bad_name;
  bad_name.fields[0].name = {nullptr, 3};
  EXPECT_THAT(bad_name.refusal(), HasSubstr("name of a field is no text"));
}

TEST(Descriptor, NamesKindsAndThreading) {
  EXPECT_EQ(kind_name(SENTINEL_KIND_COLLECTOR), "collector");
  EXPECT_EQ(kind_name(SENTINEL_KIND_SINK), "sink");
  EXPECT_EQ(kind_name(5), "unknown");
  EXPECT_EQ(threading_name(SENTINEL_OWN_THREADS), "own_threads");
}

}  // namespace

}  // namespace sentinel::plugin
