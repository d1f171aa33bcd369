#pragma once

#include <dirent.h>
#include <fcntl.h>

#include <cerrno>
#include <cstddef>
#include <sentinel/procfs/proc_root.hpp>
#include <sentinel/procfs/unique_fd.hpp>
#include <sentinel/result.hpp>
#include <span>

#include "core/procfs/errno_error.hpp"

namespace sentinel::procfs {

inline constexpr std::size_t longest_pid = 10;

/// Digits alone, the first no zero, as procfs names a process.
inline bool is_pid(const char* name) noexcept {
  std::size_t length = 0;
  for (; name[length] >= '0' && name[length] <= '9'; ++length) {
    if (length == longest_pid) return false;
  }
  return length > 0 && name[length] == '\0' && name[0] != '0';
}

/// Calls `visit(const dirent64&)` for each entry of an open directory, "." and ".." included, as long as it returns
/// true. 0, or the errno of getdents64(2). `buffer` is aligned to 8 and holds several entries.
template <class Visit>
int for_each_entry(int directory, std::span<char> buffer, Visit&& visit) {
  for (;;) {
    const auto filled = ::getdents64(directory, buffer.data(), buffer.size());
    if (filled == 0) return 0;
    if (filled < 0) return errno;
    for (std::size_t at = 0; at < static_cast<std::size_t>(filled);) {
      const auto* entry = reinterpret_cast<const dirent64*>(buffer.data() + at);
      if (!visit(*entry)) return 0;
      at += entry->d_reclen;
    }
  }
}

/// Calls `visit(const char* pid)` for each process of the root. Errors: as Root documents, when it cannot be listed.
template <class Visit>
Result<void> for_each_pid(const Root& root, std::span<char> buffer, Visit&& visit) {
  const UniqueFd directory(::openat(root.fd(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory) return errno_error(errno, "open for listing", root.path());
  const int error = for_each_entry(directory.get(), buffer, [&](const dirent64& entry) {
    if (is_pid(entry.d_name)) visit(entry.d_name);
    return true;
  });
  if (error != 0) return errno_error(error, "list", root.path());
  return {};
}

}  // namespace sentinel::procfs
