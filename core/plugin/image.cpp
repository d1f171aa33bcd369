#include "core/plugin/image.hpp"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <optional>
#include <system_error>
#include <thread>

#include "core/plugin/fd.hpp"

namespace sentinel::plugin {

namespace fs = std::filesystem;

namespace {

constexpr std::int64_t largest_file = 256LL << 20U;
constexpr int most_attempts = 10;
constexpr auto pause_between_attempts = std::chrono::milliseconds(25);
/// The kernel's clock for file times advances once a tick, 10 ms at the longest: a write less than that ago may be
/// followed by one that leaves the same time.
constexpr std::int64_t restless_ns = 20'000'000;
constexpr std::int64_t second_ns = 1'000'000'000;

Error cannot(std::string_view what, const fs::path& file, int error) {
  const Errc code = error == ENOENT || error == ENOTDIR ? Errc::not_found
                    : error == EACCES || error == EPERM ? Errc::permission
                                                        : Errc::failed;
  return {code, "cannot " + std::string(what) + " " + file.string() + ": " + std::generic_category().message(error)};
}

bool same(const timespec& a, const timespec& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

/// Whether two looks saw the same content: a write moves a time, a rename the inode.
bool unchanged(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino && a.st_size == b.st_size && same(a.st_mtim, b.st_mtim) &&
         same(a.st_ctim, b.st_ctim);
}

std::int64_t nanoseconds(const timespec& time) {
  return time.tv_sec * second_ns + time.tv_nsec;
}

/// Whether it was written so recently that its times cannot tell the next write from the last.
bool restless(const struct stat& status) {
  timespec now = {};
  ::clock_gettime(CLOCK_REALTIME, &now);
  const std::int64_t age = nanoseconds(now) - nanoseconds(status.st_mtim);
  return age > -restless_ns && age < restless_ns;
}

Result<void> check_kind(const fs::path& file, const struct stat& status) {
  if (S_ISDIR(status.st_mode)) return Error{Errc::invalid_argument, file.string() + " is a folder, not a plugin"};
  if (!S_ISREG(status.st_mode)) return Error{Errc::invalid_argument, file.string() + " is not a regular file"};
  if (status.st_size > largest_file) {
    return Error{Errc::invalid_argument, file.string() + " has " + std::to_string(status.st_size) +
                                             " bytes, more than the 256 MiB that a plugin may have"};
  }
  return {};
}

/// One reading; nothing when the file changed meanwhile.
Result<std::optional<FileImage>> read_once(const fs::path& file) {
  const Fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd) return cannot("open", file, errno);
  struct stat before = {};
  if (::fstat(fd.get(), &before) != 0) return cannot("look at", file, errno);
  if (const auto kind = check_kind(file, before); !kind) return kind.error();
  FileImage image;
  image.bytes.resize(static_cast<std::size_t>(before.st_size));
  std::size_t filled = 0;
  while (filled < image.bytes.size()) {
    const ssize_t got = ::read(fd.get(), image.bytes.data() + filled, image.bytes.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return cannot("read", file, errno);
    if (got == 0) return std::optional<FileImage>();
    filled += static_cast<std::size_t>(got);
  }
  struct stat after = {};
  if (::stat(file.c_str(), &after) != 0 || !unchanged(before, after) || restless(after)) {
    return std::optional<FileImage>();
  }
  image.modified_ns = nanoseconds(before.st_mtim);
  return std::optional<FileImage>(std::move(image));
}

}  // namespace

Result<FileImage> read_image(const fs::path& file) {
  for (int attempt = 1;; ++attempt) {
    auto read = read_once(file);
    if (!read) return read.error();
    if (*read) return std::move(**read);
    if (attempt == most_attempts) {
      return Error{Errc::failed, file.string() +
                                     " is being written to: replace plugins by rename (install or mv), and "
                                     "reload when that is done"};
    }
    std::this_thread::sleep_for(pause_between_attempts);
  }
}

std::string sha256(std::span<const std::byte> bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  // Cannot fail: SHA-256 is in every provider, and nothing is allocated that an agent could go on without.
  if (::EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, ::EVP_sha256(), nullptr) != 1) std::abort();
  std::string text;
  text.reserve(std::size_t{2} * size);
  for (unsigned int i = 0; i < size; ++i) {
    text += "0123456789abcdef"[digest[i] >> 4U];
    text += "0123456789abcdef"[digest[i] & 15U];
  }
  return text;
}

}  // namespace sentinel::plugin
