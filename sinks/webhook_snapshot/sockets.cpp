#include "sinks/webhook_snapshot/sockets.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>

namespace snapshot {
namespace {

using sentinel::Errc;
using sentinel::Result;
using sentinel::procfs::Buffer;
using sentinel::procfs::every_tcp_state;
using sentinel::procfs::for_each_tcp_socket;
using sentinel::procfs::only;
using sentinel::procfs::parse_tcp_sockets;
using sentinel::procfs::Root;
using sentinel::procfs::TcpEnd;
using sentinel::procfs::TcpSocket;
using sentinel::procfs::TcpState;

constexpr std::size_t most_listeners = 1024;
constexpr std::size_t most_peers = 4096;
constexpr std::size_t peer_slots = 2 * most_peers;
constexpr std::size_t most_inodes = 4096;

std::size_t index_of(TcpState state) {
  return static_cast<std::size_t>(state);
}

std::uint64_t hash_of(const Peer& peer) {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  std::memcpy(&low, peer.address.data(), 8);
  std::memcpy(&high, peer.address.data() + 8, 8);
  std::uint64_t hash =
      low * 0x9e3779b97f4a7c15U ^ (high + peer.port + (peer.outgoing ? 0x10000U : 0U)) * 0xff51afd7ed558ccdU;
  hash ^= hash >> 29U;
  return hash * 0xbf58476d1ce4e5b9U >> 20U;
}

bool same(const Peer& a, const Peer& b) {
  return a.address == b.address && a.port == b.port && a.outgoing == b.outgoing && a.ipv6 == b.ipv6;
}

bool by_port(const Listener& a, const Listener& b) {
  return a.local.port < b.local.port;
}

}  // namespace

std::string address_text(const std::array<std::uint8_t, 16>& address, bool ipv6) {
  std::array<char, INET6_ADDRSTRLEN> text;
  return ::inet_ntop(ipv6 ? AF_INET6 : AF_INET, address.data(), text.data(), text.size());
}

std::string end_text(const TcpEnd& end, bool ipv6) {
  const bool any = end.address == std::array<std::uint8_t, 16>{};
  const auto address = any ? "*" : address_text(end.address, ipv6);
  return (ipv6 && !any ? "[" + address + "]" : address) + ":" + std::to_string(end.port);
}

SocketTable::SocketTable() : slots_(peer_slots), sorted_peers_(most_peers) {
  listeners_.resize(most_listeners);
  inodes_.resize(most_inodes);
  clear();
}

void SocketTable::clear() {
  by_state_ = {};
  listeners_.clear();
  inodes_.clear();
  std::fill(slots_.begin(), slots_.end(), 0);
  peers_used_ = 0;
  listeners_beyond_ = 0;
  peers_beyond_ = 0;
}

std::uint64_t SocketTable::total() const {
  std::uint64_t sum = 0;
  for (const auto count : by_state_) sum += count;
  return sum;
}

Result<void> SocketTable::read(const Root& root, const std::string& net, bool by_netlink, TcpState watched,
                               Buffer& buffer) {
  watched_ = watched;
  if (by_netlink) {
    clear();
    // Listeners come first, because what the others are is told by them.
    auto done = for_each_tcp_socket(only(TcpState::listen), [this](const TcpSocket& socket) { add_listener(socket); });
    std::sort(listeners_.begin(), listeners_.end(), by_port);
    if (done) {
      done = for_each_tcp_socket(every_tcp_state & ~only(TcpState::listen),
                                 [this](const TcpSocket& socket) { add(socket); });
    }
    if (done) {
      source_ = "netlink";
      finish();
      return {};
    }
  }
  source_ = net + "tcp";
  clear();
  const auto done = read_tables(root, net, buffer);
  finish();
  return done;
}

Result<void> SocketTable::read_tables(const Root& root, const std::string& net, Buffer& buffer) {
  for (const bool listeners : {true, false}) {
    for (const auto* table : {"tcp", "tcp6"}) {
      const auto text = root.read(net + table, buffer);
      if (!text && table[3] == '6' && text.error().code == Errc::not_found) continue;
      if (!text) return text.error();
      const auto states = listeners ? only(TcpState::listen) : every_tcp_state & ~only(TcpState::listen);
      const auto bad = parse_tcp_sockets(
          *text, states, [&](const TcpSocket& socket) { listeners ? add_listener(socket) : add(socket); });
      if (!bad) return bad.error().in(root.full_path(net + table));
    }
    if (listeners) std::sort(listeners_.begin(), listeners_.end(), by_port);
  }
  // What a text calls the send queue of a listener is always 0.
  return {};
}

void SocketTable::add_listener(const TcpSocket& socket) {
  ++by_state_[index_of(socket.state)];
  if (listeners_.size() == most_listeners) {
    ++listeners_beyond_;
    return;
  }
  Listener made;
  made.local = socket.local;
  made.ipv6 = socket.ipv6;
  made.waiting = socket.receive_queue;
  made.backlog = socket.send_queue;
  made.uid = socket.uid;
  made.inode = socket.inode;
  listeners_.push_back(made);
}

Listener* SocketTable::listener_of(const TcpSocket& socket) {
  Listener wanted;
  wanted.local.port = socket.local.port;
  const auto range = std::equal_range(listeners_.begin(), listeners_.end(), wanted, by_port);
  Listener* any = nullptr;
  for (auto at = range.first; at != range.second; ++at) {
    if (at->local.address == socket.local.address) return &*at;
    if (any == nullptr || at->local.address == std::array<std::uint8_t, 16>{}) any = &*at;
  }
  return any;
}

void SocketTable::add(const TcpSocket& socket) {
  ++by_state_[index_of(socket.state)];
  Listener* listener = listener_of(socket);
  if (listener != nullptr) {
    ++listener->total;
    ++listener->by_state[index_of(socket.state)];
  }
  if (socket.state != TcpState::close) count_peer(socket, listener == nullptr);
  if (socket.state == watched_ && socket.inode != 0 && inodes_.size() < most_inodes) inodes_.push_back(socket.inode);
}

void SocketTable::count_peer(const TcpSocket& socket, bool outgoing) {
  Peer wanted;
  wanted.address = socket.remote.address;
  wanted.ipv6 = socket.ipv6;
  wanted.outgoing = outgoing;
  wanted.port = outgoing ? socket.remote.port : socket.local.port;
  for (auto slot = hash_of(wanted) % peer_slots;; slot = (slot + 1) % peer_slots) {
    if (slots_[slot] == 0) {
      if (peers_used_ == most_peers) {
        ++peers_beyond_;
        return;
      }
      sorted_peers_[peers_used_++] = wanted;
      slots_[slot] = static_cast<std::uint32_t>(peers_used_);
    }
    Peer& peer = sorted_peers_[slots_[slot] - 1];
    if (!same(peer, wanted)) continue;
    ++peer.total;
    ++peer.by_state[index_of(socket.state)];
    return;
  }
}

void SocketTable::finish() {
  std::sort(listeners_.begin(), listeners_.end(), [](const Listener& a, const Listener& b) {
    return a.total != b.total ? a.total > b.total : a.local.port < b.local.port;
  });
  std::sort(sorted_peers_.begin(), sorted_peers_.begin() + static_cast<std::ptrdiff_t>(peers_used_),
            [](const Peer& a, const Peer& b) {
              if (a.total != b.total) return a.total > b.total;
              return a.address != b.address ? a.address < b.address : a.port < b.port;
            });
  std::sort(inodes_.begin(), inodes_.end());
}

}  // namespace snapshot
