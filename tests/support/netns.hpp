#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <sentinel/procfs/unique_fd.hpp>
#include <sentinel/result.hpp>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace sentinel::testing {

/// Two network namespaces of the test's own, joined by a veth pair, with an IPv4 and an IPv6 address each and loopback
/// up. They have no names: the kernel takes them down with the object, and with the test when that is killed. Their
/// counters (/proc/thread-self/net/snmp, for /proc/net is the main thread's) begin at zero.
///
///   auto network = NetworkNamespaces::make();
///   ASSERT_TRUE(network) << network.error().message;
///   const auto listener = network->run_in(NetworkNamespaces::right, [] { return … });
class NetworkNamespaces {
 public:
  enum Side { left = 0, right = 1 };

  /// Errors: permission without CAP_SYS_ADMIN and CAP_NET_ADMIN; unsupported when the kernel has no veth; failed with
  /// what iproute2's `ip` says.
  static Result<NetworkNamespaces> make();

  /// Of the veth's ends, out of the blocks that are for documentation: no network has them.
  [[nodiscard]] static std::string ipv4(Side side) { return side == left ? "192.0.2.1" : "192.0.2.2"; }
  [[nodiscard]] static std::string ipv6(Side side) { return side == left ? "2001:db8::1" : "2001:db8::2"; }
  /// The veth's end inside a namespace.
  [[nodiscard]] static std::string device(Side side) { return side == left ? "left" : "right"; }
  /// The namespace's number, as the kernel's net->ns.inum and `readlink /proc/<pid>/ns/net` show it.
  [[nodiscard]] std::uint32_t id(Side side) const;

  /// Calls it in the namespace and returns what it returns: on a thread of its own, which is joined. A socket made
  /// there belongs to the namespace wherever it is used, and what a listener of it accepts too. A Process begun there
  /// is killed when the call returns, because the thread that began it ends.
  template <class Callable>
  std::invoke_result_t<Callable> run_in(Side side, Callable&& call) const {
    if constexpr (std::is_void_v<std::invoke_result_t<Callable>>) {
      enter(side, [&] { call(); });
    } else {
      std::optional<std::invoke_result_t<Callable>> returned;
      enter(side, [&] { returned.emplace(call()); });
      return std::move(*returned);
    }
  }

  /// Drops TCP segments that come in at one side, at random, 0 < probability <= 1; of IPv4 and IPv6. Once a side.
  /// Errors: failed with what iptables says.
  Result<void> drop_segments(Side side, double probability);
  /// How many drop_segments() has dropped at this side.
  [[nodiscard]] Result<std::uint64_t> dropped_segments(Side side) const;

 private:
  NetworkNamespaces() = default;
  void enter(Side side, const std::function<void()>& call) const;

  procfs::UniqueFd namespaces_[2];
};

}  // namespace sentinel::testing
