// The tables that the wrapper makes of a class, called as an agent calls them.
#include <gmock/gmock.h>

#include <new>
#include <sentinel/collector.hpp>

#include "tests/support/fake_host.hpp"

namespace {

/// The shortest collector.
class Least {
 public:
  Least(const sentinel::Config&, sentinel::Host& host) : gauge_(host.gauge({"least", "Help."})) {}
  sentinel::Result<void> collect(sentinel::Batch& batch) {
    batch.add(gauge_, 1);
    return {};
  }

 private:
  sentinel::Gauge<> gauge_;
};

}  // namespace

// The macro's own names, at namespace scope as in a plugin.
SENTINEL_COLLECTOR(Least, {.name = "least", .version = "1.2", .licence = "MIT", .summary = "Adds one sample."});

namespace sentinel {

namespace {

using testing::FakeBatch;
using testing::FakeConfig;
using testing::FakeHost;
using testing::FakeRows;
using testing::FakeWriter;
using ::testing::HasSubstr;

int alive = 0;

/// A collector with everything; what it does in a call is set from outside.
class Full {
 public:
  static constexpr Field schema[] = {{.name = "one"}, {.name = "two", .type = FieldType::boolean}};
  static constexpr std::string_view capabilities[] = {"CAP_BPF", "CAP_PERFMON"};
  static constexpr std::uint32_t state_version = 9;

  Full(const Config& config, Host&) {
    if (config.has("throw")) throw std::runtime_error("not today");
    ++alive;
  }
  ~Full() { --alive; }

  Result<void> start() { return act(); }
  Result<void> drain(std::chrono::nanoseconds deadline) {
    seen_deadline = deadline;
    return act();
  }
  Result<void> resume() { return act(); }
  Result<void> stop() { return act(); }
  Result<void> collect(Batch& batch) {
    batch.add(Gauge<>{wrong_metric}, 1);
    return act();
  }
  Result<void> save(Writer& out) {
    out.write("state");
    return act();
  }
  Result<void> restore(std::uint32_t version, std::string_view state) {
    restored = std::to_string(version) + std::string(state);
    return act();
  }
  Result<void> details(Rows& rows) {
    rows.add("table", {{"key", "value"}, {"other", ""}});
    return act();
  }

  static inline Result<void> (*act)() = [] { return Result<void>(); };
  static inline std::uint32_t wrong_metric = 1;
  static inline std::chrono::nanoseconds seen_deadline{};
  static inline std::string restored;
};

constexpr PluginInfo full_info = {
    .name = "full", .version = "1", .licence = "MIT", .summary = "Has all.", .threading = Threading::own_threads};

struct PluginTest : ::testing::Test {
  PluginTest() {
    Full::act = [] { return Result<void>(); };
  }

