// Every plugin that ships, and every clean one of the tests, is loaded and unloaded again and again in one process, and
// nothing of it may stay: by the loader's own counts, and by what is mapped.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

#include "core/config/schema.hpp"
#include "core/plugin/abi_config.hpp"
#include "core/plugin/call.hpp"
#include "core/plugin/find.hpp"
#include "core/plugin/recording_host.hpp"
#include "tests/unit/plugin/support.hpp"

namespace sentinel::plugin {

namespace {

using testing::message_of;
using testing::TestStage;
namespace fs = std::filesystem;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool sanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif
#else
constexpr bool sanitized = false;
#endif

/// A sanitizer keeps memory for each object that was ever loaded, and takes its time.
constexpr std::uint64_t rounds = sanitized ? 100 : 1000;

/// One life of a plugin: staged, loaded, an instance with the default configuration when there can be one, unloaded.
void live(const Stage& stage, const fs::path& file, std::uint64_t generation) {
  auto staged = stage.stage(file, "swapped", generation);
  ASSERT_TRUE(staged) << message_of(staged);
  auto library = Library::load(std::move(*staged));
  ASSERT_TRUE(library) << message_of(library);
  const auto fields = config::read_schema((*library)->descriptor().fields, (*library)->descriptor().field_count);
  ASSERT_TRUE(fields) << message_of(fields);
  std::vector<config::Diagnostic> mistakes;
  const AbiConfig config(config::resolve(config::Value{}, *fields, "the test", mistakes));
  if (mistakes.empty()) {
    const RecordingHost host;
    auto instance = Instance::create(*library, host.raw(), config.raw());
    ASSERT_TRUE(instance) << message_of(instance);
    const auto started = instance->start();
    if (!started) {
      // A collector by eBPF, where the process may not.
      ASSERT_EQ(started.error().code, Errc::permission) << started.error().message;
    }
    ASSERT_TRUE(instance->stop());
  }
  const auto unloaded = unload(std::move(*library));
  ASSERT_TRUE(unloaded) << message_of(unloaded);
}

/// A life of a collector by eBPF is mostly the kernel's: it verifies its programs each time.
std::uint64_t rounds_of(const fs::path& file) {
  const auto name = file.stem().string();
  return name.starts_with("ebpf_") || name == "proc_tcp" || name == "proc_zombie" ? 20 : rounds;
}

void live_often(const fs::path& file) {
  SCOPED_TRACE(file.string());
  const std::uint64_t lives = rounds_of(file);
  const TestStage test;
  const auto before = loader_counts();
  for (std::uint64_t generation = 1; generation <= lives; ++generation) {
    live(test.stage, file, generation);
    if (::testing::Test::HasFatalFailure()) return;
  }
  const auto after = loader_counts();
  EXPECT_EQ(after.mapped(), before.mapped()) << "objects stayed mapped";
  EXPECT_GE(after.adds - before.adds, lives) << "the same object was given again";
  EXPECT_FALSE(is_mapped(test.stage.folder()));
  EXPECT_TRUE(fs::is_empty(test.stage.folder()));
}

TEST(Unload, EveryShippedPluginLeavesNothingBehind) {
  const std::vector<fs::path> folder = {fs::path(SENTINEL_BINARY_DIR) / "plugins"};
  const auto shipped = list(folder);
  ASSERT_FALSE(shipped.empty()) << folder.front() << " holds no plugin: build them first";
  for (const auto& file : shipped) live_often(file);
}

TEST(Unload, CleanTestPluginsLeaveNothingBehind) {
  for (const auto* name : {"test_collector", "test_sink", "test_misbehaves", "test_c"}) {
    live_often(testing::test_plugin(name));
  }
}

TEST(Unload, ARefusedPluginLeavesNothingBehind) {
  const TestStage test;
  const auto before = loader_counts();
  for (const auto* name : {"test_magic", "test_no_create", "test_null_descriptor"}) {
    EXPECT_FALSE(test.load(testing::test_plugin(name))) << name;
  }
  EXPECT_EQ(loader_counts().mapped(), before.mapped());
  EXPECT_GE(loader_counts().adds, before.adds + 3);
  EXPECT_FALSE(is_mapped(test.stage.folder()));
}

}  // namespace

}  // namespace sentinel::plugin
