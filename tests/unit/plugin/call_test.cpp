#include "core/plugin/call.hpp"

#include <gmock/gmock.h>

#include <map>

#include "tests/support/fake_host.hpp"
#include "tests/unit/plugin/support.hpp"

namespace sentinel::plugin {

namespace {

using sentinel::testing::FakeBatch;
using sentinel::testing::FakeConfig;
using sentinel::testing::FakeHost;
using sentinel::testing::FakeRows;
using ::testing::HasSubstr;
using testing::message_of;
using testing::test_plugin;
using testing::TestStage;

/// A plugin of tests/plugins with one instance at a time.
class Loaded {
 public:
  explicit Loaded(std::string_view name) {
    auto library = stage_.load(test_plugin(name));
    if (library) library_ = std::move(*library);
    EXPECT_TRUE(library_) << message_of(library);
  }

  Result<Instance> create(FakeConfig& config) { return Instance::create(library_, host.raw(), config.raw()); }

  FakeHost host;

 private:
  TestStage stage_;
  std::shared_ptr<Library> library_;
};

FakeConfig& defaults(FakeConfig& config) {
  return config.number("value", 1.5).strings("kinds", {"a", "b"}).boolean("refuse", false);
}

std::map<std::string, std::string> calls_of(Instance& instance) {
  FakeRows rows;
  EXPECT_TRUE(instance.details(rows.raw()));
  std::map<std::string, std::string> calls;
  for (const auto& row : rows.tables["calls"]) calls[row[0].second] = row[1].second;
  return calls;
}

TEST(Call, LivesAWholeLife) {
  Loaded plugin("test_collector");
  FakeConfig config;
  auto instance = plugin.create(defaults(config));
  ASSERT_TRUE(instance) << message_of(instance);
  EXPECT_TRUE(instance->collects());
  EXPECT_FALSE(instance->consumes());
  EXPECT_FALSE(instance->renders());
  EXPECT_TRUE(instance->has_state());
  EXPECT_TRUE(instance->has_details());
  EXPECT_EQ(plugin.host.declared.size(), 4U);

  EXPECT_TRUE(instance->start());
  FakeBatch batch(plugin.host);
  const auto collected = instance->collect(batch.raw());
  EXPECT_TRUE(collected) << message_of(collected);
  EXPECT_EQ(batch.value("test_value{kind=\"b\"}"), 1.5);
  EXPECT_EQ(batch.value("test_collections_total"), 1.0);

  EXPECT_TRUE(instance->drain(123));
  const auto saved = instance->save();
  ASSERT_TRUE(saved) << message_of(saved);
  EXPECT_EQ(saved->version, 3U);
  EXPECT_EQ(saved->bytes, "1");

  // As if neither drain nor save had happened.
  EXPECT_TRUE(instance->resume());
  FakeBatch second(plugin.host);
  EXPECT_TRUE(instance->collect(second.raw()));
  EXPECT_EQ(second.value("test_collections_total"), 2.0);
  EXPECT_TRUE(instance->stop());
  EXPECT_EQ(calls_of(*instance),
            (std::map<std::string, std::string>{
                {"start", "1"}, {"collect", "2"}, {"drain", "1"}, {"save", "1"}, {"resume", "1"}, {"stop", "1"}}));
}

TEST(Call, ASuccessorGoesOnFromSavedState) {
  Loaded plugin("test_collector");
  FakeConfig config;
  {
    auto successor = plugin.create(defaults(config));
    ASSERT_TRUE(successor) << message_of(successor);
    EXPECT_TRUE(successor->restore({3, "41"}));
    EXPECT_TRUE(successor->start());
    FakeBatch batch(plugin.host);
    EXPECT_TRUE(successor->collect(batch.raw()));
    EXPECT_EQ(batch.value("test_collections_total"), 42.0);
  }
  plugin.host.declared.clear();
  auto other = plugin.create(config);
  ASSERT_TRUE(other) << message_of(other);
  const auto version = other->restore({9, "41"});
  ASSERT_FALSE(version);
  EXPECT_EQ(version.error().code, Errc::unsupported);
  EXPECT_THAT(message_of(other->restore({3, std::string("\0\xff", 2)})), HasSubstr("no number"));
}

TEST(Call, PassesThePluginsErrorOn) {
  Loaded plugin("test_collector");
  FakeConfig config;
  config.number("value", 1).strings("kinds", {}).boolean("refuse", true);
  const auto refused = plugin.create(config);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::unsupported);
  EXPECT_EQ(refused.error().message, "refuse is set: unset it");
}

TEST(Call, RefusalsOfTheHostComeBackFromCreate) {
  Loaded plugin("test_collector");
  plugin.host.refusal = Error{Errc::exhausted, "no more metrics"};
  FakeConfig config;
  const auto refused = plugin.create(defaults(config));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::exhausted);
  EXPECT_EQ(refused.error().message, "no more metrics");
}

