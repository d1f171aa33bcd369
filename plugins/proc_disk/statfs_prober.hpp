#pragma once

#include <signal.h>
#include <sys/types.h>
#include <sys/vfs.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <sentinel/procfs/unique_fd.hpp>

/// What statfs(2) is asked about.
struct StatfsTarget {
  std::uint64_t mount_id = 0;  ///< of mountinfo: another mount at the same path is asked anew
  std::string path;
};

struct StatfsAnswer {
  enum class State : std::uint8_t {
    answered,
    failed,     ///< error says why
    hanging,    ///< did not answer in time, now or in an earlier probe, and the call has not returned since
    not_asked,  ///< too many others hung before it
  };
  State state = State::not_asked;
  int error = 0;  ///< an errno
  std::uint64_t size_bytes = 0;
  std::uint64_t free_bytes = 0;
  std::uint64_t available_bytes = 0;  ///< to users without privileges
  std::uint64_t files = 0;            ///< inodes; 0 where the filesystem has no fixed number
  std::uint64_t files_free = 0;
};

/// statfs(2) of many mounts, where one that hangs (NFS without its server) holds nothing up.
///
/// A forked child asks one mount after the other and tells over a pipe. When it says nothing for `patience`, the mount
/// it is at hangs: the child is killed, and another goes on with the next mount. A child in uninterruptible sleep does
/// not die of that; it is left alone, holds nothing of the agent's but copied memory, and is reaped by a later probe.
/// Until then its mount is not asked again. A probe takes four times `patience` at most, and only while new mounts
/// hang.
///
/// The child calls what signal-safety(7) allows, and statfs, which is a bare system call. Not thread-safe, but may be
/// called from any thread; there is no thread of its own.
class StatfsProber {
 public:
  /// What a test replaces.
  struct Calls {
    int (*statfs)(const char* path, struct ::statfs* out) = ::statfs;
    int (*kill)(pid_t pid, int signal) = ::kill;
  };
  static constexpr std::size_t most_stuck = 64;  ///< children; with that many no mount is asked

  explicit StatfsProber(std::chrono::milliseconds patience);
  StatfsProber(std::chrono::milliseconds patience, Calls calls);
  StatfsProber(const StatfsProber&) = delete;
  StatfsProber& operator=(const StatfsProber&) = delete;
  /// As give_up().
  ~StatfsProber();

  /// One answer a target, in the same order.
  void probe(std::span<const StatfsTarget> targets, std::vector<StatfsAnswer>& answers);

  /// Children that were killed and live on.
  [[nodiscard]] std::size_t stuck() const { return stuck_.size(); }

  /// Reaps what has ended and forgets the rest, which ends by itself once its mount answers. Returns how many that are.
  std::size_t give_up();

 private:
  struct Stuck {
    pid_t pid;
    StatfsTarget target;  // its path is empty when no mount waits for this child
  };
  struct Child {
    pid_t pid = -1;
    int error = 0;  // of making it
    sentinel::procfs::UniqueFd answers;
  };

  Child start(std::span<const StatfsTarget> targets, std::span<const std::size_t> order);
  [[noreturn]] void answer_all(int out, std::span<const StatfsTarget> targets,
                               std::span<const std::size_t> order) const;
  /// Fills answers from the front of `order`; returns how many came before the child ended or said nothing in time.
  std::size_t listen(const Child& child, std::span<const std::size_t> order, std::vector<StatfsAnswer>& answers,
                     bool& ended) const;
  void finish(pid_t pid);
  void reap();

  std::chrono::milliseconds patience_;
  Calls calls_;
  std::vector<Stuck> stuck_;
};
