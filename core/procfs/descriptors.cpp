#include "sentinel/procfs/descriptors.hpp"

#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <charconv>
#include <cstring>

#include "core/procfs/pid_entries.hpp"

namespace sentinel::procfs {
namespace {

/// The size of a directory means descriptors in the kernel's own procfs alone, and before Linux 6.2 it is 0 there. The
/// caller has a descriptor open, so its own count tells.
bool stat_counts(const Root& root) {
  struct statfs filesystem;
  struct stat own;
  return ::fstatfs(root.fd(), &filesystem) == 0 && filesystem.f_type == PROC_SUPER_MAGIC &&
         ::fstatat(root.fd(), "self/fd", &own, 0) == 0 && own.st_size > 0;
}

}  // namespace

int DescriptorWalker::list(const Root& root, const char* name, PidDescriptors& found) {
  const UniqueFd directory(::openat(root.fd(), name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory) return errno;
  return for_each_entry(directory.get(), entries_, [&](const dirent64& entry) {
    if (entry.d_name[0] == '.') return true;
    ++found.open;
    return ++listed_ < most_listed_;  // one that spends the budget by itself is told with what was counted
  });
}

/// 0, or an errno.
int DescriptorWalker::count(const Root& root, const char* name, bool by_stat, PidDescriptors& found) {
  struct stat directory;
  if (::fstatat(root.fd(), name, &directory, 0) != 0) return errno;
  found.inode = directory.st_ino;
  if (!by_stat) return list(root, name, found);
  found.open = static_cast<std::uint64_t>(directory.st_size);
  return 0;
}

Result<DescriptorCounts> DescriptorWalker::run(const Root& root, Visitor visitor) {
  const bool by_stat = stat_counts(root);
  listed_ = 0;
  DescriptorCounts counts;
  const auto listed = for_each_pid(root, pids_, [&](const char* pid) {
    ++counts.seen;
    if (listed_ >= most_listed_) {
      ++counts.over_budget;
      return;
    }
    std::array<char, longest_pid + sizeof("/fd")> name;
    const auto length = std::strlen(pid);
    std::memcpy(name.data(), pid, length);
    std::memcpy(name.data() + length, "/fd", sizeof("/fd"));
    PidDescriptors found;
    if (std::from_chars(pid, pid + length, found.pid).ec != std::errc()) {
      ++counts.failed;
      return;
    }
    const int error = count(root, name.data(), by_stat, found);
    if (error == 0) {
      ++counts.read;
      visitor.call(visitor.callable, found);
    } else if (error == ENOENT || error == ESRCH) {
      ++counts.vanished;
    } else if (error == EACCES || error == EPERM) {
      ++counts.denied;
    } else {
      ++counts.failed;
    }
  });
  if (!listed) return listed.error();
  return counts;
}

}  // namespace sentinel::procfs
