#include "tests/unit/plugins/ebpf_proc/generator.hpp"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <thread>

Generator::Generator(const std::string& comm, std::function<int()> work) {
  int ends[2];
  if (::pipe(ends) != 0) std::abort();
  pid_ = ::fork();
  if (pid_ < 0) std::abort();
  if (pid_ == 0) {
    ::close(ends[1]);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::prctl(PR_SET_NAME, comm.c_str());
    char go = 0;
    if (::read(ends[0], &go, 1) != 1) ::_exit(100);
    ::_exit(work());
  }
  ::close(ends[0]);
  start_ = ends[1];
}

Generator::~Generator() {
  if (!gone_) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  if (start_ >= 0) ::close(start_);
}

void Generator::go() {
  if (start_ < 0) return;
  if (::write(start_, "g", 1) != 1) std::abort();
  ::close(start_);
  start_ = -1;
}

int Generator::wait() {
  go();
  int status = 0;
  ::waitpid(pid_, &status, 0);
  gone_ = true;
  return status;
}

int run_child(const std::function<int()>& work) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(work());
  int status = 0;
  ::waitpid(pid, &status, 0);
  return status;
}

void fork_children(int count) {
  for (int i = 0; i < count; ++i) run_child([] { return 0; });
}

void run_programs(const std::string& path, int count) {
  for (int i = 0; i < count; ++i) {
    run_child([&] {
      ::execl(path.c_str(), path.c_str(), nullptr);
      return 127;
    });
  }
}

void start_waiting_threads(int count) {
  for (int i = 0; i < count; ++i) std::thread([] { ::pause(); }).detach();
}
