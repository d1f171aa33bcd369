#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "core/delivery/book.hpp"
#include "core/delivery/journal.hpp"

namespace sentinel::delivery {

struct OutboxOptions {
  std::filesystem::path file;  ///< its journal
  Protocol protocol = Protocol::webhook;
  std::string url;
  std::size_t most_file_bytes = 16U << 20U;
  BookLimits limits;  ///< protocol and most_bytes are set from the above
  std::string external_url;
  std::function<std::int64_t()> unix_ns;
  std::function<void(std::string problem)> on_problem;  ///< one line a change of state; with the outbox's lock held
};

/// What one receiver is to be told: a book in memory, and on disk the journal that it can be made from again. When the
/// disk does not work it goes on in memory, tries again, and writes all of it when it works. Thread-safe.
class Outbox {
 public:
  /// Reads the journal. One that is damaged is kept beside it, one that cannot be used is replaced; both are told.
  explicit Outbox(OutboxOptions options);

  /// On disk when it returns. Errors: exhausted (no space; something was dropped, perhaps this), invalid_argument
  /// (larger than 64 KiB without its annotations), failed (on no disk, but it will be posted), not_found (closed).
  Result<void> submit(std::span<const Notification> notifications);

  struct Post {
    std::string body;  ///< empty: nothing to post now
    std::vector<Settled> sent;
  };
  /// The next post, of at most `most` notifications.
  Post next(std::size_t most, SteadyTime now);
  void taken(std::vector<Settled> sent, SteadyTime now);
  void refused(std::vector<Settled> sent, SteadyTime now);
  /// Tries to get back to disk if it is not there.
  void recover();

  /// No file is touched afterwards.
  void close();

  struct Counts {
    std::size_t waiting = 0;
    std::uint64_t delivered = 0;
    std::uint64_t dropped = 0;
  };
  [[nodiscard]] Counts counts() const;
  [[nodiscard]] std::vector<Notification> firing() const;
  [[nodiscard]] std::optional<SteadyTime> next_due() const;
  [[nodiscard]] bool on_disk() const;

 private:
  void load();
  void replay(std::string_view payload, std::size_t& strange);
  void settle(std::vector<Settled>& sent, bool refused, SteadyTime now);
  [[nodiscard]] std::string snapshot() const;
  Result<void> rewrite();
  Result<void> record(std::string_view frames, std::uint64_t& ticket);
  Error lost_disk(const Error& why);

  OutboxOptions options_;
  mutable std::mutex mutex_;
  Book book_;
  Journal journal_;
  bool closed_ = false;
  bool on_disk_ = true;
  std::size_t next_rewrite_bytes_ = 0;
  SteadyTime next_try_;
};

}  // namespace sentinel::delivery
