#pragma once

#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <utility>
#include <vector>

#include <sentinel/procfs/unique_fd.hpp>

namespace bench {

namespace procfs = sentinel::procfs;

/// Processes that sleep, and loopback connections of two sockets each, made beside what the machine runs. They go with
/// the object, the connections by a reset, so that no TIME_WAIT stays behind.
class Crowd {
 public:
  Crowd(int processes, int sockets) {
    for (int i = 0; i < processes; ++i) {
      const pid_t pid = ::fork();
      if (pid == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        ::pause();
        ::_exit(0);
      }
      if (pid > 0) pids_.push_back(pid);
    }
    if (sockets == 0) return;
    procfs::UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(name);
    constexpr linger reset_on_close = {1, 0};
    ::bind(listener.get(), reinterpret_cast<sockaddr*>(&name), size);
    ::listen(listener.get(), 128);
    ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&name), &size);
    for (int i = 0; i < sockets / 2; ++i) {
      procfs::UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      if (!client || ::connect(client.get(), reinterpret_cast<sockaddr*>(&name), size) != 0) break;
      procfs::UniqueFd server(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
      ::setsockopt(client.get(), SOL_SOCKET, SO_LINGER, &reset_on_close, sizeof(reset_on_close));
      ::setsockopt(server.get(), SOL_SOCKET, SO_LINGER, &reset_on_close, sizeof(reset_on_close));
      fds_.push_back(std::move(client));
      fds_.push_back(std::move(server));
    }
    fds_.push_back(std::move(listener));
  }
  Crowd(const Crowd&) = delete;
  Crowd& operator=(const Crowd&) = delete;
  ~Crowd() {
    for (const pid_t pid : pids_) ::kill(pid, SIGKILL);
    for (const pid_t pid : pids_) ::waitpid(pid, nullptr, 0);
  }
  [[nodiscard]] std::size_t sockets() const { return fds_.size(); }

 private:
  std::vector<pid_t> pids_;
  std::vector<procfs::UniqueFd> fds_;
};

}  // namespace bench
