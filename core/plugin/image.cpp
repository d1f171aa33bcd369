#include "core/plugin/image.hpp"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

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

struct Digest {
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
  unsigned int size = 0;
};

std::string text_of(const Digest& digest) {
  std::string text;
  text.reserve(std::size_t{2} * digest.size);
  for (unsigned int i = 0; i < digest.size; ++i) {
    text += "0123456789abcdef"[digest.bytes[i] >> 4U];
    text += "0123456789abcdef"[digest.bytes[i] & 15U];
  }
  return text;
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

/// The content as a whole.
class Kept {
 public:
  explicit Kept(std::size_t size) : bytes_(size) {}
  [[nodiscard]] std::span<std::byte> room() { return std::span(bytes_).subspan(filled_); }
  void take(std::size_t size) { filled_ += size; }
  [[nodiscard]] std::vector<std::byte> result() { return std::move(bytes_); }

 private:
  std::vector<std::byte> bytes_;
  std::size_t filled_ = 0;
};

/// Its SHA-256 alone: no memory for it is asked for, which would cost more than the hash.
class Hashed {
 public:
  explicit Hashed(std::size_t /*size*/) : context_(::EVP_MD_CTX_new(), &::EVP_MD_CTX_free), piece_(piece_size) {
    // As sha256(): cannot fail.
    if (context_ == nullptr || ::EVP_DigestInit_ex(context_.get(), ::EVP_sha256(), nullptr) != 1) std::abort();
  }
  [[nodiscard]] std::span<std::byte> room() { return piece_; }
  void take(std::size_t size) {
    if (::EVP_DigestUpdate(context_.get(), piece_.data(), size) != 1) std::abort();
  }
  [[nodiscard]] std::string result() {
    Digest digest;
    if (::EVP_DigestFinal_ex(context_.get(), digest.bytes.data(), &digest.size) != 1) std::abort();
    return text_of(digest);
  }

 private:
  static constexpr std::size_t piece_size = std::size_t{128} << 10U;
  std::unique_ptr<EVP_MD_CTX, decltype(&::EVP_MD_CTX_free)> context_;
  std::vector<std::byte> piece_;
};

/// One reading; nothing when the file changed meanwhile. `modified_ns` becomes its mtime.
template <typename Content>
Result<std::optional<Content>> read_once(const fs::path& file, std::int64_t& modified_ns) {
  const Fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd) return cannot("open", file, errno);
  struct stat before = {};
  if (::fstat(fd.get(), &before) != 0) return cannot("look at", file, errno);
  if (const auto kind = check_kind(file, before); !kind) return kind.error();
  auto left = static_cast<std::size_t>(before.st_size);
  Content content(left);
  while (left > 0) {
    const auto room = content.room();
    const ssize_t got = ::read(fd.get(), room.data(), std::min(room.size(), left));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return cannot("read", file, errno);
    if (got == 0) return std::optional<Content>();
    content.take(static_cast<std::size_t>(got));
    left -= static_cast<std::size_t>(got);
  }
  struct stat after = {};
  if (::stat(file.c_str(), &after) != 0 || !unchanged(before, after) || restless(after)) {
    return std::optional<Content>();
  }
  modified_ns = nanoseconds(before.st_mtim);
  return std::optional<Content>(std::move(content));
}

template <typename Content>
Result<Content> read_steady(const fs::path& file, std::int64_t& modified_ns) {
  for (int attempt = 1;; ++attempt) {
    auto read = read_once<Content>(file, modified_ns);
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

}  // namespace

Result<FileImage> read_image(const fs::path& file) {
  FileImage image;
  auto content = read_steady<Kept>(file, image.modified_ns);
  if (!content) return content.error();
  image.bytes = content->result();
  return image;
}

Result<std::string> hash_file(const fs::path& file) {
  std::int64_t modified_ns = 0;
  auto content = read_steady<Hashed>(file, modified_ns);
  if (!content) return content.error();
  return content->result();
}

std::string sha256(std::span<const std::byte> bytes) {
  Digest digest;
  // Cannot fail: SHA-256 is in every provider, and nothing is allocated that an agent could go on without.
  if (::EVP_Digest(bytes.data(), bytes.size(), digest.bytes.data(), &digest.size, ::EVP_sha256(), nullptr) != 1) {
    std::abort();
  }
  return text_of(digest);
}

}  // namespace sentinel::plugin
