#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <sentinel/result.hpp>
#include <string>
#include <string_view>

#include "core/delivery/fd.hpp"

namespace sentinel::delivery {

/// What scan() found.
struct Scan {
  bool is_journal = false;          ///< it begins as one does
  std::size_t entries = 0;          ///< whole ones
  std::size_t damaged_bytes = 0;    ///< what belongs to no whole entry
  bool damaged_before_end = false;  ///< a whole entry comes after some of them: no write cut short, but damage
};

/// What a journal file begins with.
[[nodiscard]] std::string_view journal_heading();
/// An entry as it stands in the file: a mark, length and CRC-32, then the payload.
void append_frame(std::string& out, std::string_view payload);
/// Calls `visit` with each whole entry's payload, in order. After a damaged one it goes on at the next that is whole.
Scan scan(std::string_view file, const std::function<void(std::string_view payload)>& visit);

/// A file that grows by whole entries and is replaced by a shorter one now and then. After kill -9 at any moment it
/// holds what was appended, except perhaps the end of the last write. Calls must not overlap, but for sync().
class Journal {
 public:
  explicit Journal(std::filesystem::path file) : file_(std::move(file)) {}

  /// The whole file; empty when there is none. Errors: failed, permission, exhausted (larger than `most_bytes`).
  [[nodiscard]] Result<std::string> read(std::size_t most_bytes) const;
  /// Goes on appending to the file as it is. Errors: failed, permission.
  Result<void> resume();
  /// Writes frames at the end; what was written of them in a failed attempt is taken away again. Returns a ticket for
  /// sync(). Errors: failed; also when neither resume() nor replace() went well before.
  Result<std::uint64_t> append(std::string_view frames);
  /// Makes the file hold the heading and these frames, all or nothing, and durable at once. Errors: failed.
  Result<void> replace(std::string_view frames);
  /// Returns when what append() gave the ticket for is on the disk; callers of the same time share one fdatasync(2).
  /// Thread-safe. Errors: failed.
  Result<void> sync(std::uint64_t ticket);
  /// Puts the file beside under the same name with ".damaged" added, in place of an earlier one.
  void set_aside();
  void close();

  [[nodiscard]] bool is_open() const { return static_cast<bool>(fd_); }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  [[nodiscard]] const std::filesystem::path& file() const { return file_; }

 private:
  [[nodiscard]] Error failure(std::string_view what, int error) const;
  Result<void> write_beside(const std::filesystem::path& beside, std::string_view frames, Fd& fd) const;
  void use(Fd fd, std::size_t bytes);

  std::filesystem::path file_;
  Fd fd_;  // changed with both the caller's exclusion and sync_mutex_
  std::size_t bytes_ = 0;
  std::atomic<std::uint64_t> written_ = 0;
  std::mutex sync_mutex_;
  std::uint64_t synced_ = 0;
};

}  // namespace sentinel::delivery
