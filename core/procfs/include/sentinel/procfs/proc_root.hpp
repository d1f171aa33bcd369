#pragma once

#include <sentinel/procfs/buffer.hpp>
#include <sentinel/procfs/unique_fd.hpp>
#include <sentinel/result.hpp>
#include <string>
#include <string_view>
#include <utility>

namespace sentinel::procfs {

/// A directory laid out as proc(5): /proc itself, a host's /proc mounted in a container, or a fixture tree of a test.
/// Move-only. The const members may be called by several threads at once, each with its own Buffer.
///
/// Errors of every call that touches the tree: not_found (ENOENT, ENOTDIR, ESRCH), permission (EACCES, EPERM),
/// unsupported (EOPNOTSUPP: pressure files of a kernel without psi=1), exhausted (beyond the buffer's limit, or out of
/// file descriptors), failed for the rest. The message holds the full path, the system's text and a cure.
class Root {
 public:
  /// Opens the directory itself, reading nothing (O_PATH).
  static Result<Root> open(std::string path);

  /// The whole file at `relative` ("net/tcp"). The view lives in `buffer` until its next use. Allocates nothing once
  /// the buffer is large enough. Beside the errors above: invalid_argument when `relative` is empty, absolute or longer
  /// than 255 bytes.
  Result<std::string_view> read(std::string_view relative, Buffer& buffer) const;

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  /// The directory's O_PATH descriptor, owned by this object: for openat().
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }

  /// path() and `relative` joined, for messages.
  [[nodiscard]] std::string full_path(std::string_view relative) const;

 private:
  Root(std::string path, UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}

  std::string path_;
  UniqueFd fd_;
};

}  // namespace sentinel::procfs
