#pragma once

#include <cstddef>
#include <cstdint>
#include <sentinel/result.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace sentinel::procfs {

/// One line of /proc/meminfo.
struct MemField {
  std::string name;         ///< as the kernel prints it: "Active(anon)"
  std::string key;          ///< meminfo_key(name): "active_anon"; unique within a MemInfo
  std::uint64_t value = 0;  ///< KiB when is_kib, else a plain count (pages of huge memory)
  bool is_kib = false;

  /// The value in bytes; only meaningful when is_kib. Never overflows: the parser refuses larger values.
  [[nodiscard]] std::uint64_t bytes() const noexcept { return value * 1024; }
};

/// /proc/meminfo
struct MemInfo {
  std::vector<MemField> fields;     ///< in the kernel's order; names and keys never repeat
  std::size_t malformed_lines = 0;  ///< lines that were left out: unreadable or doubled

  /// The field of this kernel name, or null. Valid until the next parse.
  [[nodiscard]] const MemField* find(std::string_view name) const noexcept;

  /// A field in bytes. Errors: no_data when this kernel does not print it in kB.
  [[nodiscard]] Result<std::uint64_t> bytes(std::string_view name) const;

  [[nodiscard]] Result<std::uint64_t> total_bytes() const { return bytes("MemTotal"); }
  [[nodiscard]] Result<std::uint64_t> free_bytes() const { return bytes("MemFree"); }
  /// no_data before Linux 3.14, which has no such estimate; nothing is made up in its place.
  [[nodiscard]] Result<std::uint64_t> available_bytes() const { return bytes("MemAvailable"); }
};

/// Parses /proc/meminfo (fs/proc/meminfo.c, proc_meminfo(5)), every line of it. `out` is overwritten; reusing it makes
/// a call that meets the same fields as before allocate nothing. At most 256 fields are kept.
/// Errors: invalid_argument when MemTotal is missing or malformed, or the last line is cut; `out` is then unspecified.
Result<void> parse_meminfo(std::string_view text, MemInfo& out);

/// A field's name in snake case without the `mem` prefix: MemTotal → total, Active(anon) → active_anon,
/// HugePages_Total → huge_pages_total, DirectMap4k → direct_map4k, KReclaimable → k_reclaimable. Holds only [a-z0-9_];
/// empty when the name has no letter or digit.
std::string meminfo_key(std::string_view name);

}  // namespace sentinel::procfs
