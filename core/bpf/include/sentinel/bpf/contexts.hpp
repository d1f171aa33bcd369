#pragma once

#include <sentinel/bpf/funnel.h>
#include <cstdint>
#include <optional>
#include <sentinel/bpf/kallsyms.hpp>
#include <sentinel/bpf/process_cache.hpp>
#include <sentinel/metric.hpp>
#include <sentinel/result.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sentinel::bpf {

/// Makes the context of an event from what the program took when it happened, and adds what user space knows: the
/// executable, the container, the pod, and the names of the stack's frames. Not thread-safe.
class Contexts {
 public:
  /// Reads the kernel's symbols, which takes some 50 ms, unless it has them: to be called before events come, or a full
  /// ring waits for it. Errors: as KernelSymbols::load(), once: stacks have no names then.
  Result<void> prepare(std::uint64_t now_ns);

  /// Remembers the process, so that it has its name when it is gone. Touches no file. `exec`: it runs another program
  /// from now on, which is `exe` as the caller named it.
  void note(const funnel_process& process, bool exec = false, std::string_view exe = {});

  /// Views into this and into `process`, valid until the next call. `now_ns` is CLOCK_BOOTTIME. A `comm` of the
  /// kernel's may hold any byte; the agent cleans it. `behind` is a second stack, which follows the first after a frame
  /// of address 0, named "--".
  Context of(const funnel_process& process, std::span<const std::uint64_t> stack, std::uint64_t now_ns,
             std::span<const std::uint64_t> behind = {});

 private:
  void open();
  void add_stack(std::span<const std::uint64_t> stack, std::uint64_t now_ns, std::string& names);

  bool opened_ = false;
  std::optional<ProcessCache> processes_;
  std::optional<KernelSymbols> symbols_;
  std::string pod_;
  std::string names_;
  std::string names_behind_;
  std::vector<std::uint64_t> stack_;
  std::vector<sentinel_string> frames_;
};

/// `comm` up to its end.
[[nodiscard]] std::string_view comm_of(const char (&comm)[FUNNEL_COMM]);

}  // namespace sentinel::bpf
