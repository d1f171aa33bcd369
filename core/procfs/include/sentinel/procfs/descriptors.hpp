#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <sentinel/procfs/proc_root.hpp>
#include <sentinel/result.hpp>
#include <type_traits>

namespace sentinel::procfs {

/// The open descriptors of one process.
struct PidDescriptors {
  std::int32_t pid = 0;
  /// The inode of /proc/<pid>/fd. It lasts while the kernel keeps the entry, and no other process ever has it: what was
  /// learnt of a pid under another inode is stale.
  std::uint64_t inode = 0;
  std::uint64_t open = 0;  ///< at least; less than there are if listing it spent the walk's budget
};

/// What a walk met. seen = read + vanished + denied + failed + over_budget.
struct DescriptorCounts {
  std::uint64_t seen = 0;         ///< directories whose name is a pid
  std::uint64_t read = 0;         ///< handed to the callback
  std::uint64_t vanished = 0;     ///< gone meanwhile: no error
  std::uint64_t denied = 0;       ///< not ours to look into
  std::uint64_t failed = 0;       ///< unreadable for another reason
  std::uint64_t over_budget = 0;  ///< left out, because counting would have taken too long
};

/// Counts the open descriptors of every process of a Root. Since Linux 6.2 one stat(2) of /proc/<pid>/fd tells
/// (fs/proc/fd.c proc_fd_getattr), to any user. Elsewhere the directory is listed, which needs ptrace's power over the
/// process and takes time for each descriptor, so a walk lists no more than `most_listed` of them and leaves out the
/// processes after that. About 32 KiB large: make it a member, not a local. One walk at a time; allocates nothing.
class DescriptorWalker {
 public:
  static constexpr std::uint64_t default_most_listed = 200'000;

  explicit DescriptorWalker(std::uint64_t most_listed = default_most_listed) : most_listed_(most_listed) {}

  /// Calls `visit(const PidDescriptors&)` for each process. What `visit` throws passes through.
  /// Errors: as Root documents when the directory itself cannot be listed.
  template <class Visit>
  Result<DescriptorCounts> walk(const Root& root, Visit&& visit) {
    using Callable = std::remove_reference_t<Visit>;
    return run(root, {const_cast<void*>(static_cast<const void*>(std::addressof(visit))),
                      [](void* callable, const PidDescriptors& found) { (*static_cast<Callable*>(callable))(found); }});
  }

 private:
  struct Visitor {
    void* callable;
    void (*call)(void* callable, const PidDescriptors& found);
  };
  Result<DescriptorCounts> run(const Root& root, Visitor visitor);
  int count(const Root& root, const char* name, bool by_stat, PidDescriptors& found);
  int list(const Root& root, const char* name, PidDescriptors& found);

  std::uint64_t most_listed_;
  std::uint64_t listed_ = 0;
  alignas(8) std::array<char, 16 * 1024> pids_;
  alignas(8) std::array<char, 16 * 1024> entries_;
};

}  // namespace sentinel::procfs
