#include "core/runtime/alert_state.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>

#include "tests/support/process.hpp"

namespace sentinel::runtime {
namespace {

using sentinel::testing::read_text;
using sentinel::testing::TempFolder;
using sentinel::testing::write_text;
using ::testing::HasSubstr;

AlertState state_with_notice() {
  AlertState state;
  state.engine = R"({"alerts":[]})";
  state.next_id = 8;
  Notice notice;
  notice.id = 7;
  notice.labels = {{"alertname", "disk_full"}};
  notice.sinks = {"incident"};
  state.pending.push_back(notice);
  return state;
}

TEST(AlertStateFile, IsReadAsItWasWritten) {
  const TempFolder folder;
  const AlertStateFile file(folder / "alerts.json");
  ASSERT_TRUE(file.save(state_with_notice()));
  const auto read = file.load();
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->engine, R"({"alerts":[]})");
  EXPECT_EQ(read->next_id, 8U);
  ASSERT_EQ(read->pending.size(), 1U);
  EXPECT_EQ(read->pending[0].labels.at("alertname"), "disk_full");
  struct stat entry = {};
  ASSERT_EQ(::stat((folder / "alerts.json").c_str(), &entry), 0);
  EXPECT_EQ(entry.st_mode & 0777U, 0600U);
}

TEST(AlertStateFile, IsEmptyBeforeTheFirstSave) {
  const TempFolder folder;
  const auto read = AlertStateFile(folder / "alerts.json").load();
  ASSERT_TRUE(read);
  EXPECT_TRUE(read->engine.empty());
  EXPECT_EQ(read->next_id, 1U);
}

TEST(AlertStateFile, SetsADamagedOneAside) {
  const TempFolder folder;
  const auto path = folder / "alerts.json";
  const AlertStateFile file(path);
  ASSERT_TRUE(file.save(state_with_notice()));
  const std::string whole = read_text(path);
  for (std::size_t length = 0; length < whole.size(); length += 7) {
    write_text(path, whole.substr(0, length));
    const auto read = file.load();
    ASSERT_FALSE(read) << "cut at " << length;
    EXPECT_THAT(read.error().message, HasSubstr("it is kept as alerts.json.damaged"));
    EXPECT_FALSE(std::filesystem::exists(path));
    EXPECT_TRUE(file.load()) << "the next start begins anew";
  }
  write_text(path, R"({"version":2})");
  EXPECT_THAT(file.load().error().message, HasSubstr("is of version 2, this agent knows 1"));
}

TEST(AlertStateFile, SaysWhyItCannotBeWritten) {
  const TempFolder folder;
  const AlertStateFile file(folder / "missing/alerts.json");
  const auto saved = file.save({});
  ASSERT_FALSE(saved);
  EXPECT_THAT(saved.error().message, HasSubstr("missing/alerts.json.new: cannot write it: No such file or directory"));
}

TEST(WriteAtomically, LeavesTheOldFileWhenItFails) {
  const TempFolder folder;
  const auto path = folder / "rules.yaml";
  ASSERT_TRUE(write_atomically(path, "old", 0644));
  std::filesystem::create_directory(folder / "rules.yaml.new");
  EXPECT_FALSE(write_atomically(path, "new", 0644));
  EXPECT_EQ(read_text(path), "old");
}

}  // namespace
}  // namespace sentinel::runtime
