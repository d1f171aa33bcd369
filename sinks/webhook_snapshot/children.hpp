#pragma once

#include <sys/types.h>

#include <sentinel/procfs/unique_fd.hpp>
#include <sentinel/result.hpp>
#include <string>
#include <vector>

namespace snapshot {

using sentinel::procfs::UniqueFd;

/// Disposable processes of the agent. One that hangs in the kernel cannot be killed, and must not be waited for: it is
/// left behind and reaped when it is gone after all. One thread.
class Children {
 public:
  struct Child {
    pid_t pid = -1;
    UniqueFd out;  ///< what it writes, non-blocking
  };

  Children() = default;
  Children(const Children&) = delete;
  Children& operator=(const Children&) = delete;
  /// Kills what is left and reaps what can be reaped.
  ~Children();

  /// Forks a process that calls `run(context, out)` and then exits. In it only async-signal-safe functions may be
  /// called, for the agent has many threads. It starts with default signals and no descriptor of the agent's but
  /// `kept` (as 3, when not -1) and `out` (as 4): one that hangs for good must not hold the agent's listener open. It
  /// leads a process group of its own, and dies with the agent. Errors: exhausted (no process to be had), failed.
  sentinel::Result<Child> start(void (*run)(void* context, int out), void* context, int kept);

  /// Ends its group, and reaps it if that works at once.
  void end(pid_t pid);
  /// True when it has ended by itself and was reaped, and what it left of its group was killed; `status` as of
  /// waitpid(2).
  bool ended(pid_t pid, int& status);
  /// Reaps what was left behind; how many still hang.
  std::size_t reap();

 private:
  std::vector<pid_t> left_;
};

}  // namespace snapshot
