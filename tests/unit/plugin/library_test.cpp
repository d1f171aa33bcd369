#include "core/plugin/library.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/plugin/call.hpp"
#include "core/plugin/recording_host.hpp"
#include "tests/support/fake_host.hpp"
#include "tests/unit/plugin/support.hpp"

namespace sentinel::plugin {

namespace {

using sentinel::testing::FakeConfig;
using sentinel::testing::FakeHost;
using sentinel::testing::FakeRows;
using ::testing::HasSubstr;
using testing::message_of;
using testing::read_all;
using testing::TempFolder;
using testing::test_plugin;
using testing::TestStage;
using testing::write_all;
namespace fs = std::filesystem;

std::string refusal(std::string_view name) {
  const TestStage test;
  return message_of(test.load(test_plugin(name)));
}

/// What an instance of test_collector, made now, says of its class's static counter.
std::string static_instances(const std::shared_ptr<Library>& library) {
  FakeHost host;
  FakeConfig config;
  config.number("value", 1).strings("kinds", {"a"}).boolean("refuse", false);
  auto instance = Instance::create(library, host.raw(), config.raw());
  if (!instance) return instance.error().message;
  FakeRows rows;
  if (const auto told = instance->details(rows.raw()); !told) return told.error().message;
  return rows.tables.at("facts").at(0).at(0).second;
}

TEST(Library, LoadsAndTellsItsDescriptor) {
  const TestStage test;
  const auto library = test.load(test_plugin("test_collector"));
  ASSERT_TRUE(library) << message_of(library);
  EXPECT_EQ((*library)->name(), "test_collector");
  EXPECT_EQ((*library)->version(), "1.0.0");
  EXPECT_EQ((*library)->descriptor().kind, SENTINEL_KIND_COLLECTOR);
  EXPECT_TRUE(is_mapped((*library)->file().path));
  EXPECT_TRUE(is_mapped(test.stage.folder()));
  EXPECT_FALSE(is_mapped(test_plugin("test_collector"))) << "the user's file is never mapped";
}

TEST(Library, RefusesEachBrokenDescriptorWithItsMemberAndBothValues) {
  EXPECT_THAT(refusal("test_descriptor_abi"),
              HasSubstr("descriptor says ABI 2.2, its note 1.2, this agent speaks 1.2"));
  EXPECT_THAT(refusal("test_magic"), HasSubstr("magic 1, a plugin's is " + std::to_string(SENTINEL_ABI_MAGIC)));
  EXPECT_THAT(refusal("test_small"), HasSubstr("descriptor says size 32, this agent's ABI needs at least 144"));
  EXPECT_THAT(refusal("test_large"), HasSubstr("descriptor says size 4000000000"));
  EXPECT_THAT(refusal("test_other_name"), HasSubstr("descriptor says name 'test_c', its note 'test_other_name'"));
  EXPECT_THAT(refusal("test_other_version"), HasSubstr("descriptor says version '9.9', its note '1.2.3'"));
  EXPECT_THAT(refusal("test_other_kind"), HasSubstr("descriptor says kind 2, its note 1"));
  EXPECT_THAT(refusal("test_threading"), HasSubstr("threading 7, this agent knows 1 (serial) and 2 (own_threads)"));
  EXPECT_THAT(refusal("test_no_lifecycle"), HasSubstr("no lifecycle"));
  EXPECT_THAT(refusal("test_no_collector"), HasSubstr("`collector` must be set"));
  EXPECT_THAT(refusal("test_no_create"), HasSubstr("lifecycle table has no create"));
  EXPECT_THAT(refusal("test_no_collect"), HasSubstr("collector table has no collect"));
  EXPECT_THAT(refusal("test_field_type"), AllOf(HasSubstr("value"), HasSubstr("77")));
  EXPECT_THAT(refusal("test_null_descriptor"), HasSubstr("returned null"));
  EXPECT_THAT(refusal("test_magic"), ::testing::StartsWith(test_plugin("test_magic").string() + ": "));
}

TEST(Library, LoadsANewerMinorAndWhatCWrote) {
  EXPECT_EQ(refusal("test_abi_minor"), "(no error)");
  EXPECT_EQ(refusal("test_c"), "(no error)");
}

TEST(Library, RefusesAnObjectThatTheLoaderRefuses) {
  const TestStage test;
  auto staged = test.stage.stage(test_plugin("test_c"), "x", 1);
  ASSERT_TRUE(staged) << message_of(staged);
  fs::remove(staged->path);
  EXPECT_THAT(message_of(Library::load(*staged)), AllOf(HasSubstr("the loader refuses it"), HasSubstr("No such file")));
}

TEST(Library, UnloadsAndProvesIt) {
  const TestStage test;
  const auto before = loader_counts();
  auto library = test.load(test_plugin("test_collector"));
  ASSERT_TRUE(library) << message_of(library);
  const fs::path staged = (*library)->file().path;
  EXPECT_EQ(loader_counts().mapped(), before.mapped() + 1);
  EXPECT_TRUE(unload(std::move(*library)));
  EXPECT_EQ(loader_counts().mapped(), before.mapped());
  EXPECT_FALSE(is_mapped(staged));
  EXPECT_FALSE(fs::exists(staged));
}

TEST(Library, TellsWhoKeepsItLoaded) {
  const TestStage test;
  auto library = test.load(test_plugin("test_collector"));
  ASSERT_TRUE(library) << message_of(library);
  const auto holder = *library;
  EXPECT_THAT(message_of(unload(std::move(*library))), HasSubstr("1 more"));
}

TEST(Library, TellsWhatStaysMappedAlthoughItWasClosed) {
  const TestStage test;
  auto staged = test.stage.stage(test_plugin("test_c"), "x", 1);
  ASSERT_TRUE(staged) << message_of(staged);
  auto library = Library::load(*staged);
  ASSERT_TRUE(library) << message_of(library);
  // A second handle stands for whatever else may keep an object: a dependant, a thread's thread_local objects.
  void* const again = ::dlopen(staged->path.c_str(), RTLD_NOW | RTLD_LOCAL);
  ASSERT_NE(again, nullptr);
  EXPECT_THAT(message_of(unload(std::move(*library))), HasSubstr("stays mapped"));
  ::dlclose(again);
  EXPECT_FALSE(is_mapped(staged->path));
}

// Facts of the loader that staging is there for. Each of these goes wrong when the user's file itself is loaded.

TEST(Staging, SeesAFileReplacedByRenameWhileTheOldOneIsLoaded) {
  const TestStage test;
  const TempFolder temp;
  fs::copy_file(test_plugin("test_c"), temp / "test_c.so");
  const auto old = test.load(temp / "test_c.so", 1);
  ASSERT_TRUE(old) << message_of(old);
  // Another build of the same plugin: the same bytes and one more, which no table covers.
  auto image = read_all(test_plugin("test_c"));
  image.push_back(std::byte{0});
  write_all(temp / "new", image);
  fs::rename(temp / "new", temp / "test_c.so");
  const auto fresh = test.load(temp / "test_c.so", 2);
  ASSERT_TRUE(fresh) << message_of(fresh);
  EXPECT_NE((*old)->file().sha256, (*fresh)->file().sha256);
  EXPECT_NE(&(*old)->descriptor(), &(*fresh)->descriptor()) << "the old code came back";
}

TEST(Staging, SeesThroughASymlinkToTheSameFile) {
  const TestStage test;
  const TempFolder temp;
  fs::copy_file(test_plugin("test_c"), temp / "test_c.so");
  fs::create_directories(temp / "linked");
  fs::create_symlink(temp / "test_c.so", temp / "linked/test_c.so");
  const auto first = test.load(temp / "test_c.so", 1);
  const auto second = test.load(temp / "linked/test_c.so", 2);
  ASSERT_TRUE(first) << message_of(first);
  ASSERT_TRUE(second) << message_of(second);
  EXPECT_NE(&(*first)->descriptor(), &(*second)->descriptor()) << "one object stands for both generations";
}

TEST(Staging, OutlivesAFileOverwrittenOrCutInPlace) {
  const TestStage test;
  const TempFolder temp;
  fs::copy_file(test_plugin("test_collector"), temp / "test_collector.so");
  const auto library = test.load(temp / "test_collector.so");
  ASSERT_TRUE(library) << message_of(library);
  fs::resize_file(temp / "test_collector.so", 100);
  EXPECT_EQ(static_instances(*library), "1");
  fs::copy_file(test_plugin("test_c"), temp / "test_collector.so", fs::copy_options::overwrite_existing);
  EXPECT_EQ(static_instances(*library), "2");
}

TEST(Staging, KeepsStaticsOfGenerationsApart) {
  const TestStage test;
  const auto first = test.load(test_plugin("test_collector"), 1);
  ASSERT_TRUE(first) << message_of(first);
  EXPECT_EQ(static_instances(*first), "1");
  EXPECT_EQ(static_instances(*first), "2");
  const auto second = test.load(test_plugin("test_collector"), 2);
  ASSERT_TRUE(second) << message_of(second);
  EXPECT_EQ(static_instances(*second), "1") << "state bled from one generation into the next";
  EXPECT_EQ(static_instances(*first), "3");
}

TEST(Staging, BindsAtLoadAndNotLater) {
  const TestStage test;
  const TempFolder temp;
  // A plugin that needs a symbol nobody has: its import of a C library function is renamed in place.
  auto image = read_all(test_plugin("test_collector"));
  const std::string_view name = "__cxa_begin_catch";
  auto* const begin = reinterpret_cast<char*>(image.data());
  auto* const found = std::search(begin, begin + image.size(), name.begin(), name.end());
  ASSERT_NE(found, begin + image.size());
  found[name.size() - 1] = 'Z';
  write_all(temp / "test_collector.so", image);
  EXPECT_THAT(message_of(test.load(temp / "test_collector.so")), HasSubstr("undefined symbol: __cxa_begin_catcZ"));
}

}  // namespace

}  // namespace sentinel::plugin
