#pragma once

#include <sentinel/bpf/iterator.hpp>
#include <sentinel/procfs/buffer.hpp>
#include <sentinel/procfs/processes.hpp>

#include <sentinel/collector.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace proc_zombie {

struct Zombie {
  std::int32_t parent = 0;
  std::int32_t pid = 0;
  std::uint64_t start_seconds = 0;     ///< since boot, whole seconds
  std::uint64_t start_ticks = 0;       ///< the same in USER_HZ
  std::array<char, 16> parent_comm{};  ///< ends with a NUL; of the iterator alone
};

/// What a walk over the processes found.
struct Processes {
  std::array<std::uint64_t, sentinel::procfs::process_state_count> states{};  ///< by the number of ProcessState
  std::uint64_t threads = 0;
  sentinel::procfs::ProcessCounts counts;  ///< the iterator reads all that it sees
  std::vector<Zombie> zombies;
};

/// Walks over the processes that the agent's /proc shows: by a BPF iterator, or by reading <pid>/stat of each. Both
/// give the same processes in the same states. One call at a time.
class ProcessWalk {
 public:
  /// `source` is auto, bpf or procfs; auto takes the first of those that works.
  ProcessWalk(std::string source, std::string procfs);

  /// Loads the iterator if it may serve. Errors, with `source: bpf` alone: those of bpf::Iterator::load; unsupported
  /// when /proc shows another pid namespace than the agent's.
  sentinel::Result<void> start(const sentinel::Host& host);
  void stop() { iterator_.reset(); }

  /// What it points to is the caller's to change, and valid until the next call. Errors: those of the last source that
  /// may serve; no_data when the directory lists no process.
  sentinel::Result<Processes*> walk(const sentinel::Host& host);
  /// Name of the parent of a zombie of the last walk; empty when it could not be read any more.
  std::string parent_comm(const Zombie& zombie);

  /// The table `sources`: which one serves, and why not one that costs less.
  void describe(sentinel::Rows& rows) const;

 private:
  sentinel::Result<void> load();
  sentinel::Result<void> walk_by_iterator();
  sentinel::Result<void> walk_files();

  std::string source_;
  std::string procfs_;
  std::uint64_t ticks_per_second_;
  std::optional<sentinel::bpf::Iterator> iterator_;
  std::string_view serves_;  // empty before the first walk
  std::string why_not_bpf_;
  bool told_ = false;
  Processes found_;
  sentinel::procfs::ProcessWalker walker_;
  sentinel::procfs::Buffer buffer_;
};

}  // namespace proc_zombie
