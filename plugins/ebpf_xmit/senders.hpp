#pragma once

#include <cstdint>
#include <optional>
#include <sentinel/bpf/funnel.hpp>
#include <sentinel/bpf/kallsyms.hpp>
#include <sentinel/plugin.hpp>
#include <string>
#include <unordered_map>

#include "plugins/ebpf_xmit/xmit.h"

/// Who sent: what the program counts by process and by stack, as tables for the status. Not thread-safe.
class Senders {
 public:
  /// Rows of a table: those that sent most.
  static constexpr std::size_t most_rows = 100;

  /// Tables `processes` and `stacks`, by bytes. `now_ns` is CLOCK_BOOTTIME.
  void tell(const sentinel::bpf::Funnel& funnel, std::uint64_t now_ns, sentinel::Rows& rows);

 private:
  static void tell_processes(const sentinel::bpf::Funnel& funnel, sentinel::Rows& rows);
  void tell_stacks(const sentinel::bpf::Funnel& funnel, std::uint64_t now_ns, sentinel::Rows& rows);
  const std::string& text_of(const sentinel::bpf::Funnel& funnel, std::uint64_t key, std::uint64_t now_ns);

  std::optional<sentinel::bpf::KernelSymbols> symbols_;
  std::unordered_map<std::uint64_t, std::string> texts_;  ///< of stacks by the program's key: each is read once
};

/// A count that the program keeps for each CPU.
[[nodiscard]] xmit_count count_of(const sentinel::bpf::Funnel& funnel, int map_fd, const void* key);
