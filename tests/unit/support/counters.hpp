#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <sentinel/procfs/snmp.hpp>
#include <string>

#include "tests/support/netns.hpp"
#include "tests/support/process.hpp"

namespace sentinel::testing {

/// The kernel's own count of TCP in a namespace: "ActiveOpens", "PassiveOpens", "EstabResets", "OutRsts" … of
/// proc_net_snmp(5).
inline std::uint64_t tcp_counter(const NetworkNamespaces& network, NetworkNamespaces::Side side, const char* name) {
  const std::string text = network.run_in(side, [] { return read_text("/proc/thread-self/net/snmp"); });
  const auto table = procfs::parse_snmp(text);
  const auto found = table ? table->find("Tcp", name) : std::nullopt;
  if (!found) ADD_FAILURE() << "no " << name << " in:\n" << text;
  return found.value_or(0);
}

}  // namespace sentinel::testing
