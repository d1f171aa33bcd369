#include "core/config/file.hpp"

#include <sys/stat.h>

#include "tests/unit/config/support.hpp"

namespace sentinel::config {
namespace {

using testing::HasSubstr;

TEST(ReadTextFile, ReadsAllOfIt) {
  const Folder folder;
  const std::string text(file_limit_bytes, 'a');
  folder.write("a", text);
  const auto read = read_text_file(folder / "a");
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, text);
}

TEST(ReadTextFile, SaysWhyItDoesNot) {
  const Folder folder;
  folder.write("large", std::string(file_limit_bytes + 1, 'a'));
  ASSERT_EQ(::mkfifo((folder / "fifo").c_str(), 0600), 0);
  const std::tuple<std::filesystem::path, Errc, std::string_view> cases[] = {
      {folder / "absent", Errc::not_found, "does not exist"},
      {folder / "large" / "x", Errc::not_found, "does not exist"},
      {folder.path(), Errc::invalid_argument, "is a directory"},
      {folder / "fifo", Errc::invalid_argument, "is no regular file"},
      {"/dev/zero", Errc::invalid_argument, "is no regular file"},
      {folder / "large", Errc::exhausted, "larger than 1 MiB"},
      {folder / std::string("a\0b", 3), Errc::invalid_argument, "NUL"},
      {folder / std::string(300, 'n'), Errc::failed, "cannot be read"},
  };
  for (const auto& [path, code, message] : cases) {
    const auto read = read_text_file(path);
    ASSERT_FALSE(read) << path;
    EXPECT_EQ(read.error().code, code) << path << ": " << read.error().message;
    EXPECT_THAT(read.error().message, HasSubstr(message));
  }
}

TEST(Utf8Length, FollowsRfc3629) {
  const std::pair<std::string_view, std::size_t> cases[] = {
      {"", 0},
      {"a", 1},
      {"ö", 2},
      {"€", 3},
      {"😀", 4},
      {"\xc3", 0},
      {"\xc3(", 0},
      {"\x80", 0},
      {"\xc0\xaf", 0},
      {"\xe0\x80\xaf", 0},
      {"\xed\xa0\x80", 0},
      {"\xf4\x90\x80\x80", 0},
      {"\xf8\x88\x80\x80\x80", 0},
      {"\xff", 0},
      {"\xf0\x9f\x98", 0},
  };
  for (const auto& [text, expected] : cases) EXPECT_EQ(utf8_length(text), expected) << text;
}

TEST(CheckText, PointsAtTheByte) {
  const std::pair<std::string, std::string> cases[] = {
      {"a: 1\nb: \xff\n", "f:2:4: byte 0xff is not valid UTF-8; save the file as UTF-8"},
      {std::string("a\0b", 3), "f:1:2: control character 0x00 is not allowed in a text file"},
      {"a\n\n\x1b[0m", "f:3:1: control character 0x1b is not allowed in a text file"},
      {"\x7f", "f:1:1: control character 0x7f is not allowed in a text file"},
  };
  for (const auto& [text, expected] : cases) {
    std::vector<Diagnostic> diagnostics;
    EXPECT_FALSE(check_text(text, "f", diagnostics));
    ASSERT_EQ(diagnostics.size(), 1U);
    EXPECT_EQ(to_string(diagnostics[0]), expected);
  }
  std::vector<Diagnostic> none;
  EXPECT_TRUE(check_text("a: schön\t# 😀\r\n", "f", none));
  EXPECT_TRUE(none.empty());
}

TEST(Beside, JoinsOnlyRelativePaths) {
  EXPECT_EQ(beside("conf/a.yaml", "b.yaml"), "conf/b.yaml");
  EXPECT_EQ(beside("a.yaml", "b.yaml"), "b.yaml");
  EXPECT_EQ(beside("conf/a.yaml", "/b.yaml"), "/b.yaml");
}

}  // namespace
}  // namespace sentinel::config
