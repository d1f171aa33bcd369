#pragma once

#include <array>
#include <cstdint>
#include <sentinel/procfs/proc_root.hpp>
#include <sentinel/procfs/tcp_sockets.hpp>
#include <sentinel/result.hpp>
#include <span>
#include <string>
#include <vector>

namespace snapshot {

using StateCounts = std::array<std::uint32_t, sentinel::procfs::tcp_state_count>;

/// A socket that waits for connections, with the sockets that came through its port.
struct Listener {
  sentinel::procfs::TcpEnd local;
  bool ipv6 = false;
  std::uint32_t waiting = 0;  ///< connections that wait for accept
  std::uint32_t backlog = 0;  ///< the most that may wait; 0 when not known
  std::uint32_t uid = 0;
  std::uint64_t inode = 0;
  std::uint32_t total = 0;
  StateCounts by_state{};
};

/// Connections with one peer for one service, that is the port of the side that listens.
struct Peer {
  std::array<std::uint8_t, 16> address{};
  bool ipv6 = false;
  bool outgoing = false;  ///< the service is the peer's
  std::uint16_t port = 0;
  std::uint32_t total = 0;
  StateCounts by_state{};
};

[[nodiscard]] std::string address_text(const std::array<std::uint8_t, 16>& address, bool ipv6);
/// "10.0.0.1:80", "[::1]:80", "*:80" for every address.
[[nodiscard]] std::string end_text(const sentinel::procfs::TcpEnd& end, bool ipv6);

/// TCP sockets by state, listener and peer, in memory that is taken once, in the constructor. What finds no room is
/// counted. One thread.
class SocketTable {
 public:
  SocketTable();

  /// Reads them by netlink, or from `net` ("net/", "1/net/") beneath the root. `watched` is the state whose sockets'
  /// inodes are kept, to find their owners by. Errors: of procfs, when netlink failed too.
  sentinel::Result<void> read(const sentinel::procfs::Root& root, const std::string& net, bool by_netlink,
                              sentinel::procfs::TcpState watched, sentinel::procfs::Buffer& buffer);

  [[nodiscard]] const std::string& source() const { return source_; }
  [[nodiscard]] const StateCounts& by_state() const { return by_state_; }
  [[nodiscard]] std::uint64_t total() const;
  /// Those with the most sockets first.
  [[nodiscard]] std::span<const Listener> listeners() const { return listeners_; }
  [[nodiscard]] std::span<const Peer> peers() const { return {sorted_peers_.data(), peers_used_}; }
  [[nodiscard]] std::uint64_t listeners_beyond() const { return listeners_beyond_; }
  [[nodiscard]] std::uint64_t sockets_of_peers_beyond() const { return peers_beyond_; }
  /// Of sockets in the watched state that a process has open; some of them, ascending.
  [[nodiscard]] std::span<const std::uint64_t> watched_inodes() const { return inodes_; }

 private:
  void clear();
  void add_listener(const sentinel::procfs::TcpSocket& socket);
  void add(const sentinel::procfs::TcpSocket& socket);
  Listener* listener_of(const sentinel::procfs::TcpSocket& socket);
  void count_peer(const sentinel::procfs::TcpSocket& socket, bool outgoing);
  void finish();
  sentinel::Result<void> read_tables(const sentinel::procfs::Root& root, const std::string& net,
                                     sentinel::procfs::Buffer& buffer);

  std::string source_;
  StateCounts by_state_{};
  std::vector<Listener> listeners_;
  std::vector<std::uint32_t> slots_;  ///< 1 plus the index of the peer, by hash; 0: free
  std::vector<Peer> sorted_peers_;
  std::vector<std::uint64_t> inodes_;
  std::size_t peers_used_ = 0;
  std::uint64_t listeners_beyond_ = 0;
  std::uint64_t peers_beyond_ = 0;
  sentinel::procfs::TcpState watched_ = sentinel::procfs::TcpState::unknown;
};

}  // namespace snapshot
