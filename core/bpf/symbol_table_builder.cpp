#include "core/bpf/symbol_table_builder.hpp"

#include <algorithm>
#include <iterator>
#include <limits>

#include "core/procfs/scan.hpp"

namespace sentinel::bpf {
namespace {

constexpr std::string_view file = "kallsyms";

struct Line {
  std::uint64_t address = 0;
  char type = '?';
  std::string_view name;
  std::string_view module;
};

bool parse_line(std::string_view line, Line& out) {
  std::string_view type;
  if (!procfs::take_hex(line, out.address) || !procfs::take_word(line, type) || type.size() != 1) return false;
  if (!procfs::take_word(line, out.name)) return false;
  out.type = type.front();
  procfs::skip_blanks(line);
  if (line.empty()) return true;
  if (line.size() < 3 || line.front() != '[' || line.back() != ']') return false;
  out.module = line.substr(1, line.size() - 2);
  return true;
}

bool is_text(char type) {
  return type == 't' || type == 'T' || type == 'w' || type == 'W';
}

/// Where a section of text ends; no function begins there.
bool is_section_end(std::string_view name) {
  return name == "_etext" || name == "_einittext" || name == "_end";
}

bool is_padding(std::string_view name) {
  return name.starts_with("__pfx_") || name.starts_with("__cfi_");
}

}  // namespace

SymbolTable::Entry SymbolTableBuilder::end_at(std::uint64_t address, End kind) {
  return {address, 0, 0, static_cast<std::uint16_t>(kind)};
}

bool SymbolTableBuilder::is_end(const Entry& entry, End kind) {
  return entry.length == 0 && entry.module == static_cast<std::uint16_t>(kind);
}

Result<void> SymbolTableBuilder::add_symbol(std::string_view text) {
  Line line;
  if (!parse_line(text, line)) return procfs::malformed(file, "\"address type name [module]\"", text);
  const bool text_symbol = is_text(line.type);
  text_seen_ = text_seen_ || text_symbol;
  if (line.address == 0) return {};
  if (is_section_end(line.name)) {
    table_.entries_.push_back(end_at(line.address, End::of_section));
    return {};
  }
  if (!text_symbol) {
    add_data(line.address, line.module.empty());
    return {};
  }
  if (is_padding(line.name)) return {};
  constexpr auto longest_name = std::numeric_limits<std::uint16_t>::max();
  if (line.name.size() > longest_name) return procfs::malformed(file, "a name of at most 65535 bytes", text);
  if (table_.symbols_ == SymbolTable::most_symbols) {
    return Error{Errc::exhausted, "kallsyms: more than " + std::to_string(SymbolTable::most_symbols) +
                                      " text symbols; check that the procfs path names a real proc tree"};
  }
  const auto module = module_index(line.module);
  if (!module) return module.error();
  table_.entries_.push_back(
      {line.address, keep_name(line.name), static_cast<std::uint16_t>(line.name.size()), *module});
  ++table_.symbols_;
  return {};
}

Result<void> SymbolTableBuilder::add_module(std::string_view text) {
  auto rest = text;
  Module module;
  std::string_view word;
  std::uint64_t size = 0;
  std::uint64_t base = 0;
  // "name size references users state 0xaddress", behind it "(OE)" of a tainting one.
  bool good = procfs::take_word(rest, module.name) && procfs::take_u64(rest, size);
  for (int skipped = 0; good && skipped < 3; ++skipped) good = procfs::take_word(rest, word);
  procfs::skip_blanks(rest);
  good = good && rest.starts_with("0x");
  if (good) rest.remove_prefix(2);
  if (!good || !procfs::take_hex(rest, base) || size > std::numeric_limits<std::uint64_t>::max() - base) {
    return procfs::malformed("modules", "\"name size references users state 0xaddress\"", text);
  }
  module.end = base + size;
  if (base != 0) modules_.push_back(module);
  return {};
}

// With CONFIG_KALLSYMS_ALL most lines are data: of the kernel's own, which are in order, one behind text is enough.
void SymbolTableBuilder::add_data(std::uint64_t address, bool in_order) {
  auto& entries = table_.entries_;
  if (in_order && !entries.empty() && entries.back().length == 0 && entries.back().address <= address) return;
  if (entries.size() - table_.symbols_ >= SymbolTable::most_symbols) return;
  entries.push_back(end_at(address, End::of_text));
}

Result<std::uint16_t> SymbolTableBuilder::module_index(std::string_view name) {
  auto& names = table_.modules_;
  if (names.empty()) names.emplace_back();  // the kernel's own image
  if (name.empty()) return std::uint16_t{0};
  if (names[last_module_] == name) return last_module_;  // a module's lines follow each other
  if (names.size() == SymbolTable::most_modules) {
    return Error{Errc::exhausted, "kallsyms: more than " + std::to_string(SymbolTable::most_modules) +
                                      " modules; check that the procfs path names a real proc tree"};
  }
  std::string printable(name);
  std::ranges::replace_if(
      printable, [](char c) { return c <= ' ' || c > '~'; }, '?');
  names.push_back(std::move(printable));
  last_module_ = static_cast<std::uint16_t>(names.size() - 1);
  return last_module_;
}

std::uint32_t SymbolTableBuilder::keep_name(std::string_view name) {
  const auto at = static_cast<std::uint32_t>(table_.names_.size());
  std::ranges::transform(name, std::back_inserter(table_.names_), [](char c) { return c <= ' ' || c > '~' ? '?' : c; });
  return at;
}

std::uint64_t SymbolTableBuilder::end_of(std::uint16_t module) const {
  const auto found = std::ranges::find(modules_, std::string_view(table_.modules_[module]), &Module::name);
  return found == modules_.end() ? 0 : found->end;
}

// Since Linux 6.4 a module's text lies apart from its data, whose size counts too: its end may lie within the next
// module, where it bounds nothing.
void SymbolTableBuilder::end_modules() {
  auto& entries = table_.entries_;
  std::vector<Entry> ends;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (entries[i].length == 0 || entries[i].module == 0) continue;  // an end has no module
    const bool last = i + 1 == entries.size();
    if (!last && entries[i + 1].length > 0 && entries[i + 1].module == entries[i].module) continue;
    const auto end = end_of(entries[i].module);
    if (end > entries[i].address && (last || end < entries[i + 1].address)) ends.push_back(end_at(end, End::of_text));
  }
  if (ends.empty()) return;
  const auto middle = static_cast<std::ptrdiff_t>(entries.size());
  entries.insert(entries.end(), ends.begin(), ends.end());
  std::inplace_merge(entries.begin(), entries.begin() + middle, entries.end(),
                     [](const Entry& a, const Entry& b) { return a.address < b.address; });
}

