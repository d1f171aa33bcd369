#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <sentinel/procfs/buffer.hpp>
#include <sentinel/procfs/proc_root.hpp>
#include <sentinel/result.hpp>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace sentinel::bpf {

/// Where in the kernel an address lies. The texts are views into the table that gave them, valid until it is loaded
/// anew.
struct KernelLocation {
  std::string_view name;
  std::string_view module;   ///< "nf_conntrack", "bpf"; empty: the kernel's own image
  std::uint64_t offset = 0;  ///< bytes from the symbol's first
};

/// The text symbols (t, T, w, W) of /proc/kallsyms, packed: 16 bytes each, the names in one arena; 2.5 MiB for the
/// 122,000 lines of Linux 6.18. Names of padding before a function (__pfx_, __cfi_) are left out: nothing runs there.
/// Immutable once parsed; then any thread.
class SymbolTable {
 public:
  static constexpr std::size_t most_symbols = std::size_t{1} << 20;
  static constexpr std::size_t most_modules = 65'535;
  /// No function is longer. What lies further behind a symbol that nothing else bounds is not part of it.
  static constexpr std::uint64_t longest_function_bytes = 256 * 1024;

  /// Where `address` lies; nothing for what is outside every function: data, user space, behind the end of a section
  /// (_etext, _einittext, the first symbol of data) or of a module. Allocates nothing.
  [[nodiscard]] std::optional<KernelLocation> lookup(std::uint64_t address) const noexcept;

  [[nodiscard]] std::size_t size() const noexcept { return symbols_; }
  [[nodiscard]] std::size_t memory_bytes() const noexcept;

 private:
  friend class SymbolTableBuilder;

  /// A symbol, or with no length the end of what lies before it.
  struct Entry {
    std::uint64_t address;
    std::uint32_t name;  ///< its first byte in names_
    std::uint16_t length;
    std::uint16_t module;  ///< index of modules_
  };

  std::vector<Entry> entries_;  ///< by address, one an address
  std::string names_;
  std::vector<std::string> modules_;
  std::size_t symbols_ = 0;
};

/// Parses /proc/kallsyms (kernel/kallsyms.c s_show, "address type name\t[module]"), and /proc/modules
/// (kernel/module/procfs.c m_show; may be empty) for where modules end. A byte of a name that is no printable ASCII
/// becomes '?'. Of several names of one address the first counts, as in the kernel.
/// Errors: permission when every address is zero (kernel.kptr_restrict hides them from those without CAP_SYSLOG);
/// invalid_argument when a line is malformed or cut, or no line is a text symbol; exhausted beyond the limits above.
Result<SymbolTable> parse_kallsyms(std::string_view kallsyms, std::string_view modules = {});

/// Names for kernel addresses, from a proc root, kept up to date: modules and BPF programs come and go.
/// Reading takes about 50 ms of the kernel's time and 16 MiB for as long as it lasts: the first use does it, not the
/// constructor. Not thread-safe.
class KernelSymbols {
 public:
  /// An address that is not known makes the table be read again, but not sooner than this after the last look.
  static constexpr std::uint64_t reload_interval_ns = 30'000'000'000;

  explicit KernelSymbols(procfs::Root proc) : proc_(std::move(proc)) {}

  /// Reads the table now. The old one stays when that fails.
  /// Errors: as parse_kallsyms() and procfs::Root; not_found when the kernel has no CONFIG_KALLSYMS.
  Result<void> load(std::uint64_t now_ns);

  /// As SymbolTable::lookup(). Without a table, or when nothing is known of `address` and /proc/modules has changed or
  /// `address` is asked for for the first time (a BPF program that was loaded meanwhile), reads the table again, at
  /// most once in reload_interval_ns. `now_ns` is CLOCK_BOOTTIME. What fails is kept in error().
  [[nodiscard]] std::optional<KernelLocation> lookup(std::uint64_t address, std::uint64_t now_ns);

  /// The frames of `stack` (innermost first, as bpf_get_stack gives them), each "tcp_set_state+0x12 [module]", unknown
  /// ones "0xffffffffc0201000", with `separator` between them; a view into `buffer`, which is overwritten. Frames
  /// behind the first hold return addresses, so they are looked up one byte before: a call that ends a function stays
  /// in it. Leading frames of BPF itself and of what leads to it (is_bpf_plumbing()) are left out, and unknown ones
  /// before those; a stack of nothing else stays whole. Allocates nothing once the buffer is large enough.
  std::string_view symbolize(std::span<const std::uint64_t> stack, std::uint64_t now_ns, std::string& buffer,
                             std::string_view separator = "\n");

  [[nodiscard]] const SymbolTable& table() const noexcept { return table_; }
  /// Why the last load failed; nothing when it did not.
  [[nodiscard]] const std::optional<Error>& error() const noexcept { return error_; }
  [[nodiscard]] std::uint64_t loads() const noexcept { return loads_; }

 private:
  [[nodiscard]] bool worth_reloading(std::uint64_t address, std::uint64_t now_ns);
  std::optional<KernelLocation> frame(std::span<const std::uint64_t> stack, std::size_t i, std::uint64_t now_ns);
  [[nodiscard]] std::size_t leading_plumbing(std::span<const std::uint64_t> stack, std::uint64_t now_ns);

  /// Of addresses, that are looked up faster the second time: stacks mostly consist of the same few.
  static constexpr std::size_t most_known = 4096;

  procfs::Root proc_;
  procfs::Buffer modules_text_;
  SymbolTable table_;
  std::unordered_map<std::uint64_t, KernelLocation> known_;
  std::optional<Error> error_;
  std::vector<std::uint64_t> unknown_;  ///< what the present table was asked for in vain
  std::size_t modules_hash_ = 0;
  std::optional<std::uint64_t> looked_ns_;
  std::uint64_t loads_ = 0;
};

/// Whether a function of this name stands between an event and the BPF program that it runs: the program and its
/// trampoline, the helper that takes the stack, and the plumbing of tracepoints, fentry and kprobes.
[[nodiscard]] bool is_bpf_plumbing(std::string_view name) noexcept;

}  // namespace sentinel::bpf
