#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <sentinel/procfs/proc_root.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sinks/webhook_snapshot/children.hpp"

namespace snapshot {

/// What may block its reader for good, for it needs a lock of the process it tells of, or an answer of a server that is
/// away: asked by a process that may be thrown away.
struct Question {
  enum class Kind : std::uint8_t {
    cmdline,  ///< answered by /proc/<pid>/cmdline, 16 KiB at most
    fds,      ///< by a line "number<TAB>target" for each of 1024 descriptors at most
    maps,     ///< by /proc/<pid>/maps, 256 KiB at most
    mount,    ///< by a MountSpace
    owners,   ///< by an Owner for each process that has one of the inodes open
  };
  Kind kind = Kind::cmdline;
  std::int32_t pid = 0;
  std::string path;  ///< of a mount
};

struct MountSpace {
  std::uint64_t total_bytes = 0;
  std::uint64_t available_bytes = 0;  ///< to those who are not root
  std::uint64_t free_bytes = 0;
  std::uint64_t inodes = 0;
  std::uint64_t free_inodes = 0;
};

struct Owner {
  std::int32_t pid = 0;
  std::uint32_t sockets = 0;
};

/// What became of a question.
struct Answer {
  enum class State : std::uint8_t { not_asked, answered, failed, hung };
  State state = State::not_asked;
  int error = 0;  ///< errno of a failed one
};

/// Asks in a process of its own. One that gives no sign for `patience` is killed with what it was at, and another goes
/// on after it, until `deadline` (of steady_clock) or four were lost. `take(i, bytes)` gets the parts of the answers in
/// order. `inodes` ascend. Why the process could not be started is in `problem`. One thread.
std::vector<Answer> ask(Children& children, const sentinel::procfs::Root& root, std::span<const Question> questions,
                        std::span<const std::uint64_t> inodes, std::chrono::milliseconds patience,
                        std::chrono::steady_clock::time_point deadline, const std::atomic<bool>& cancelled,
                        const std::function<void(std::size_t, std::string_view)>& take, std::string& problem);

}  // namespace snapshot
