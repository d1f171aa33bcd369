#pragma once

#include <cstddef>
#include <sentinel/result.hpp>
#include <string_view>
#include <vector>

namespace sentinel::procfs {

/// Memory that whole-file reads reuse: it grows to the largest file that it has held, then reads allocate nothing.
/// One buffer serves one thread at a time, and one text: the next read into it ends the view that the last one gave.
class Buffer {
 public:
  static constexpr std::size_t default_limit_bytes = std::size_t{256} << 20;

  /// A file of `limit_bytes` or more is refused.
  explicit Buffer(std::size_t limit_bytes = default_limit_bytes) : limit_bytes_(limit_bytes) {}

  [[nodiscard]] std::size_t limit_bytes() const noexcept { return limit_bytes_; }
  [[nodiscard]] std::size_t capacity_bytes() const noexcept { return bytes_.size(); }
  [[nodiscard]] char* data() noexcept { return bytes_.data(); }

  /// Doubles the capacity, at least to one page, at most to the limit; false when the limit is reached.
  bool grow();

 private:
  std::vector<char> bytes_;
  std::size_t limit_bytes_;
};

/// Reads what is left of `fd`, up to its end, into `buffer`. `path` is for the message alone.
/// Errors: as error_from_errno(); exhausted when the file is as large as the buffer's limit.
Result<std::string_view> read_all(int fd, std::string_view path, Buffer& buffer);

/// The Error for a call on `path` that failed with `error_number`, with the full path, the system's text and a cure:
/// not_found (ENOENT, ENOTDIR, ESRCH), permission (EACCES, EPERM), unsupported (EOPNOTSUPP), failed for the rest.
/// `action` completes "cannot …".
Error error_from_errno(int error_number, std::string_view action, std::string_view path);

}  // namespace sentinel::procfs