TEST(Call, NullFromCreateIsAnErrorEvenWithoutAReason) {
  Loaded plugin("test_null_create");
  FakeConfig config;
  EXPECT_THAT(message_of(plugin.create(config)), HasSubstr("gave no reason"));
}

TEST(Call, APluginInCWorks) {
  Loaded plugin("test_c");
  FakeConfig config;
  config.integer("value", 17);
  auto instance = plugin.create(config);
  ASSERT_TRUE(instance) << message_of(instance);
  EXPECT_TRUE(instance->start()) << "a function that is null succeeds";
  EXPECT_TRUE(instance->drain(1));
  EXPECT_TRUE(instance->resume());
  FakeBatch batch(plugin.host);
  EXPECT_TRUE(instance->collect(batch.raw()));
  EXPECT_EQ(batch.value("test_c_value"), 17.0);
  EXPECT_FALSE(instance->has_state());
  EXPECT_FALSE(instance->has_details());
  EXPECT_EQ(instance->save().error().code, Errc::no_data);
  EXPECT_EQ(instance->restore({1, ""}).error().code, Errc::unsupported);
  EXPECT_EQ(instance->details(nullptr).error().code, Errc::unsupported);
  EXPECT_EQ(instance->consume({}).error().code, Errc::unsupported);
  EXPECT_EQ(instance->render({}, 100).error().code, Errc::unsupported);
  EXPECT_TRUE(instance->stop());
}

TEST(Call, ASinkConsumesAndRenders) {
  Loaded plugin("test_sink");
  FakeConfig config;
  config.string("path", "/page").string("title", "Title");
  auto instance = plugin.create(config);
  ASSERT_TRUE(instance) << message_of(instance);
  ASSERT_EQ(plugin.host.routes.size(), 1U);
  EXPECT_EQ(plugin.host.routes[0].path, "/page");
  EXPECT_TRUE(instance->consumes());
  EXPECT_TRUE(instance->renders());
  EXPECT_FALSE(instance->collects());

  sentinel_record record = {};
  record.size = sizeof(record);
  record.value = 2.5;
  sentinel_delivery delivery = {};
  delivery.size = sizeof(delivery);
  delivery.records = &record;
  delivery.count = 1;
  EXPECT_TRUE(instance->consume(delivery));

  const sentinel_series series = {sizeof(sentinel_series), 0, nullptr, 1, 4, nullptr};
  const sentinel_family family = {sizeof(sentinel_family),
                                  SENTINEL_GAUGE,
                                  to_abi("a_metric"),
                                  to_abi("Help."),
                                  {},
                                  to_abi("cpu"),
                                  nullptr,
                                  nullptr,
                                  &series,
                                  1,
                                  0,
                                  0};
  const sentinel_series_view view = {sizeof(sentinel_series_view), 1, &family};
  const auto text = instance->render(view, 1000);
  ASSERT_TRUE(text) << message_of(text);
  EXPECT_EQ(*text, "Title 1\na_metric 4.000000\n");
  EXPECT_THAT(message_of(instance->render(view, 10)), HasSubstr("render wrote more than 10 bytes"));
}

TEST(Call, WhatAPluginThrowsComesBackAsItsError) {
  for (const std::string_view in :
       {"create", "start", "drain", "resume", "stop", "collect", "save", "restore", "details"}) {
    for (const auto& [how, expected] :
         {std::pair("throw", "thrown in " + std::string(in)), std::pair("throw_int", std::string("no std::exception")),
          std::pair("fail", "it fails in " + std::string(in))}) {
      Loaded plugin("test_misbehaves");
      FakeConfig config;
      config.string("in", in).string("how", how).duration("for", std::chrono::nanoseconds(0)).integer("after", 0);
      auto instance = plugin.create(config);
      if (in == "create") {
        EXPECT_THAT(message_of(instance), HasSubstr(expected));
        continue;
      }
      ASSERT_TRUE(instance) << message_of(instance);
      FakeBatch batch(plugin.host);
      FakeRows rows;
      const std::map<std::string_view, std::string> said = {{"start", message_of(instance->start())},
                                                            {"collect", message_of(instance->collect(batch.raw()))},
                                                            {"drain", message_of(instance->drain(1))},
                                                            {"save", message_of(instance->save())},
                                                            {"restore", message_of(instance->restore({1, {}}))},
                                                            {"details", message_of(instance->details(rows.raw()))},
                                                            {"resume", message_of(instance->resume())},
                                                            {"stop", message_of(instance->stop())}};
      for (const auto& [call, message] : said) {
        EXPECT_THAT(message, call == in ? HasSubstr(expected) : HasSubstr("(no error)")) << call << " of " << in;
      }
    }
  }
}

