#include "core/plugin/answer.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>

namespace sentinel::plugin {

Answer::Answer() {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const rlimit no_core = {0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  out_ = Fd(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
  if (out_ && ::dup2(STDERR_FILENO, STDOUT_FILENO) < 0) out_.close();
}

bool Answer::say(std::string line) const {
  line += '\n';
  std::size_t written = 0;
  while (written < line.size()) {
    const ssize_t put = ::write(out_.get(), line.data() + written, line.size() - written);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return false;
    written += static_cast<std::size_t>(put);
  }
  return true;
}

}  // namespace sentinel::plugin
