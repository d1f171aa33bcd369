#pragma once

#include <optional>
#include <string>

/// What a test needs of the machine, tried for real. The reason for skipping the test when it is missing: what was
/// refused, and how to get it.
///
///   TEST(TcpState, counts_every_transition) {
///     SENTINEL_REQUIRE_BPF();
namespace sentinel::testing {

/// Loading an eBPF program that traces, by a kernel that describes its types (/sys/kernel/btf/vmlinux).
[[nodiscard]] std::optional<std::string> why_no_bpf();

/// Making network namespaces (NetworkNamespaces).
[[nodiscard]] std::optional<std::string> why_no_network_namespaces();

/// Names for the kernel's addresses (/proc/kallsyms).
[[nodiscard]] std::optional<std::string> why_no_kernel_symbols();

}  // namespace sentinel::testing

// NOLINTBEGIN(cppcoreguidelines-macro-usage): GTEST_SKIP() returns from the function that it stands in.
#define SENTINEL_REQUIRE_BPF() \
  if (const auto why_not = ::sentinel::testing::why_no_bpf()) GTEST_SKIP() << *why_not
#define SENTINEL_REQUIRE_NETWORK_NAMESPACES() \
  if (const auto why_not = ::sentinel::testing::why_no_network_namespaces()) GTEST_SKIP() << *why_not
// NOLINTEND(cppcoreguidelines-macro-usage)
