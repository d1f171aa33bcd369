#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sentinel/result.hpp>

namespace sentinel::delivery {

/// An alert as it is told. Times are Unix nanoseconds.
struct Notification {
  std::uint64_t fingerprint = 0;
  bool firing = true;
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> annotations;
  std::int64_t starts_at_ns = 0;
  std::int64_t ends_at_ns = 0;  ///< 0 while it fires
};

enum class Protocol {
  webhook,       ///< Alertmanager's webhook, version 4: what happened, in order
  alertmanager,  ///< Alertmanager's /api/v2/alerts: what fires, told again each minute
};

/// Where alerts are posted to. Two of the same protocol and URL are the same receiver: what is undelivered goes to
/// whichever of them is there. Files are read again for each post.
struct Receiver {
  Protocol protocol = Protocol::webhook;
  std::string url;  ///< http or https
  std::filesystem::path ca_file;
  std::filesystem::path bearer_token_file;
  std::string username;
  std::filesystem::path password_file;
};

/// Checks URL and files. Errors: invalid_argument, with what to write.
[[nodiscard]] Result<void> check(const Receiver& receiver);

/// What became of one receiver's posts, since the start of the agent.
struct ReceiverStats {
  std::string name;  ///< protocol and URL, without credentials and query
  bool up = true;    ///< its last post went well
  std::uint64_t pending = 0;
  std::uint64_t delivered = 0;  ///< notifications
  std::uint64_t dropped = 0;    ///< too old, too many, or refused for good (4xx)
  std::uint64_t retries = 0;
  std::string last_error;
  std::int64_t last_success_unix_ns = 0;
};

struct CourierOptions {
  std::filesystem::path spool;                                  ///< its folder, made 0700; in agent.state_dir
  std::size_t spool_bytes = 16U << 20U;                         ///< of one receiver; what waits may fill half of it
  std::size_t most_notifications = 20'000;                      ///< of one receiver
  std::chrono::nanoseconds oldest = std::chrono::hours(1);      ///< of the history of a webhook
  std::chrono::nanoseconds resend = std::chrono::minutes(1);    ///< of what fires, to an Alertmanager
  std::chrono::nanoseconds timeout = std::chrono::seconds(10);  ///< of one post
  std::chrono::nanoseconds first_backoff = std::chrono::milliseconds(500);
  std::chrono::nanoseconds longest_backoff = std::chrono::seconds(30);
  std::string external_url;  ///< of this agent, in the bodies
  std::function<std::int64_t()> unix_ns;
  std::function<void(std::string_view problem)> on_problem;  ///< one line a change of state; called on its thread
};

/// Brings alerts to receivers: from a spool on disk, on a thread of its own, again until they took it. Thread-safe.
class Courier {
 public:
  /// Makes the spool's folder and starts the thread; a receiver's part of the spool is read by add(). What is damaged
  /// of it is left out and told, and kept beside it. A disk that is full or read-only is told, and no error. Errors:
  /// failed (another process uses it, no folder), permission (others may write to it).
  static Result<std::unique_ptr<Courier>> open(CourierOptions options);
  ~Courier();
  Courier(const Courier&) = delete;
  Courier& operator=(const Courier&) = delete;

  using ReceiverId = std::uint32_t;
  /// From now on posts go there; to one that is there already, with the credentials of the last that was added. Reads
  /// what waits for it in the spool. Errors: those of check().
  Result<ReceiverId> add(const Receiver& receiver);
  /// Nothing is posted there any more; what is undelivered waits in the spool for the same receiver to come again.
  void remove(ReceiverId id);

  /// On disk when it returns, posted as soon as the receiver takes it. One that was submitted before (fingerprint,
  /// start, state, annotations) is ignored. Waits for the disk once, so what comes together is best submitted together.
  /// Annotations beyond 8 KiB each, 64 KiB an alert, are cut. Errors: not_found, exhausted (the spool is full: the
  /// oldest went first, or this was left out when all of it fires), failed (disk; it is posted from memory all the
  /// same), invalid_argument (labels beyond 64 KiB).
  Result<void> submit(ReceiverId id, std::span<const Notification> notifications);
  Result<void> submit(ReceiverId id, const Notification& notification) { return submit(id, {&notification, 1}); }

  /// What the receiver was told, or is to be told, as firing: also by an earlier process, whose alerts somebody must
  /// resolve if they do not fire any more. Empty for an unknown id.
  [[nodiscard]] std::vector<Notification> firing(ReceiverId id) const;

  /// POSTs an empty body to `url` until it answers 2xx; calls for the same URL while one waits are one. Of a URL that
  /// is none, or of more than 64, posts() tells.
  void post_until_taken(const std::string& url);

  /// Posts what is pending for at most that long, each receiver until its first failure, then ends its thread. The
  /// spool keeps the rest.
  void stop(std::chrono::nanoseconds timeout);

  [[nodiscard]] std::vector<ReceiverStats> stats() const;
  /// Of post_until_taken(), by URL.
  struct PostStats {
    std::string url;
    bool pending = false;
    std::uint64_t succeeded = 0;
    std::uint64_t failed = 0;
    std::string last_error;
  };
  [[nodiscard]] std::vector<PostStats> posts() const;

 private:
  class Impl;
  explicit Courier(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sentinel::delivery
