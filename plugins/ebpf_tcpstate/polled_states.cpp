#include "plugins/ebpf_tcpstate/polled_states.hpp"

#include <functional>
#include <sentinel/procfs/tcp_sockets.hpp>
#include <string_view>
#include <utility>

namespace {

using sentinel::procfs::TcpEnd;
using sentinel::procfs::TcpSocket;

std::uint64_t hash_of(const TcpEnd& end) {
  const std::string_view bytes(reinterpret_cast<const char*>(end.address.data()), end.address.size());
  return std::hash<std::string_view>()(bytes) * 65599 + end.port;
}

/// A connection and its state as one number; that two of them agree by chance is of no consequence here.
std::uint64_t key_of(const TcpSocket& socket) {
  return (hash_of(socket.local) * 31 + hash_of(socket.remote)) * 16 + static_cast<std::uint64_t>(socket.state);
}

}  // namespace

sentinel::Result<void> PolledStates::look() {
  std::unordered_set<std::uint64_t> now;
  using namespace sentinel::procfs;
  // A socket in TIME_WAIT is another one to the kernel, and no transition leads into it.
  const auto looked = for_each_tcp_socket(every_tcp_state & ~only(TcpState::time_wait),
                                          [&](const TcpSocket& socket) { now.insert(key_of(socket)); });
  if (!looked) return looked.error();
  if (std::exchange(looked_, true)) {
    for (const auto key : now) seen_ += last_.contains(key) ? 0 : 1;
  }
  last_ = std::move(now);
  return {};
}
