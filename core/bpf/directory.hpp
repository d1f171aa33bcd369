#pragma once

#include <dirent.h>

#include <cstddef>
#include <sentinel/procfs/unique_fd.hpp>
#include <span>

#include "core/procfs/pid_entries.hpp"

namespace sentinel::bpf {

/// Opens directory `name` beneath `parent` (AT_FDCWD: of the process) for listing; owns nothing when it cannot.
inline procfs::UniqueFd open_directory(int parent, const char* name) noexcept {
  return procfs::UniqueFd(::openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

inline bool is_dots(const char* name) noexcept {
  return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

/// Calls `visit(const dirent64&)` for each entry but "." and "..", as long as it returns true. What cannot be listed
/// has no entries.
template <class Visit>
void for_each_name(const procfs::UniqueFd& directory, Visit&& visit) {
  if (!directory) return;
  alignas(8) char buffer[4096];
  (void)procfs::for_each_entry(directory.get(), buffer,
                               [&](const dirent64& entry) { return is_dots(entry.d_name) || visit(entry); });
}

}  // namespace sentinel::bpf
