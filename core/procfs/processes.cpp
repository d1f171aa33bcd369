#include "sentinel/procfs/processes.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/procfs/errno_error.hpp"

namespace sentinel::procfs {
namespace {

constexpr std::size_t longest_pid = 10;

bool is_pid(const char* name) {
  std::size_t length = 0;
  for (; name[length] >= '0' && name[length] <= '9'; ++length) {
    if (length == longest_pid) return false;
  }
  return length > 0 && name[length] == '\0' && name[0] != '0';
}

}  // namespace

void ProcessWalker::visit_process(const Root& root, const char* pid, Visitor visitor, ProcessCounts& counts) {
  ++counts.seen;
  std::array<char, longest_pid + sizeof("/stat")> name;
  const auto length = std::strlen(pid);
  std::memcpy(name.data(), pid, length);
  std::memcpy(name.data() + length, "/stat", sizeof("/stat"));

  ssize_t size = -1;
  int error = 0;
  {
    const UniqueFd fd(::openat(root.fd(), name.data(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    // The kernel hands out the one line in one piece, so no second read looks for the end.
    if (fd) size = ::read(fd.get(), text_.data(), text_.size());
    if (size < 0) error = errno;
  }
  if (size < 0) {
    const bool gone = error == ENOENT || error == ESRCH;
    const bool refused = error == EACCES || error == EPERM;
    ++(gone ? counts.vanished : refused ? counts.denied : counts.malformed);
    return;
  }
  PidStat stat;
  if (!try_parse_pid_stat({text_.data(), static_cast<std::size_t>(size)}, stat)) {
    ++counts.malformed;
    return;
  }
  ++counts.read;
  visitor.call(visitor.callable, stat);
}

Result<ProcessCounts> ProcessWalker::run(const Root& root, Visitor visitor) {
  const UniqueFd directory(::openat(root.fd(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory) return errno_error(errno, "open for listing", root.path());
  ProcessCounts counts;
  for (;;) {
    const auto filled = ::getdents64(directory.get(), entries_.data(), entries_.size());
    if (filled == 0) return counts;
    if (filled < 0) return errno_error(errno, "list", root.path());
    for (std::size_t at = 0; at < static_cast<std::size_t>(filled);) {
      const auto* entry = reinterpret_cast<const dirent64*>(entries_.data() + at);
      if (is_pid(entry->d_name)) visit_process(root, entry->d_name, visitor, counts);
      at += entry->d_reclen;
    }
  }
}

}  // namespace sentinel::procfs
