#include "core/config/file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <system_error>

namespace sentinel::config {

namespace {

class File {
 public:
  explicit File(const std::filesystem::path& path)
      : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

Error from_errno(int error) {
  if (error == ENOENT || error == ENOTDIR) return {Errc::not_found, "does not exist"};
  if (error == EACCES || error == EPERM) return {Errc::permission, "may not be read by the user that runs this"};
  return {Errc::failed, "cannot be read: " + std::generic_category().message(error)};
}

}  // namespace

Result<std::string> read_text_file(const std::filesystem::path& path) {
  if (path.native().find('\0') != std::string::npos) return Error{Errc::invalid_argument, "the path holds a NUL"};
  const File file(path);
  if (file.get() < 0) return from_errno(errno);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return from_errno(errno);
  if (S_ISDIR(status.st_mode)) return Error{Errc::invalid_argument, "is a directory"};
  if (!S_ISREG(status.st_mode)) return Error{Errc::invalid_argument, "is no regular file"};
  std::string text;
  std::array<char, 16384> buffer;
  for (;;) {
    const ssize_t got = ::read(file.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return from_errno(errno);
    if (got == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(got));
    if (text.size() > file_limit_bytes) return Error{Errc::exhausted, "is larger than 1 MiB, the most that is read"};
  }
}

std::size_t utf8_length(std::string_view text) {
  const auto byte = [text](std::size_t i) -> unsigned { return static_cast<unsigned char>(text[i]); };
  if (text.empty()) return 0;
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  std::size_t length = 0;
  unsigned point = 0;
  unsigned smallest = 0;
  if ((first & 0xE0U) == 0xC0U) {
    length = 2, point = first & 0x1FU, smallest = 0x80;
  } else if ((first & 0xF0U) == 0xE0U) {
    length = 3, point = first & 0x0FU, smallest = 0x800;
  } else if ((first & 0xF8U) == 0xF0U) {
    length = 4, point = first & 0x07U, smallest = 0x10000;
  }
  if (length == 0 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80U) return 0;
    point = (point << 6U) | (byte(i) & 0x3FU);
  }
  const bool surrogate = point >= 0xD800 && point <= 0xDFFF;
  return point < smallest || point > 0x10FFFF || surrogate ? 0 : length;
}

bool check_text(std::string_view text, const std::string& file, std::vector<Diagnostic>& diagnostics) {
  int line = 1;
  std::size_t line_start = 0;
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const std::size_t length = utf8_length(text.substr(i));
    const bool control = byte < 0x20 ? byte != '\t' && byte != '\n' && byte != '\r' : byte == 0x7F;
    if (length == 0 || control) {
      char name[5];
      std::snprintf(name, sizeof name, "0x%02x", byte);
      add_error(diagnostics, {file, line, static_cast<int>(i - line_start) + 1},
                length == 0 ? std::string("byte ") + name + " is not valid UTF-8; save the file as UTF-8"
                            : std::string("control character ") + name + " is not allowed in a text file");
      return false;
    }
    i += length;
    if (byte == '\n') {
      ++line;
      line_start = i;
    }
  }
  return true;
}

std::filesystem::path beside(const std::filesystem::path& file, const std::filesystem::path& path) {
  return path.is_absolute() ? path : file.parent_path() / path;
}

}  // namespace sentinel::config
