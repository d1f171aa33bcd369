#include "tests/support/zombies.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

namespace sentinel::testing {

namespace {

/// The child: never returns. It lives as long as the other end of the pipe does.
[[noreturn]] void breed(int count, const char* name, int lifeline, int ready) {
  ::prctl(PR_SET_NAME, name);
  for (int i = 0; i < count; ++i) {
    const pid_t child = ::fork();
    if (child < 0) ::_exit(1);
    if (child == 0) ::_exit(0);
    siginfo_t ended = {};
    // Looks without reaping: a zombie it is, and stays.
    ::waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOWAIT);
  }
  char byte = 0;
  (void)!::write(ready, &byte, 1);
  while (::read(lifeline, &byte, 1) > 0) continue;
  while (::wait(nullptr) > 0) continue;
  ::_exit(0);
}

}  // namespace

Zombies::Zombies(int count, const std::string& name) {
  int lifeline[2];
  int ready[2];
  if (::pipe2(lifeline, O_CLOEXEC) != 0 || ::pipe2(ready, O_CLOEXEC) != 0) std::abort();
  parent_ = ::fork();
  if (parent_ < 0) std::abort();
  if (parent_ == 0) {
    ::close(lifeline[1]);
    ::close(ready[0]);
    breed(count, name.c_str(), lifeline[0], ready[1]);
  }
  ::close(lifeline[0]);
  ::close(ready[1]);
  lifeline_ = lifeline[1];
  char byte = 0;
  const bool bred = ::read(ready[0], &byte, 1) == 1;
  ::close(ready[0]);
  if (!bred) std::abort();
}

Zombies::~Zombies() {
  ::close(lifeline_);
  ::waitpid(parent_, nullptr, 0);
}

}  // namespace sentinel::testing
