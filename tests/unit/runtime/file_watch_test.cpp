#include "core/runtime/file_watch.hpp"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <string>

#include "tests/support/process.hpp"

namespace sentinel::runtime {
namespace {

namespace fs = std::filesystem;
using sentinel::testing::patience;
using sentinel::testing::TempFolder;
using sentinel::testing::write_text;

class FileWatchTest : public ::testing::Test {
 protected:
  void watch(const fs::path& path) {
    std::optional<std::string> known;
    if (fs::exists(path)) known = sentinel::testing::read_text(path);
    watch(path, std::move(known));
  }

  void watch(const fs::path& path, std::optional<std::string> known) {
    auto opened = FileWatch::open(control_, path, std::move(known), [this] { ++changes_; });
    ASSERT_TRUE(opened) << opened.error().message;
    watch_ = std::move(*opened);
  }

  /// Runs the loop until the next change was told.
  [[nodiscard]] bool told() {
    const int before = changes_;
    const auto until = std::chrono::steady_clock::now() + patience;
    while (changes_ == before && std::chrono::steady_clock::now() < until) {
      control_.run_one_for(std::chrono::milliseconds(50));
    }
    return changes_ > before;
  }

  const TempFolder folder_;
  boost::asio::io_context control_;
  std::unique_ptr<FileWatch> watch_;
  int changes_ = 0;
};

TEST_F(FileWatchTest, SeesAnEditInPlace) {
  write_text(folder_ / ".env", "A=1\n");
  watch(folder_ / ".env");
  write_text(folder_ / ".env", "A=2\n");
  EXPECT_TRUE(told());
}

TEST_F(FileWatchTest, SeesWhatChangedBeforeItWasThere) {
  write_text(folder_ / ".env", "A=2\n");
  watch(folder_ / ".env", "A=1\n");
  EXPECT_TRUE(told());
  watch(folder_ / ".env", std::nullopt);
  EXPECT_TRUE(told()) << "there was no file when the caller looked";
}

TEST_F(FileWatchTest, SeesAReplacementByRenameAgainAndAgain) {
  write_text(folder_ / ".env", "A=1\n");
  watch(folder_ / ".env");
  for (const char* text : {"A=2\n", "A=3\n", "A=4\n"}) {
    write_text(folder_ / "aside", text);
    fs::rename(folder_ / "aside", folder_ / ".env");
    EXPECT_TRUE(told()) << text;
  }
}

TEST_F(FileWatchTest, SeesTheLinkOfAConfigMapMove) {
  fs::create_directories(folder_ / "..one");
  fs::create_directories(folder_ / "..two");
  write_text(folder_ / "..one/.env", "A=1\n");
  write_text(folder_ / "..two/.env", "A=2\n");
  fs::create_symlink("..one", folder_ / "..data");
  fs::create_symlink("..data/.env", folder_ / ".env");
  watch(folder_ / ".env");
  fs::create_symlink("..two", folder_ / "..data_tmp");
  fs::rename(folder_ / "..data_tmp", folder_ / "..data");
  EXPECT_TRUE(told());
  // The folder that the link leads to now is watched too.
  write_text(folder_ / "..two/.env", "A=3\n");
  EXPECT_TRUE(told());
}

TEST_F(FileWatchTest, SeesAFileThatComesAndGoes) {
  watch(folder_ / "later/.env");
  fs::create_directory(folder_ / "later");
  write_text(folder_ / "later/.env", "A=1\n");
  EXPECT_TRUE(told());
  fs::remove(folder_ / "later/.env");
  EXPECT_TRUE(told());
}

TEST_F(FileWatchTest, TakesNoTouchForAChange) {
  write_text(folder_ / ".env", "A=1\n");
  watch(folder_ / ".env");
  fs::last_write_time(folder_ / ".env", fs::file_time_type::clock::now());
  write_text(folder_ / ".env", "A=1\n");
  write_text(folder_ / "neighbour", "B=1\n");
  // A true change after them is the only one told.
  control_.run_for(2 * FileWatch::settle);
  EXPECT_EQ(changes_, 0);
  write_text(folder_ / ".env", "A=2\n");
  EXPECT_TRUE(told());
  EXPECT_EQ(changes_, 1);
}

TEST_F(FileWatchTest, TellsNothingOnceItIsGone) {
  write_text(folder_ / ".env", "A=1\n");
  watch(folder_ / ".env");
  write_text(folder_ / ".env", "A=2\n");
  control_.run_one_for(std::chrono::milliseconds(50));
  watch_.reset();
  control_.restart();
  control_.run_for(2 * FileWatch::settle);
  EXPECT_EQ(changes_, 0);
}

TEST_F(FileWatchTest, SurvivesALoopOfLinks) {
  fs::create_symlink("b", folder_ / "a");
  fs::create_symlink("a", folder_ / "b");
  watch(folder_ / "a", std::nullopt);
  EXPECT_EQ(changes_, 0);
}

}  // namespace
}  // namespace sentinel::runtime
