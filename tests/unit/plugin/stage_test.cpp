#include "core/plugin/stage.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <optional>
#include <thread>

#include "tests/unit/plugin/support.hpp"

namespace sentinel::plugin {

namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using testing::message_of;
using testing::read_all;
using testing::TempFolder;
using testing::test_plugin;
using testing::TestStage;
using testing::write_all;
namespace fs = std::filesystem;

mode_t mode_of(const fs::path& path) {
  struct stat status = {};
  EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
  return status.st_mode & 07777U;
}

TEST(Stage, CopiesUnderAnUnusedName) {
  const TestStage test;
  const auto staged = test.stage.stage(test_plugin("test_c"), "cpu", 7);
  ASSERT_TRUE(staged) << message_of(staged);
  EXPECT_EQ(staged->source, test_plugin("test_c"));
  EXPECT_EQ(staged->sha256.size(), 64U);
  EXPECT_EQ(staged->path, test.stage.folder() / ("cpu.7." + staged->sha256.substr(0, 12) + ".so"));
  EXPECT_EQ(read_all(staged->path), read_all(test_plugin("test_c")));
  EXPECT_EQ(staged->size, fs::file_size(test_plugin("test_c")));
  EXPECT_EQ(staged->elf.note->name, "test_c");
  EXPECT_GT(staged->modified_ns, 1'500'000'000'000'000'000);
  EXPECT_EQ(mode_of(test.stage.folder()), 0700U);
  EXPECT_EQ(mode_of(staged->path) & 0077U, 0U);
}

TEST(Stage, KnowsSha256) {
  const std::string text = "abc";
  EXPECT_EQ(sha256(std::as_bytes(std::span(text))), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Stage, HashesAFileAsItsImage) {
  const TempFolder temp;
  for (const std::size_t size : {0, 1, 128 * 1024, 128 * 1024 + 1, 1'000'000}) {
    const fs::path file = temp / "file";
    write_all(file, std::vector<std::byte>(size, std::byte{7}));
    const auto image = read_image(file);
    const auto hash = hash_file(file);
    ASSERT_TRUE(image && hash) << size;
    EXPECT_EQ(*hash, sha256(image->bytes)) << size;
  }
  EXPECT_EQ(hash_file(temp / "missing").error().code, Errc::not_found);
}

TEST(Stage, ReducesTheInstanceToAFileName) {
  const TestStage test;
  const auto staged = test.stage.stage(test_plugin("test_c"), "../a b/ü", 1);
  ASSERT_TRUE(staged) << message_of(staged);
  EXPECT_THAT(staged->path.filename().string(), ::testing::StartsWith("___a_b___."));
  EXPECT_EQ(staged->path.parent_path(), test.stage.folder());
}

TEST(Stage, GivesNoNameTwice) {
  const TestStage test;
  const auto first = test.stage.stage(test_plugin("test_c"), "cpu", 1);
  ASSERT_TRUE(first) << message_of(first);
  EXPECT_THAT(message_of(test.stage.stage(test_plugin("test_c"), "cpu", 1)), HasSubstr("File exists"));
}

TEST(Stage, RemovesACopyWithItsLastHolder) {
  const TestStage test;
  fs::path path;
  {
    const auto staged = test.stage.stage(test_plugin("test_c"), "cpu", 1);
    ASSERT_TRUE(staged) << message_of(staged);
    path = staged->path;
    EXPECT_TRUE(fs::exists(path));
  }
  EXPECT_FALSE(fs::exists(path));
}

TEST(Stage, RemovesItsFolder) {
  const TempFolder temp;
  fs::path folder;
  {
    auto stage = Stage::open(temp / "run");
    ASSERT_TRUE(stage) << message_of(stage);
    folder = stage->folder();
    std::ofstream(folder / "left over") << "x";
  }
  EXPECT_FALSE(fs::exists(folder));
}

TEST(Stage, RemovesFoldersOfDeadAgentsAndNoOthers) {
  const TempFolder temp;
  fs::create_directories(temp / "plugins.dead");
  std::ofstream(temp / "plugins.dead/x.so") << "x";
  fs::create_directories(temp / "precious");
  auto living = Stage::open(temp.path());
  ASSERT_TRUE(living) << message_of(living);
  EXPECT_FALSE(fs::exists(temp / "plugins.dead"));
  const auto second = Stage::open(temp.path());
  ASSERT_TRUE(second) << message_of(second);
  EXPECT_TRUE(fs::exists(living->folder())) << "its agent lives";
  EXPECT_NE(living->folder(), second->folder());
  EXPECT_TRUE(fs::exists(temp / "precious"));
}

TEST(Stage, SaysWhenItsParentCannotBeMade) {
  const TempFolder temp;
  std::ofstream(temp / "file") << "x";
  EXPECT_THAT(message_of(Stage::open(temp / "file/run")), HasSubstr((temp / "file/run").string()));
}

TEST(Stage, SaysWhenItsParentIsMountedNoexec) {
  EXPECT_EQ(message_of(check_mount("/x", ST_NOSUID | ST_NODEV)), "(no error)");
  EXPECT_THAT(message_of(check_mount("/x", ST_NOEXEC)),
              AllOf(HasSubstr("/x"), HasSubstr("noexec"), HasSubstr("agent.state_dir")));
}

TEST(Stage, RefusesWhatIsNoPlugin) {
  const TestStage test;
  const TempFolder temp;
  const auto refused = [&](const fs::path& file) { return message_of(test.stage.stage(file, "x", 1)); };
  EXPECT_THAT(refused(temp / "none.so"), AllOf(HasSubstr("none.so"), HasSubstr("No such file")));
  fs::create_directories(temp / "folder.so");
  EXPECT_THAT(refused(temp / "folder.so"), EndsWith("is a folder, not a plugin"));
  std::ofstream(temp / "empty.so").flush();
  EXPECT_THAT(refused(temp / "empty.so"), EndsWith("the file is empty"));
  std::ofstream(temp / "text.so") << "#!/bin/sh\n";
  EXPECT_THAT(refused(temp / "text.so"), HasSubstr("no ELF file"));
  ASSERT_EQ(::mkfifo((temp / "pipe.so").c_str(), 0600), 0);
  EXPECT_THAT(refused(temp / "pipe.so"), EndsWith("is not a regular file"));
  EXPECT_THAT(refused("/dev/zero"), EndsWith("is not a regular file"));
  fs::copy_file(test_plugin("test_c"), temp / "other.so");
  EXPECT_THAT(refused(temp / "other.so"), HasSubstr("rename the file to test_c.so"));
  EXPECT_THAT(refused(test_plugin("test_unique")), HasSubstr("GNU-unique"));
  EXPECT_THAT(refused(test_plugin("test_no_note")), HasSubstr("without a plugin note"));
  EXPECT_THAT(refused(test_plugin("test_no_entry")), HasSubstr("does not export"));
  EXPECT_THAT(refused(test_plugin("test_abi_major")), HasSubstr("this agent speaks 1.2"));
  EXPECT_TRUE(fs::is_empty(test.stage.folder())) << "nothing refused is copied";
}

TEST(Stage, RefusesTruncatedFilesAtEachOf50Offsets) {
  const TestStage test;
  const TempFolder temp;
  const auto image = read_all(test_plugin("test_collector"));
  for (std::size_t i = 0; i < 50; ++i) {
    const std::size_t size = image.size() * i / 50;
    write_all(temp / "test_collector.so", std::span(image).first(size));
    const auto staged = test.stage.stage(temp / "test_collector.so", "x", i);
    ASSERT_FALSE(staged) << size;
    EXPECT_THAT(staged.error().message, ::testing::AnyOf(HasSubstr("truncated"), HasSubstr("empty"))) << size;
  }
}

TEST(Stage, ReadsAgainWhatChangesMeanwhile) {
  const TestStage test;
  const TempFolder temp;
  const auto image = read_all(test_plugin("test_c"));
  const fs::path file = temp / "test_c.so";
  write_all(file, image);
  std::atomic<bool> stop = false;
  // Writes without end, in place: no reading is of one moment.
  std::thread writer([&] {
    const int fd = ::open(file.c_str(), O_WRONLY | O_CLOEXEC);
    while (!stop && fd >= 0) {
      if (::pwrite(fd, image.data(), image.size(), 0) < 0) break;
    }
    ::close(fd);
  });
  std::optional<Result<StagedFile>> refused;
  // A scheduler may let one reading through between two writes.
  for (std::uint64_t i = 0; i < 50 && !refused; ++i) {
    if (auto staged = test.stage.stage(file, "x", i); !staged) refused.emplace(std::move(staged));
  }
  stop = true;
  writer.join();
  ASSERT_TRUE(refused) << "a file that never rests was taken fifty times";
  EXPECT_THAT(message_of(*refused), HasSubstr("is being written to"));
  EXPECT_TRUE(test.stage.stage(file, "x", 100)) << "now it rests";
}

}  // namespace

}  // namespace sentinel::plugin
