#pragma once

#include <array>
#include <cstdint>
#include <sentinel/procfs/processes.hpp>
#include <sentinel/result.hpp>
#include <span>
#include <string_view>
#include <vector>

namespace snapshot {

/// A process at the moment of a snapshot.
struct Process {
  std::int32_t pid = 0;
  std::int32_t ppid = 0;
  std::array<char, 16> comm{};  ///< as the process named itself: any bytes
  char state = '?';
  std::uint8_t depth = 0;  ///< in the tree
  bool seen_twice = false;
  std::int32_t threads = 0;
  std::uint64_t start_ticks = 0;
  std::uint64_t ticks_before = 0;  ///< CPU time at the first look
  std::uint64_t ticks = 0;         ///< and at the last
  std::uint64_t rss_bytes = 0;

  [[nodiscard]] std::string_view name() const;
  [[nodiscard]] std::uint64_t ticks_between() const { return seen_twice ? ticks - ticks_before : 0; }
};

/// Processes of one name, together.
struct ProgramSum {
  std::string_view name;
  std::uint32_t count = 0;
  std::uint64_t rss_bytes = 0;
  std::uint64_t ticks_between = 0;
};

/// The processes of a host, looked at twice, so that CPU time between is known. Holds `most` of them in memory that is
/// taken once, in the constructor; those beyond are counted. One thread.
class ProcessTable {
 public:
  explicit ProcessTable(std::size_t most);

  /// The first look forgets what was there. Errors: as ProcessWalker has them.
  sentinel::Result<sentinel::procfs::ProcessCounts> look(const sentinel::procfs::Root& root, std::uint64_t now_ns);
  sentinel::Result<sentinel::procfs::ProcessCounts> look_again(const sentinel::procfs::Root& root,
                                                               std::uint64_t now_ns);

  /// By pid, ascending.
  [[nodiscard]] std::span<const Process> all() const { return {processes_.data(), used_}; }
  [[nodiscard]] const Process* find(std::int32_t pid) const;
  [[nodiscard]] std::uint64_t beyond() const { return beyond_; }
  /// Between the two looks; 0 before the second.
  [[nodiscard]] double seconds_between() const { return seconds_between_; }
  /// The share of one CPU, 0 to the number of CPUs; 0 before the second look.
  [[nodiscard]] double cpus(const Process& process) const;
  [[nodiscard]] double cpus(std::uint64_t ticks) const;
  [[nodiscard]] std::uint64_t ticks_a_second() const { return ticks_a_second_; }

  /// The first `most` by a key, greatest first; those whose key is 0 are left out. `key` is uint64_t(const Process&).
  template <class Key>
  std::vector<const Process*> top(std::size_t most, Key key) const {
    std::vector<const Process*> found;
    for (const auto& process : all()) {
      if (key(process) == 0) continue;
      auto at = found.end();
      while (at != found.begin() && key(process) > key(**(at - 1))) --at;
      if (at == found.end() && found.size() == most) continue;
      const auto place = at - found.begin();
      if (found.size() == most) found.pop_back();
      found.insert(found.begin() + place, &process);
    }
    return found;
  }
  /// Sums of processes that share a name and are more than one, those with the most memory first; at most `most`.
  [[nodiscard]] std::vector<ProgramSum> programs(std::size_t most, bool by_cpu);
  /// Every process after its parent, children in the order of their pids, `depth` set.
  [[nodiscard]] std::span<const std::uint32_t> tree();

 private:
  void take(const sentinel::procfs::PidStat& stat, bool again);
  Process* slot(std::int32_t pid);

  std::vector<Process> processes_;
  std::vector<std::uint32_t> order_;
  std::vector<std::uint32_t> stack_;
  std::size_t used_ = 0;
  std::size_t first_look_ = 0;
  std::uint64_t beyond_ = 0;
  std::uint64_t looked_ns_ = 0;
  double seconds_between_ = 0;
  std::uint64_t page_bytes_;
  std::uint64_t ticks_a_second_;
  sentinel::procfs::ProcessWalker walker_;
};

}  // namespace snapshot
