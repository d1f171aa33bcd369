#include "core/app/top/signals.hpp"

#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace sentinel::top {

Result<Signals> Signals::take(std::initializer_list<int> numbers) {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : numbers) {
    struct sigaction action {};
    if (sigaction(number, nullptr, &action) == 0 && action.sa_handler != SIG_IGN) sigaddset(&set, number);
  }
  procfs::UniqueFd fd(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) return Error{Errc::failed, "signalfd: " + std::generic_category().message(errno)};
  sigset_t before;
  pthread_sigmask(SIG_BLOCK, &set, &before);
  return Signals(std::move(fd), before);
}

Signals::Signals(Signals&& other) noexcept : fd_(std::move(other.fd_)), mask_before_(other.mask_before_) {}

Signals::~Signals() {
  if (!fd_) return;
  // What was sent twice must not kill the caller now.
  while (next()) {
  }
  pthread_sigmask(SIG_SETMASK, &mask_before_, nullptr);
}

std::optional<int> Signals::next() {
  signalfd_siginfo info;
  ssize_t got = 0;
  do {
    got = ::read(fd_.get(), &info, sizeof(info));
  } while (got < 0 && errno == EINTR);
  if (got != static_cast<ssize_t>(sizeof(info))) return std::nullopt;
  return static_cast<int>(info.ssi_signo);
}

}  // namespace sentinel::top
