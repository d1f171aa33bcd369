#include "core/plugin/find.hpp"

#include <gmock/gmock.h>

#include "tests/unit/plugin/support.hpp"

namespace sentinel::plugin {

namespace {

using ::testing::HasSubstr;
using testing::message_of;
using testing::TempFolder;
namespace fs = std::filesystem;

void touch(const fs::path& file) {
  fs::create_directories(file.parent_path());
  std::ofstream(file) << "x";
}

TEST(Find, TakesTheFirstFolderThatHasIt) {
  const TempFolder temp;
  touch(temp / "a/other.so");
  touch(temp / "b/proc_cpu.so");
  touch(temp / "c/proc_cpu.so");
  const std::vector<fs::path> path = {temp / "a", temp / "b", temp / "c"};
  const auto found = find("proc_cpu", path);
  ASSERT_TRUE(found) << message_of(found);
  EXPECT_EQ(*found, temp / "b/proc_cpu.so");
}

TEST(Find, NamesThePlacesAndTheNearMiss) {
  const TempFolder temp;
  touch(temp / "a/proc_cpu.so");
  const std::vector<fs::path> path = {temp / "a", temp / "missing"};
  const auto found = find("proc_cpus", path);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Errc::not_found);
  EXPECT_THAT(found.error().message,
              AllOf(HasSubstr((temp / "a/proc_cpus.so").string()), HasSubstr((temp / "missing/proc_cpus.so").string()),
                    HasSubstr("did you mean \"proc_cpu\"?")));
}

TEST(Find, SaysSoWhenThereIsNoFolder) {
  EXPECT_THAT(message_of(find("proc_cpu", {})), HasSubstr("plugin_path is empty"));
}

TEST(Find, RefusesNamesThatAreNone) {
  for (const std::string_view name : {"", "../x", "Proc", "1cpu", "a-b", "a.so", "_a"}) {
    EXPECT_FALSE(is_plugin_name(name)) << name;
    EXPECT_THAT(message_of(find(name, {})), HasSubstr("no plugin name")) << name;
  }
  EXPECT_TRUE(is_plugin_name(std::string(47, 'a')));
  EXPECT_FALSE(is_plugin_name(std::string(48, 'a')));
}

TEST(Find, ListsEachNameOnce) {
  const TempFolder temp;
  touch(temp / "a/beta.so");
  touch(temp / "b/beta.so");
  touch(temp / "b/alpha.so");
  touch(temp / "b/notes.txt");
  touch(temp / "b/No.so");
  fs::create_directories(temp / "b/folder.so");
  const std::vector<fs::path> path = {temp / "a", temp / "missing", temp / "b"};
  EXPECT_THAT(list(path), ::testing::ElementsAre(temp / "b/alpha.so", temp / "a/beta.so"));
}

}  // namespace

}  // namespace sentinel::plugin
