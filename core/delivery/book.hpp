#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "core/delivery/entry.hpp"

namespace sentinel::delivery {

using SteadyTime = std::chrono::steady_clock::time_point;

struct BookLimits {
  Protocol protocol = Protocol::webhook;
  std::size_t most_alerts = 20'000;
  std::size_t most_bytes = 8U << 20U;  ///< as encoded
  std::chrono::nanoseconds oldest = std::chrono::hours(1);
  std::chrono::nanoseconds resend = std::chrono::minutes(1);
};

/// What one receiver knows and is still to be told, in memory. An alert is kept once, in its newest state, so that what
/// waits is merged as it comes:
///  - a newer text of what fires replaces the waiting older one in its place;
///  - a resolved takes the place of its firing that still waits, at the end of the history;
///  - a firing that comes after its own resolved only adds its annotations, if that still waits.
/// A webhook's history goes out in order and is forgotten when too old, except for what fires, and for the end of what
/// the receiver was told fires. An Alertmanager is told the state: what fires again and again, and the end of what it
/// was told of for a quarter of an hour; of an alert that came and went while it was away, nothing. Not thread-safe.
/// Times are the caller's.
class Book {
 public:
  explicit Book(BookLimits limits) : limits_(limits) {}

  enum class Submitted {
    news,      ///< to be told
    known,     ///< nothing new
    no_space,  ///< all there is fires, and fills the book; it was left out
  };
  Submitted submit(const Notification& notification, std::int64_t now_ns);
  /// An entry of a compacted journal, before all submissions of the alert.
  void recall(const KnownEntry& known);

  /// What one post is to carry.
  struct Batch {
    std::vector<const Notification*> notifications;  ///< valid until the book is changed
    std::vector<Settled> sent;
  };
  /// What is to be told next: at most `most` notifications and about `most_bytes` as encoded, at least one if any is
  /// due.
  Batch next(std::size_t most, std::size_t most_bytes, std::int64_t now_ns, SteadyTime now);
  /// The receiver took it, or refused it for good. True when that is worth remembering across a restart.
  bool settle(const Settled& settled, SteadyTime now);
  /// Forgets what is too old. A clock that was set back starts the age of what it puts in the future anew.
  void expire(std::int64_t now_ns);

  /// Everything as journal entries, oldest first, to read back by recall(), submit() and settle().
  void write(const std::function<void(const Entry&)>& out) const;

  /// When there is something to be told without news; nothing: never.
  [[nodiscard]] std::optional<SteadyTime> next_due() const;
  [[nodiscard]] std::vector<Notification> firing() const;
  [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }
  [[nodiscard]] std::size_t alerts() const { return alerts_.size(); }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  /// Notifications that were taken, and those that will never be, since the book was made.
  [[nodiscard]] std::uint64_t delivered() const { return delivered_; }
  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }
  void forget_counts() { delivered_ = dropped_ = 0; }

 private:
  struct Alert {
    Notification newest;  ///< without its texts when they are needed no more
    std::uint64_t digest = 0;
    std::int64_t changed_ns = 0;
    std::uint64_t order = 0;  ///< its place in the index it is in, if any
    std::size_t bytes = 0;
    bool waits = false;
    bool told_firing = false;
    std::optional<SteadyTime> due;  ///< told again then
    unsigned ends_told = 0;
  };
  using Alerts = std::map<Key, Alert>;
  using Index = std::map<std::uint64_t, Key>;

  [[nodiscard]] bool state_only() const { return limits_.protocol == Protocol::alertmanager; }
  [[nodiscard]] bool has_texts(const Alert& alert) const;
  bool make_space(std::size_t alerts, std::size_t bytes);
  void supersede(const Key& key);
  void place(const Key& key, Alert& alert);
  void unplace(const Alert& alert);
  void schedule(const Key& key, Alert& alert, std::optional<SteadyTime> due);
  void resize(Alert& alert, std::size_t bytes);
  void retire(const Key& key, Alert& alert);
  void forget(const Key& key);
  void drop_past(std::int64_t now_ns);

  BookLimits limits_;
  Alerts alerts_;
  // Each alert is in one of waiting_, known_ and told_.
  Index waiting_;
  Index past_;   ///< of those that wait, the resolved ones
  Index known_;  ///< resolved, and the receiver knows
  Index told_;   ///< fires, and the receiver knows
  std::set<std::pair<SteadyTime, Key>> due_;
  std::uint64_t last_order_ = 0;
  std::size_t bytes_ = 0;
  std::uint64_t delivered_ = 0;
  std::uint64_t dropped_ = 0;
};

}  // namespace sentinel::delivery
