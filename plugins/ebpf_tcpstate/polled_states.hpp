#pragma once

#include <cstdint>
#include <sentinel/result.hpp>
#include <unordered_set>

/// What a collector that polls would have seen: states of sockets that were not there at the last look. Not
/// thread-safe.
class PolledStates {
 public:
  /// Looks at the TCP sockets of this process's network namespace. Errors: as procfs::for_each_tcp_socket().
  sentinel::Result<void> look();
  /// Pairs of a socket and a state that were seen, since the first look.
  [[nodiscard]] std::uint64_t seen() const { return seen_; }

 private:
  bool looked_ = false;
  std::uint64_t seen_ = 0;
  std::unordered_set<std::uint64_t> last_;
};
