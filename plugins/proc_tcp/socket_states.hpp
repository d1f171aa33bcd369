#pragma once

#include <sentinel/bpf/iterator.hpp>
#include <sentinel/procfs/buffer.hpp>
#include <sentinel/procfs/net_tcp.hpp>
#include <sentinel/procfs/proc_root.hpp>

#include <sentinel/collector.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace proc_tcp {

/// Counts the TCP sockets of a network namespace by state: by a BPF iterator, over netlink, or from the files net/tcp
/// and net/tcp6, which give the same sockets in the same states. One call at a time.
///
/// The iterator costs less for each socket, but more for each slot of the kernel's hash table, used or not; so which is
/// the cheaper depends on the machine and on how many sockets there are. It is tried out, and again when their number
/// has doubled or halved.
class SocketStates {
 public:
  /// `source` is auto, bpf, netlink or procfs; auto takes, of those that work, the cheaper of iterator and netlink, and
  /// the files last. `net` is the folder of the
  /// files beneath a Root; `own_namespace`: it is the agent's own, the only one that iterator and netlink see.
  SocketStates(std::string source, std::string net, bool own_namespace);

  /// Loads the iterator if it may serve. Errors: those of bpf::Iterator::load, with `source: bpf` alone.
  sentinel::Result<void> start(const sentinel::Host& host);
  void stop() { iterator_.reset(); }

  /// Errors: those of the last source that may serve.
  sentinel::Result<sentinel::procfs::TcpStateCounts> count(const sentinel::procfs::Root& root,
                                                           const sentinel::Host& host);

  /// The table `sources`: which one serves, and why not those that cost less.
  void describe(sentinel::Rows& rows) const;

 private:
  [[nodiscard]] bool may_use(std::string_view source) const;
  /// Why a source is not even tried.
  [[nodiscard]] std::string ruled_out() const;
  sentinel::Result<sentinel::procfs::TcpStateCounts> count_at_least_cost(const sentinel::procfs::Root& root,
                                                                         const sentinel::Host& host);
  sentinel::Result<sentinel::procfs::TcpStateCounts> count_by_iterator();
  [[nodiscard]] bool comparison_is_due() const;
  void compare();
  sentinel::Result<sentinel::procfs::TcpStateCounts> count_lines(const sentinel::procfs::Root& root);

  std::string source_;
  std::string net_;
  bool own_namespace_;
  std::optional<sentinel::bpf::Iterator> iterator_;
  std::uint64_t sockets_ = 0;                 // of the last count
  std::optional<std::uint64_t> compared_at_;  // so many sockets
  bool netlink_is_cheaper_ = false;
  std::string_view serves_;  // empty before the first count
  std::string why_not_bpf_;
  std::string why_not_netlink_;
  bool told_of_bpf_ = false;
  bool told_of_netlink_ = false;
  sentinel::procfs::Buffer buffer_;
};

}  // namespace proc_tcp
