#pragma once

#include <cstddef>
#include <cstdint>
#include <sentinel/result.hpp>
#include <string_view>
#include <vector>

namespace sentinel::procfs {

/// One hierarchy that a process is in. Texts are views into the parsed text.
struct Cgroup {
  std::uint32_t hierarchy = 0;   ///< 0: the unified one of version 2
  std::string_view controllers;  ///< "memory", "cpu,cpuacct", "name=systemd"; empty in version 2
  std::string_view path;         ///< begins with '/'; ends with " (deleted)" once the directory is gone

  /// Whether `controller` is one of `controllers`.
  [[nodiscard]] bool has(std::string_view controller) const noexcept;
};

/// Parses /proc/<pid>/cgroup (kernel/cgroup/cgroup.c proc_cgroup_show, cgroups(7)), versions 1 and 2. `out` is
/// overwritten and may be reused. Errors: invalid_argument when a line is malformed or cut; a process without a cgroup
/// is none.
Result<void> parse_cgroup(std::string_view text, std::vector<Cgroup>& out);

}  // namespace sentinel::procfs
