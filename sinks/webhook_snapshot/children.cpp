#include "sinks/webhook_snapshot/children.hpp"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace snapshot {
namespace {

using sentinel::Errc;
using sentinel::Error;
using sentinel::Result;

constexpr int kept_fd = 3;
constexpr int out_fd = 4;

void close_from(int first) {
  if (::syscall(SYS_close_range, static_cast<unsigned>(first), ~0U, 0U) == 0) return;
  // Before Linux 5.9. A limit of descriptors may be a billion; nothing here opens that many.
  constexpr int most = 65536;
  for (int fd = first; fd < most; ++fd) ::close(fd);
}

/// Waits for a killed process to end, but not for one that the kernel does not let go: that is reaped later. Without
/// this it would be a zombie until the next snapshot, of which the agent itself would warn.
void await_end(pid_t pid) {
  constexpr int patience_ms = 100;
  const UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0U)));
  if (process.get() < 0) return;
  pollfd ended = {process.get(), POLLIN, 0};
  ::poll(&ended, 1, patience_ms);
}

/// What is left of the agent in the child: memory, and the two descriptors.
void become_child(pid_t parent, int kept, int out) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);
  ::setpgid(0, 0);
  // Above what they are to become, so that neither overwrites the other.
  const int high_out = ::fcntl(out, F_DUPFD, 16);
  const int high_kept = kept < 0 ? -1 : ::fcntl(kept, F_DUPFD, 16);
  if (high_out < 0 || ::dup2(high_out, out_fd) < 0) ::_exit(1);
  if (high_kept >= 0) {
    ::dup2(high_kept, kept_fd);
  } else {
    ::close(kept_fd);
  }
  close_from(out_fd + 1);
  // The agent's handlers write to descriptors that mean something else here.
  struct sigaction plain {};
  plain.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number) ::sigaction(number, &plain, nullptr);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

}  // namespace

Children::~Children() {
  for (const pid_t pid : left_) ::kill(pid, SIGKILL);
  reap();
}

Result<Children::Child> Children::start(void (*run)(void* context, int out), void* context, int kept) {
  reap();
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0)
    return Error{Errc::failed, std::string("cannot make a pipe: ") + std::generic_category().message(errno)};
  UniqueFd reader(ends[0]);
  const UniqueFd writer(ends[1]);
  ::fcntl(reader.get(), F_SETFL, O_NONBLOCK);
  // No signal may reach a handler of the agent's within the child.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid == 0) {
    become_child(parent, kept, writer.get());
    run(context, out_fd);
    ::_exit(0);
  }
  const int error = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) {
    return Error{error == EAGAIN || error == ENOMEM ? Errc::exhausted : Errc::failed,
                 std::string("cannot start a process: ") + std::generic_category().message(error)};
  }
  ::setpgid(pid, pid);
  return Child{pid, std::move(reader)};
}

bool Children::ended(pid_t pid, int& status) {
  siginfo_t info{};
  if (::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid != pid)
    return false;
  // While it is not reaped, its group's number can be no one else's.
  ::kill(-pid, SIGKILL);
  return ::waitpid(pid, &status, WNOHANG) == pid;
}

void Children::end(pid_t pid) {
  ::kill(-pid, SIGKILL);
  ::kill(pid, SIGKILL);
  await_end(pid);
  left_.push_back(pid);
  reap();
}

std::size_t Children::reap() {
  std::erase_if(left_, [](pid_t pid) {
    int status = 0;
    const pid_t got = ::waitpid(pid, &status, WNOHANG);
    return got == pid || (got < 0 && errno == ECHILD);
  });
  return left_.size();
}

}  // namespace snapshot