TEST(Call, ExceptionsThatEscapeAPluginGoNoFurther) {
  Loaded plugin("test_escapes");
  FakeConfig with_value;
  with_value.string("throw_in_create", "x");
  EXPECT_THAT(message_of(plugin.create(with_value)), HasSubstr("create let an exception out"));
  FakeConfig config;
  auto instance = plugin.create(config);
  ASSERT_TRUE(instance) << message_of(instance);
  FakeBatch batch(plugin.host);
  FakeRows rows;
  EXPECT_THAT(message_of(instance->start()),
              HasSubstr("start let an exception out, against the ABI: no wrapper caught"));
  EXPECT_THAT(message_of(instance->collect(batch.raw())), HasSubstr("collect let"));
  EXPECT_THAT(message_of(instance->drain(1)), HasSubstr("drain let"));
  EXPECT_THAT(message_of(instance->resume()), HasSubstr("resume let"));
  EXPECT_THAT(message_of(instance->stop()), HasSubstr("stop let"));
  EXPECT_THAT(message_of(instance->save()), HasSubstr("save let"));
  EXPECT_THAT(message_of(instance->restore({1, {}})), HasSubstr("restore let"));
  EXPECT_THAT(message_of(instance->details(rows.raw())), HasSubstr("details let"));
  EXPECT_THAT(message_of(instance->destroy()), HasSubstr("destroy let"));
  EXPECT_THAT(message_of(instance->destroy()), HasSubstr("(no error)")) << "it is gone, and not destroyed twice";
}

TEST(Call, BoundsWhatAPluginSaves) {
  Loaded plugin("test_misbehaves");
  FakeConfig config;
  config.string("in", "save").string("how", "flood").duration("for", std::chrono::nanoseconds(0)).integer("after", 0);
  auto instance = plugin.create(config);
  ASSERT_TRUE(instance) << message_of(instance);
  const auto saved = instance->save(std::size_t{4} << 20U);
  ASSERT_FALSE(saved);
  EXPECT_EQ(saved.error().code, Errc::exhausted);
}

std::int32_t no_reason(void*, sentinel_error*) {
  return -7;
}
std::int32_t noise(void*, sentinel_error* error) {
  error->message_size = UINT32_MAX;
  for (char& c : error->message) c = '\xff';
  return 99;
}
std::int32_t fine_but_noisy(void*, sentinel_error* error) {
  error->code = SENTINEL_FAILED;
  error->message_size = 3;
  return SENTINEL_OK;
}

TEST(Call, SurvivesGarbageInErrors) {
  static int instance = 0;
  const sentinel_lifecycle lifecycle = {
      sizeof(sentinel_lifecycle),
      0,
      [](const sentinel_host*, const sentinel_config*, sentinel_error*) -> void* { return &instance; },
      &no_reason,
      nullptr,
      &noise,
      &fine_but_noisy,
      [](void*) {},
      nullptr};
  const sentinel_collector collector = {sizeof(sentinel_collector), 0, nullptr};
  sentinel_plugin plugin = {};
  plugin.size = sizeof(plugin);
  plugin.kind = SENTINEL_KIND_COLLECTOR;
  plugin.lifecycle = &lifecycle;
  plugin.collector = &collector;
  auto made = Instance::create(plugin, nullptr, nullptr, nullptr);
  ASSERT_TRUE(made) << message_of(made);
  EXPECT_EQ(message_of(made->start()), "the plugin gave no reason (code -7)");
  const auto noisy = made->resume();
  ASSERT_FALSE(noisy);
  EXPECT_EQ(noisy.error().code, Errc::failed);
  EXPECT_EQ(noisy.error().message, std::string(1008, '?'));
  EXPECT_TRUE(made->stop());
}

TEST(Call, AMovedInstanceIsDestroyedOnce) {
  Loaded plugin("test_collector");
  FakeConfig config;
  auto first = plugin.create(defaults(config));
  ASSERT_TRUE(first) << message_of(first);
  Instance second(std::move(*first));
  EXPECT_TRUE(second.start());
}

}  // namespace

}  // namespace sentinel::plugin
