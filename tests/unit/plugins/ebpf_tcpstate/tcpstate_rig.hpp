#pragma once

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "core/store/store.hpp"
#include "tests/support/netns.hpp"
#include "tests/support/privilege.hpp"
#include "tests/support/tcp_traffic.hpp"
#include "tests/unit/plugins/rig.hpp"

/// The collector against this kernel, told to see one network namespace alone: what the machine does beside is no
/// matter. SENTINEL_BPF_HOOKS forces a kind of hook.
namespace tcpstate {

inline constexpr auto event = "sentinel_tcp_transition";

inline rig::ConfigValues config(const sentinel::testing::NetworkNamespaces& network, rig::ConfigValues more = {}) {
  using sentinel::testing::NetworkNamespaces;
  const char* forced = std::getenv("SENTINEL_BPF_HOOKS");
  more.emplace("hooks", forced == nullptr ? "auto" : forced);
  more.emplace("netns", std::to_string(network.id(NetworkNamespaces::left)) + "," +
                            std::to_string(network.id(NetworkNamespaces::right)));
  return more;
}

/// Sum of all series of a metric that carry this text.
inline std::uint64_t sum(const rig::Values& values, const std::string& metric, const std::string& with = {}) {
  double total = 0;
  for (const auto& [series, value] : values) {
    if (series.starts_with(metric + "{") && series.find(with) != std::string::npos) total += value;
  }
  return static_cast<std::uint64_t>(total);
}

inline std::uint64_t outcome(const rig::Values& values, const std::string& name) {
  return sum(values, "sentinel_bpf_events_total", "outcome=\"" + name + "\"");
}

/// Whether every event that was seen is accounted for.
inline bool balances(const rig::Values& values) {
  std::uint64_t all = 0;
  for (const char* name : {"filtered", "sampled_out", "folded", "submitted", "lost_ring", "lost_map", "lost_storage"}) {
    all += outcome(values, name);
  }
  return outcome(values, "seen") == all;
}

}  // namespace tcpstate
