#pragma once

#include <cstdint>
#include <utility>

#include "chaos/bounds.hpp"

namespace chaos {

/// The one owner of a file descriptor.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd();
  [[nodiscard]] int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

/// A listening TCP socket at a port that the kernel chose; `at` gets that port. Throws std::runtime_error.
Fd listen_at(Loopback& at);

/// The port of an address.
std::uint16_t port_of(const Loopback& at);

/// A connection to `at`; none when it fails, with errno set.
Fd connect_to(const Loopback& at);

}  // namespace chaos
