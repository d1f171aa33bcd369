#pragma once

#include <cstdint>
#include <optional>
#include <sentinel/procfs/unique_fd.hpp>
#include <sentinel/result.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace snapshot {

using sentinel::procfs::UniqueFd;

/// What a snapshot's name says: <time>-<alert>-<fingerprint>.
struct Name {
  std::int64_t time_ns = 0;
  std::string alert;
  std::uint64_t fingerprint = 0;
};
[[nodiscard]] std::string make_name(std::int64_t unix_ns, std::string_view alert, std::uint64_t fingerprint);
/// Nothing for any name that make_name() does not make.
[[nodiscard]] std::optional<Name> parse_name(std::string_view name);

/// A file that is written from front to back through a buffer. The first failure is kept and ends the writing.
class File {
 public:
  File(UniqueFd fd, std::span<char> buffer, std::string name)
      : fd_(std::move(fd)), buffer_(buffer), name_(std::move(name)) {}

  void append(std::string_view bytes);
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  /// Writes what is left; the first error of all writes. Errors: exhausted (disk full, quota), failed.
  sentinel::Result<void> close();

 private:
  void flush();

  UniqueFd fd_;
  std::span<char> buffer_;
  std::string name_;
  std::size_t used_ = 0;
  std::uint64_t bytes_ = 0;
  int error_ = 0;
};

/// A snapshot that is being written, aside and invisible; gone with the object unless it was published.
class Draft {
 public:
  Draft(Draft&&) noexcept = default;
  Draft& operator=(Draft&&) = delete;
  ~Draft();

  /// A new file, and the directories on the way. One at a time: all share a buffer. `relative` is ours, never foreign.
  sentinel::Result<File> create(const std::string& relative);
  sentinel::Result<std::uint64_t> write(const std::string& relative, std::string_view text);
  [[nodiscard]] const std::string& id() const { return id_; }
  [[nodiscard]] std::uint64_t bytes() const;
  /// Everything on disk, then visible under its name. Errors: exhausted, failed.
  sentinel::Result<void> publish();

 private:
  friend class Folder;
  Draft(int base, std::string id, UniqueFd fd, std::span<char> buffer)
      : base_(base), id_(std::move(id)), fd_(std::move(fd)), buffer_(buffer) {}

  int base_;
  std::string id_;
  UniqueFd fd_;  ///< none once published
  std::span<char> buffer_;
  std::vector<std::string> folders_;
  std::vector<std::string> files_;
};

/// The directory of the snapshots. Only what has a snapshot's name is ever looked at or removed. Not thread-safe.
class Folder {
 public:
  explicit Folder(std::string path);

  /// Makes the directory if need be (0700), and removes what a process left half written. To be called again when it
  /// failed. Errors: permission, failed.
  sentinel::Result<void> open();
  [[nodiscard]] const std::string& path() const { return path_; }

  sentinel::Result<Draft> begin(const std::string& id);
  /// Replaces a file of a published snapshot, whole or not at all.
  sentinel::Result<void> replace(const std::string& id, const std::string& file, std::string_view text);
  [[nodiscard]] std::string read(const std::string& id, const std::string& file, std::size_t most_bytes) const;
  [[nodiscard]] bool has(const std::string& id) const;
  /// Names of published snapshots, oldest first.
  [[nodiscard]] std::vector<std::string> list() const;
  /// What a snapshot takes on disk.
  [[nodiscard]] std::uint64_t bytes_of(const std::string& id) const;
  sentinel::Result<void> remove(const std::string& id);
  /// The share of the disk that is free to this process, 0 to 1. Errors: failed.
  sentinel::Result<double> free_ratio() const;

 private:
  std::string path_;
  UniqueFd fd_;
  std::vector<char> buffer_;
};

}  // namespace snapshot
