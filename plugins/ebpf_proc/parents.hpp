#pragma once

#include "plugins/ebpf_proc/proc.h"

#include <cstdint>
#include <sentinel/plugin.hpp>
#include <sentinel/result.hpp>
#include <unordered_map>
#include <vector>

/// Who made processes since the last look, and what became of them: the kernel's table of parents, of which each look
/// is compared with the one before. Bounded as that table is. Not thread-safe.
class Parents {
 public:
  static constexpr std::size_t most_rows = 50;

  /// Takes a look at the map. Errors: as sentinel::bpf::read_entries.
  sentinel::Result<void> look(int map_fd);
  /// The table `parents`: those with the most forks since the look before first.
  void add_rows(sentinel::Rows& rows) const;

 private:
  struct Row {
    proc_parent_key key;
    proc_parent since;  ///< the look before
    std::uint64_t forks_in_all;
  };
  struct Hash {
    std::size_t operator()(const proc_parent_key& key) const noexcept { return key.start_ns * 31 + key.pid; }
  };
  struct Same {
    bool operator()(const proc_parent_key& a, const proc_parent_key& b) const noexcept {
      return a.start_ns == b.start_ns && a.pid == b.pid;
    }
  };
  using Table = std::unordered_map<proc_parent_key, proc_parent, Hash, Same>;

  void add(const proc_parent_key& key, const proc_parent& now);

  Table before_;
  Table seen_;
  std::vector<Row> rows_;
};