// Keeps one entry an address and one end behind each symbol. Of an address the first name counts; where data begins,
// text may begin too (__init_begin, _sinittext), but none begins where a section ends.
void SymbolTableBuilder::drop_what_bounds_nothing() {
  auto& entries = table_.entries_;
  std::size_t kept = 0;
  for (const Entry& entry : entries) {
    if (kept > 0) {
      Entry& before = entries[kept - 1];
      const bool same = before.address == entry.address;
      if (same && (is_end(entry, End::of_section) || is_end(before, End::of_text))) before = entry;
      if (same || (before.length == 0 && entry.length == 0)) continue;
    }
    entries[kept++] = entry;
  }
  entries.resize(kept);
  table_.symbols_ =
      static_cast<std::size_t>(std::ranges::count_if(entries, [](const Entry& e) { return e.length > 0; }));
}

Result<SymbolTable> SymbolTableBuilder::finish() {
  if (!text_seen_) return procfs::missing(file, "of type t, T, w or W");
  if (table_.symbols_ == 0) {
    return Error{Errc::permission,
                 "kallsyms: the kernel hides its addresses, every one is zero; give this process CAP_SYSLOG and set "
                 "kernel.kptr_restrict below 2, or set kernel.kptr_restrict=0 and kernel.perf_event_paranoid=1"};
  }
  const auto by_address = [](const Entry& a, const Entry& b) { return a.address < b.address; };
  if (!std::ranges::is_sorted(table_.entries_, by_address)) {
    std::stable_sort(table_.entries_.begin(), table_.entries_.end(), by_address);
  }
  end_modules();
  drop_what_bounds_nothing();
  table_.entries_.shrink_to_fit();
  table_.names_.shrink_to_fit();
  return std::move(table_);
}

Result<SymbolTable> parse_kallsyms(std::string_view kallsyms, std::string_view modules) {
  SymbolTableBuilder builder;
  std::string_view line;
  while (procfs::take_line(modules, line)) {
    if (const auto added = builder.add_module(line); !added) return added.error();
  }
  if (!modules.empty()) return procfs::cut("modules", modules);
  while (procfs::take_line(kallsyms, line)) {
    if (const auto added = builder.add_symbol(line); !added) return added.error();
  }
  if (!kallsyms.empty()) return procfs::cut(file, kallsyms);
  return builder.finish();
}

}  // namespace sentinel::bpf
