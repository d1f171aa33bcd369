#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <sentinel/procfs/pid_stat.hpp>
#include <sentinel/procfs/proc_root.hpp>
#include <sentinel/result.hpp>
#include <type_traits>

namespace sentinel::procfs {

/// What a walk met. seen = read + vanished + denied + malformed.
struct ProcessCounts {
  std::uint64_t seen = 0;       ///< directories whose name is a pid
  std::uint64_t read = 0;       ///< handed to the callback
  std::uint64_t vanished = 0;   ///< gone between listing and reading: no error
  std::uint64_t denied = 0;     ///< not ours to read (hidepid=, a security module)
  std::uint64_t malformed = 0;  ///< unreadable for another reason, or not in the kernel's format
};

/// Walks the processes of a Root by getdents64 and openat, with fixed buffers: nothing is allocated, however many
/// processes there are. About 36 KiB large: make it a member, not a local. One walk at a time.
class ProcessWalker {
 public:
  /// Calls `visit(const PidStat&)` for each process; the comm in it is valid during the call only. A walk is no
  /// snapshot: processes come and go meanwhile. What `visit` throws passes through.
  /// Errors: as Root documents when the directory itself cannot be listed.
  template <class Visit>
  Result<ProcessCounts> walk(const Root& root, Visit&& visit) {
    using Callable = std::remove_reference_t<Visit>;
    return run(root, {const_cast<void*>(static_cast<const void*>(std::addressof(visit))),
                      [](void* callable, const PidStat& stat) { (*static_cast<Callable*>(callable))(stat); }});
  }

 private:
  struct Visitor {
    void* callable;
    void (*call)(void* callable, const PidStat& stat);
  };
  Result<ProcessCounts> run(const Root& root, Visitor visitor);
  void visit_process(const Root& root, const char* pid, Visitor visitor, ProcessCounts& counts);

  alignas(8) std::array<char, 32 * 1024> entries_;
  std::array<char, 4 * 1024> text_;  // the kernel's line stays below 1.3 KiB
};

}  // namespace sentinel::procfs
