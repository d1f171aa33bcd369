#pragma once

#include <csignal>
#include <initializer_list>
#include <optional>
#include <sentinel/procfs/unique_fd.hpp>
#include <sentinel/result.hpp>

namespace sentinel::top {

/// Takes signals as events of a file descriptor (signalfd(2)) for as long as it lives. Made and destroyed by one
/// thread, whose signal mask it changes and puts back; other threads must have the signals blocked.
class Signals {
 public:
  /// A signal that is ignored already stays so: nohup and background jobs of a shell ask for that.
  /// Errors: failed, when the descriptor cannot be made.
  static Result<Signals> take(std::initializer_list<int> numbers);

  Signals(Signals&& other) noexcept;
  Signals& operator=(Signals&&) = delete;
  ~Signals();

  /// For poll(2): readable when a signal waits.
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  /// The number of the next one that waits; never blocks.
  [[nodiscard]] std::optional<int> next();

 private:
  Signals(procfs::UniqueFd fd, const sigset_t& mask_before) : fd_(std::move(fd)), mask_before_(mask_before) {}

  procfs::UniqueFd fd_;
  sigset_t mask_before_;
};

}  // namespace sentinel::top
