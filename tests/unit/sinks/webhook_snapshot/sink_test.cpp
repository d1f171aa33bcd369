#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/plugins/rig.hpp"
#include "tests/unit/sinks/webhook_snapshot/host.hpp"

namespace snapshot_test {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

TEST(WebhookSnapshotTest, takes_the_scene_of_this_very_host) {
  const rig::TemporaryFolder folder;
  SinkUnderTest sink({.directory = folder.path() / "made" / "here",
                      .post_to = {"http://127.0.0.1:1/a"},
                      .commands = {"uname -s", "no_such_program"}});
  sink.remember("sentinel_memory_usage", {}, {40, 45, 52, 60, 71, 80, 88, 91.5});
  ASSERT_TRUE(sink.alert(firing("high_memory_usage")));
  ASSERT_TRUE(sink.settled(1));
  const auto snapshot = only_snapshot(folder.path() / "made" / "here");
  if (const char* kept = std::getenv("KEEP_SNAPSHOT"))
    std::filesystem::copy(snapshot, kept, std::filesystem::copy_options::recursive);
  EXPECT_THAT(read(snapshot / "report.md"), HasSubstr("# high\\_memory\\_usage (critical) on web1"));
}

}  // namespace
}  // namespace snapshot_test
