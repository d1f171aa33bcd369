#include <sentinel/bpf/kallsyms.hpp>

#include <array>
#include <charconv>
#include <limits>

#include "tests/fuzz/harness.hpp"

using namespace sentinel::fuzz;
using namespace sentinel::bpf;

namespace {

void require_sound(const SymbolTable& table, std::uint64_t address) {
  const auto found = table.lookup(address);
  if (!found) return;
  require(!found->name.empty(), "what is found has a name");
  for (const char c : found->name) require(c > ' ' && c <= '~', "a name is printable");
  for (const char c : found->module) require(c > ' ' && c <= '~', "a module's name is printable");
  require(found->offset < SymbolTable::longest_function_bytes && found->offset < address, "no huge offset");
  const auto begin = table.lookup(address - found->offset);
  require(begin && begin->name == found->name && begin->offset == 0, "the symbol begins where the offset says");
}

}  // namespace

/// The input is both files, with a 0 between them.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto all = text(data, size);
  const auto end = all.find('\0');
  const auto kallsyms = all.substr(0, end);
  const auto modules = end == std::string_view::npos ? std::string_view() : all.substr(end + 1);
  const auto table = parse_kallsyms(kallsyms, modules);
  if (!table) {
    if (table.error().code != sentinel::Errc::permission) require_refusal(table.error());
    return 0;
  }
  require(table->size() > 0, "a table has symbols");
  constexpr auto most = std::numeric_limits<std::uint64_t>::max();
  for (const std::uint64_t address : std::to_array<std::uint64_t>({0, 1, most, most / 2, 0xffffffff81000012})) {
    require_sound(*table, address);
  }
  // Around whatever the text itself names.
  for (auto rest = kallsyms; !rest.empty();) {
    std::uint64_t address = 0;
    std::from_chars(rest.data(), rest.data() + rest.size(), address, 16);
    for (const std::uint64_t near : {address - 1, address, address + 1}) require_sound(*table, near);
    const auto newline = rest.find('\n');
    rest.remove_prefix(newline == std::string_view::npos ? rest.size() : newline + 1);
  }
  return 0;
}
