#include "sentinel/procfs/processes.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/procfs/pid_entries.hpp"

namespace sentinel::procfs {

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
  ProcessCounts counts;
  const auto listed = for_each_pid(root, entries_, [&](const char* pid) { visit_process(root, pid, visitor, counts); });
  if (!listed) return listed.error();
  return counts;
}

}  // namespace sentinel::procfs