  const sentinel_plugin& full = *detail::collector_entry<Full>(full_info);
  FakeHost host;
  FakeConfig config;
  sentinel_error error = detail::empty_error();
  std::string message() const { return std::string(error.message, error.message_size); }
};

TEST_F(PluginTest, MakesADescriptor) {
  const sentinel_plugin& plugin = *sentinel_plugin_entry();
  EXPECT_EQ(plugin.magic, SENTINEL_ABI_MAGIC);
  EXPECT_EQ(plugin.size, sizeof(sentinel_plugin));
  EXPECT_EQ(plugin.abi_major, SENTINEL_ABI_MAJOR);
  EXPECT_EQ(plugin.abi_minor, SENTINEL_ABI_MINOR);
  EXPECT_EQ(plugin.kind, SENTINEL_KIND_COLLECTOR);
  EXPECT_EQ(plugin.threading, SENTINEL_SERIAL);
  EXPECT_EQ(from_abi(plugin.name), "least");
  EXPECT_EQ(from_abi(plugin.version), "1.2");
  EXPECT_EQ(from_abi(plugin.licence), "MIT");
  EXPECT_EQ(from_abi(plugin.summary), "Adds one sample.");
  EXPECT_EQ(plugin.field_count, 0U);
  EXPECT_EQ(plugin.sink, nullptr);
  ASSERT_NE(plugin.collector, nullptr);
  EXPECT_EQ(plugin.collector->size, sizeof(sentinel_collector));
  EXPECT_EQ(plugin.lifecycle->size, sizeof(sentinel_lifecycle));
  EXPECT_EQ(&plugin, sentinel_plugin_entry()) << "constant";
}

TEST_F(PluginTest, LeavesOutWhatTheClassDoesNotHave) {
  const sentinel_lifecycle& lifecycle = *sentinel_plugin_entry()->lifecycle;
  EXPECT_EQ(lifecycle.start, nullptr);
  EXPECT_EQ(lifecycle.drain, nullptr);
  EXPECT_EQ(lifecycle.resume, nullptr);
  EXPECT_EQ(lifecycle.stop, nullptr);
  EXPECT_EQ(lifecycle.extension(nullptr, SENTINEL_EXTENSION_STATE), nullptr);
  EXPECT_EQ(lifecycle.extension(nullptr, SENTINEL_EXTENSION_DETAILS), nullptr);
}

TEST_F(PluginTest, ListsSchemaAndCapabilities) {
  ASSERT_EQ(full.field_count, 2U);
  EXPECT_EQ(from_abi(full.fields[1].name), "two");
  EXPECT_EQ(full.fields[1].type, static_cast<std::uint32_t>(SENTINEL_BOOLEAN));
  ASSERT_EQ(full.capability_count, 2U);
  EXPECT_EQ(from_abi(full.capabilities[1]), "CAP_PERFMON");
  EXPECT_EQ(full.threading, SENTINEL_OWN_THREADS);
}

TEST_F(PluginTest, WritesItsNote) {
  const auto& note = sentinel_plugin_note;
  EXPECT_EQ(note.name_size, sizeof(SENTINEL_NOTE_OWNER));
  EXPECT_STREQ(note.name, SENTINEL_NOTE_OWNER);
  EXPECT_EQ(note.type, SENTINEL_NOTE_TYPE);
  EXPECT_EQ(note.descriptor_size, sizeof(sentinel_note));
  EXPECT_STREQ(note.note.name, "least");
  EXPECT_STREQ(note.note.version, "1.2");
  EXPECT_EQ(note.note.kind, SENTINEL_KIND_COLLECTOR);
}

TEST_F(PluginTest, CallsEachMethod) {
  const sentinel_lifecycle& life = *full.lifecycle;
  void* instance = life.create(host.raw(), config.raw(), &error);
  ASSERT_NE(instance, nullptr) << message();
  EXPECT_EQ(alive, 1);
  EXPECT_EQ(life.start(instance, &error), SENTINEL_OK);
  EXPECT_EQ(life.drain(instance, 55, &error), SENTINEL_OK);
  EXPECT_EQ(Full::seen_deadline.count(), 55);
  EXPECT_EQ(life.resume(instance, &error), SENTINEL_OK);
  EXPECT_EQ(life.stop(instance, &error), SENTINEL_OK);
  const auto* state = static_cast<const sentinel_plugin_state*>(life.extension(instance, SENTINEL_EXTENSION_STATE));
  ASSERT_NE(state, nullptr);
  EXPECT_EQ(state->version, 9U);
  FakeWriter writer;
  EXPECT_EQ(state->save(instance, writer.raw(), &error), SENTINEL_OK);
  EXPECT_EQ(writer.text, "state");
  EXPECT_EQ(state->restore(instance, 8, to_abi("old"), &error), SENTINEL_OK);
  EXPECT_EQ(Full::restored, "8old");
  const auto* details =
      static_cast<const sentinel_plugin_details*>(life.extension(instance, SENTINEL_EXTENSION_DETAILS));
  ASSERT_NE(details, nullptr);
  FakeRows rows;
  EXPECT_EQ(details->describe(instance, rows.raw(), &error), SENTINEL_OK);
  EXPECT_THAT(rows.tables["table"], ::testing::ElementsAre(FakeRows::Row{{"key", "value"}, {"other", ""}}));
  EXPECT_EQ(life.extension(instance, "something.else/1"), nullptr);
  life.destroy(instance);
  EXPECT_EQ(alive, 0);
}

TEST_F(PluginTest, CollectFailsWithWhatItsBatchRefused) {
  void* instance = full.lifecycle->create(host.raw(), config.raw(), &error);
  ASSERT_NE(instance, nullptr);
  FakeBatch batch(host);
  EXPECT_EQ(full.collector->collect(instance, batch.raw(), &error), SENTINEL_INVALID_ARGUMENT);
  EXPECT_EQ(message(), "unknown metric");
  full.lifecycle->destroy(instance);
}

TEST_F(PluginTest, TurnsExceptionsAndErrorsIntoCodes) {
  void* instance = full.lifecycle->create(host.raw(), config.raw(), &error);
  ASSERT_NE(instance, nullptr);
  const auto start = [&] {
    error = detail::empty_error();
    return full.lifecycle->start(instance, &error);
  };
  Full::act = []() -> Result<void> { return Error{Errc::permission, "may not"}; };
  EXPECT_EQ(start(), SENTINEL_PERMISSION);
  EXPECT_EQ(message(), "may not");
  Full::act = []() -> Result<void> { throw PluginError({Errc::timeout, "too late"}); };
  EXPECT_EQ(start(), SENTINEL_TIMEOUT);
  EXPECT_EQ(message(), "too late");
  Full::act = []() -> Result<void> { throw std::runtime_error("oops"); };
  EXPECT_EQ(start(), SENTINEL_FAILED);
  EXPECT_EQ(message(), "threw: oops");
  Full::act = []() -> Result<void> { throw std::bad_alloc(); };
  EXPECT_EQ(start(), SENTINEL_FAILED);
  EXPECT_THAT(message(), HasSubstr("bad_alloc"));
  Full::act = []() -> Result<void> { throw 3; };
  EXPECT_EQ(start(), SENTINEL_FAILED);
  EXPECT_EQ(message(), "threw something that is no std::exception");
  full.lifecycle->destroy(instance);
}

TEST_F(PluginTest, CreateReturnsNullWhenTheConstructorThrows) {
  config.string("throw", "x");
  EXPECT_EQ(full.lifecycle->create(host.raw(), config.raw(), &error), nullptr);
  EXPECT_EQ(error.code, SENTINEL_FAILED);
  EXPECT_EQ(message(), "threw: not today");
  EXPECT_EQ(alive, 0);
}

TEST_F(PluginTest, AWriterTellsWhenTheAgentTakesNoMore) {
  FakeWriter raw;
  raw.limit = 3;
  Writer writer(raw.raw());
  EXPECT_TRUE(writer.write("abc"));
  EXPECT_FALSE(writer.write("d"));
}

TEST(PluginName, IsHeldToItsGrammar) {
  EXPECT_TRUE(detail::is_plugin_name("proc_cpu2"));
  EXPECT_TRUE(detail::is_plugin_name(std::string(47, 'a')));
  for (const std::string_view bad : {"", "Proc", "2cpu", "a-b", "_a", "a.b"}) EXPECT_FALSE(detail::is_plugin_name(bad));
  EXPECT_FALSE(detail::is_plugin_name(std::string(48, 'a')));
}

}  // namespace

}  // namespace sentinel
