#pragma once

#include <cstdint>
#include <sentinel/bpf/kallsyms.hpp>
#include <sentinel/result.hpp>
#include <string_view>
#include <vector>

namespace sentinel::bpf {

/// Fills a SymbolTable from the lines of /proc/kallsyms and /proc/modules, then sorts and bounds it.
class SymbolTableBuilder {
 public:
  /// One line of /proc/kallsyms. Errors: invalid_argument, exhausted.
  Result<void> add_symbol(std::string_view line);
  /// One line of /proc/modules. Errors: invalid_argument.
  Result<void> add_module(std::string_view line);
  /// Errors: permission, invalid_argument.
  Result<SymbolTable> finish();

 private:
  using Entry = SymbolTable::Entry;

  struct Module {
    std::string_view name;
    std::uint64_t end;  ///< first address behind it
  };

  /// What the `module` of an entry without a name tells.
  enum class End : std::uint16_t { of_text, of_section };

  static Entry end_at(std::uint64_t address, End kind);
  static bool is_end(const Entry& entry, End kind);
  void add_data(std::uint64_t address, bool in_order);
  Result<std::uint16_t> module_index(std::string_view name);
  std::uint32_t keep_name(std::string_view name);
  void end_modules();
  void drop_what_bounds_nothing();
  [[nodiscard]] std::uint64_t end_of(std::uint16_t module) const;

  SymbolTable table_;
  std::vector<Module> modules_;
  bool text_seen_ = false;  ///< also when its addresses were hidden
  std::uint16_t last_module_ = 0;
};

}  // namespace sentinel::bpf
