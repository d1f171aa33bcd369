#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <sentinel/result.hpp>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "sinks/webhook_snapshot/alert.hpp"
#include "sinks/webhook_snapshot/folder.hpp"
#include "sinks/webhook_snapshot/settings.hpp"
#include "sinks/webhook_snapshot/take.hpp"

namespace snapshot {

/// What became of a request for a snapshot.
struct Verdict {
  enum class Kind { accepted, joined, overloaded };
  Kind kind = Kind::accepted;
  std::string id;
};

struct Listed {
  enum class State { waiting, taking, whole, failed };
  std::string id;
  std::string alert;
  std::int64_t time_ns = 0;
  std::uint64_t bytes = 0;
  State state = State::waiting;
  std::uint64_t joined = 0;
  double ms = 0;
  std::string culprit;
  std::string problem;
};
[[nodiscard]] std::string_view to_string(Listed::State state);

struct Counters {
  std::uint64_t taken = 0;
  std::uint64_t joined = 0;
  std::uint64_t failed = 0;
  std::uint64_t dropped = 0;  ///< for want of room among those that wait, or because the agent stopped
  std::uint64_t removed = 0;  ///< by quota or age
  std::uint64_t bytes = 0;    ///< on disk now
  std::uint64_t whole = 0;    ///< on disk now
  std::uint64_t waiting = 0;
  double last_seconds = 0;
  std::int64_t last_success_ns = 0;
  std::string last_error;
};

/// Takes snapshots one after the other on a thread of its own, and keeps the directory within its bounds. Every method
/// may be called by any thread, start and stop by one.
class Snapshots {
 public:
  enum class Level { info, warning, error };
  struct Callbacks {
    std::function<void(Level, const std::string&)> log;
    /// The agent's own alert fires now.
    std::function<bool(const Alert&)> fires;
    /// A snapshot of an alert of the agent's is there: its place and its culprit.
    std::function<void(const Alert&, const std::string& place, const std::string& culprit)> done;
  };

  /// Takes the memory that snapshots need; touches neither disk nor host.
  Snapshots(const Settings& settings, Agent agent, Callbacks callbacks);
  ~Snapshots();
  Snapshots(const Snapshots&) = delete;
  Snapshots& operator=(const Snapshots&) = delete;

  /// Looks through the directory and begins. A directory that cannot be used is told of and tried again later.
  void start();
  /// Begins no other snapshot, and waits for the one that is being taken.
  void drain(std::chrono::nanoseconds at_most);
  void resume();
  /// Gives up what is being taken or waits.
  void stop();

  /// Asks for a snapshot of an alert that fires. It joins one of the same fault instead: of the same alert (by
  /// fingerprint or labels) while that fires on, or of the same name within `join_window`. One by hand joins none.
  Verdict request(Alert alert);

  /// Newest first.
  [[nodiscard]] std::vector<Listed> list() const;
  [[nodiscard]] Counters counters() const;
  /// What failed since it was asked last.
  [[nodiscard]] std::optional<sentinel::Error> take_failure();

 private:
  struct Entry {
    Alert alert;
    Listed listed;
    std::uint64_t asked_ns = 0;  ///< CLOCK_BOOTTIME; 0 of one that was there at the start
    std::vector<Alert> joined;
    std::size_t told = 0;  ///< how many of `joined` were told that it is there
    bool changed = false;  ///< alert.json lacks some of `joined`
  };
  using EntryPtr = std::shared_ptr<Entry>;

  void run();
  void load();
  Entry* to_join(const Alert& alert, std::uint64_t now_ns);
  [[nodiscard]] bool same_fault(const Entry& entry, const Alert& alert, std::uint64_t now_ns) const;
  static void add_joined(Entry& entry, Alert alert);
  std::string free_id(const Alert& alert) const;
  void take(const EntryPtr& entry);
  sentinel::Result<Outcome> take_into(Entry& entry, const Alert& alert);
  sentinel::Result<void> make_room();
  void prune(std::string_view keep);
  void update_joined(const EntryPtr& entry);
  void fail(sentinel::Error error, const std::string& id);

  const Settings settings_;
  const Agent agent_;
  const Callbacks callbacks_;
  Folder folder_;
  Taker taker_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<EntryPtr> waiting_;
  EntryPtr running_;
  std::deque<EntryPtr> ended_;  ///< oldest first: whole ones that are on disk, and failed ones
  Counters counters_;
  std::optional<sentinel::Error> failure_;
  bool draining_ = false;
  bool stopping_ = false;
  std::atomic<bool> cancelled_{false};
  std::thread thread_;
};

}  // namespace snapshot
