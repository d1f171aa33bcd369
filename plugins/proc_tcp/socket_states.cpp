#include "plugins/proc_tcp/socket_states.hpp"

#include <sentinel/procfs/tcp_sockets.hpp>

#include <tcp_states.skel.h>

#include <time.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <limits>
#include <numeric>
#include <span>
#include <utility>

#include "plugins/proc_tcp/tcp_states.h"

namespace proc_tcp {

using namespace sentinel::procfs;
using sentinel::Error;
using sentinel::Result;

namespace {

std::span<const std::byte> program() {
  std::size_t size = 0;
  const void* bytes = tcp_states_bpf__elf_bytes(&size);
  return {static_cast<const std::byte*>(bytes), size};
}

Result<TcpStateCounts> count_over_netlink() {
  TcpStateCounts counts;
  const auto done = for_each_tcp_socket(every_tcp_state, [&counts](const TcpSocket& socket) {
    ++counts.sockets[static_cast<std::size_t>(socket.state)];
  });
  if (!done) return done.error();
  return counts;
}

/// Below this many, their number makes no difference.
constexpr std::uint64_t few_sockets = 1000;

std::uint64_t total(const TcpStateCounts& counts) {
  return std::accumulate(counts.sockets.begin(), counts.sockets.end(), std::uint64_t{0});
}

double thread_cpu_ms() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

/// CPU time of a count, the better of two: the first may find its memory cold. Nothing when it fails.
template <class Count>
std::optional<double> cpu_ms(Count&& count) {
  std::optional<double> least;
  for (int i = 0; i < 2; ++i) {
    const double begun = thread_cpu_ms();
    if (!count()) return std::nullopt;
    least = std::min(least.value_or(std::numeric_limits<double>::max()), thread_cpu_ms() - begun);
  }
  return least;
}

std::string ms(double value) {
  std::array<char, 32> text;
  const auto length = std::snprintf(text.data(), text.size(), "%.2f ms", value);
  return {text.data(), static_cast<std::size_t>(length)};
}

}  // namespace

SocketStates::SocketStates(std::string source, std::string net, bool own_namespace)
    : source_(std::move(source)), net_(std::move(net)), own_namespace_(own_namespace) {
  if (!may_use("bpf")) why_not_bpf_ = ruled_out();
  if (!may_use("netlink")) why_not_netlink_ = ruled_out();
}

bool SocketStates::may_use(std::string_view source) const {
  return own_namespace_ && (source_ == source || source_ == "auto");
}

std::string SocketStates::ruled_out() const {
  if (source_ != "auto") return "`source: " + source_ + "` is configured";
  return "it sees the agent's own network namespace alone, and `procfs` or `pid` name another";
}

Result<void> SocketStates::start(const sentinel::Host& host) {
  if (!may_use("bpf")) return {};
  auto loaded = sentinel::bpf::Iterator::load(program(), "count_tcp_states");
  if (loaded) {
    iterator_.emplace(std::move(*loaded));
    return {};
  }
  if (source_ == "bpf") return Error{loaded.error().code, loaded.error().message + "; or set `source: auto`"};
  why_not_bpf_ = loaded.error().message;
  told_of_bpf_ = true;
  host.info("counting TCP sockets without a BPF iterator: " + why_not_bpf_);
  return {};
}

Result<TcpStateCounts> SocketStates::count(const Root& root, const sentinel::Host& host) {
  auto counts = count_at_least_cost(root, host);
  if (counts) sockets_ = total(*counts);
  return counts;
}

Result<TcpStateCounts> SocketStates::count_at_least_cost(const Root& root, const sentinel::Host& host) {
  if (comparison_is_due()) compare();
  if (iterator_ && !netlink_is_cheaper_) {
    auto counts = count_by_iterator();
    if (counts || source_ == "bpf") {
      serves_ = "bpf";
      return counts;
    }
    why_not_bpf_ = counts.error().message;
    if (!std::exchange(told_of_bpf_, true)) host.info("counting TCP sockets without the BPF iterator: " + why_not_bpf_);
  }
  if (may_use("netlink")) {
    auto counts = count_over_netlink();
    if (counts) {
      serves_ = "netlink";
      return counts;
    }
    netlink_is_cheaper_ = false;
    if (source_ == "netlink") {
      return Error{counts.error().code, counts.error().message + "; set `source: procfs` to do without"};
    }
    why_not_netlink_ = counts.error().message;
    if (!std::exchange(told_of_netlink_, true)) host.info("reading net/tcp instead of netlink: " + why_not_netlink_);
  }
  serves_ = "procfs";
  return count_lines(root);
}

bool SocketStates::comparison_is_due() const {
  if (!iterator_ || !may_use("netlink")) return false;
  if (!compared_at_) return true;
  const auto now = std::max(sockets_, few_sockets);
  const auto then = std::max(*compared_at_, few_sockets);
  return now >= 2 * then || 2 * now <= then;
}

void SocketStates::compare() {
  std::uint64_t sockets = 0;
  const auto by_iterator = cpu_ms([&] { return count_by_iterator().ok(); });
  const auto over_netlink = cpu_ms([&] {
    const auto counts = count_over_netlink();
    if (counts) sockets = total(*counts);
    return counts.ok();
  });
  compared_at_ = sockets;
  // One that fails says why when it is used.
  netlink_is_cheaper_ = by_iterator && over_netlink && *over_netlink < *by_iterator;
  if (netlink_is_cheaper_) {
    why_not_bpf_ = "at " + std::to_string(sockets) + " sockets the iterator took " + ms(*by_iterator) +
                   " of CPU time and netlink " + ms(*over_netlink);
  }
}

Result<TcpStateCounts> SocketStates::count_by_iterator() {
  const auto written = iterator_->walk();
  if (!written) return written.error();
  tcp_states states{};
  if (written->size() != sizeof(states)) {
    return Error{sentinel::Errc::failed, "the BPF iterator over TCP sockets wrote " + std::to_string(written->size()) +
                                             " bytes, not " + std::to_string(sizeof(states)) +
                                             "; set `source: netlink` to do without"};
  }
  std::memcpy(&states, written->data(), sizeof(states));
  TcpStateCounts counts;
  for (std::size_t state = 0; state < std::size(states.sockets); ++state) {
    counts.sockets[state < tcp_state_count ? state : 0] += states.sockets[state];
  }
  return counts;
}

Result<TcpStateCounts> SocketStates::count_lines(const Root& root) {
  TcpStateCounts counts;
  for (const auto& file : {net_ + "tcp", net_ + "tcp6"}) {
    const auto text = root.read(file, buffer_);
    if (!text && file.ends_with('6') &&
        (text.error().code == sentinel::Errc::not_found || text.error().code == sentinel::Errc::unsupported)) {
      continue;  // a kernel without IPv6
    }
    if (!text) return text.error();
    const auto table = count_tcp_states(*text);
    if (!table) return table.error().in(root.full_path(file));
    counts += *table;
  }
  return counts;
}

void SocketStates::describe(sentinel::Rows& rows) const {
  if (serves_ == "bpf") return rows.add("sources", {{"source", "bpf"}, {"serves", "true"}, {"why_not", ""}});
  rows.add("sources", {{"source", "bpf"}, {"serves", "false"}, {"why_not", why_not_bpf_}});
  if (serves_ == "netlink") return rows.add("sources", {{"source", "netlink"}, {"serves", "true"}, {"why_not", ""}});
  rows.add("sources", {{"source", "netlink"}, {"serves", "false"}, {"why_not", why_not_netlink_}});
  if (serves_ == "procfs") rows.add("sources", {{"source", "procfs"}, {"serves", "true"}, {"why_not", ""}});
}

}  // namespace proc_tcp
