#include "sentinel/procfs/snmp.hpp"

#include <algorithm>

#include "core/procfs/scan.hpp"

namespace sentinel::procfs {
namespace {

bool split(std::string_view line, std::string_view& protocol, std::string_view& rest) {
  const auto colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  protocol = line.substr(0, colon);
  rest = line.substr(colon + 1);
  return true;
}

}  // namespace

std::optional<std::uint64_t> SnmpTable::find(std::string_view protocol, std::string_view name) const noexcept {
  const auto last = protocols_.begin() + static_cast<std::ptrdiff_t>(count_);
  const auto entry = std::find_if(protocols_.begin(), last, [&](const Protocol& p) { return p.name == protocol; });
  if (entry == last) return std::nullopt;
  std::string_view names = entry->names;
  std::string_view values = entry->values;
  std::string_view column;
  std::string_view number;
  while (take_word(names, column) && take_word(values, number)) {
    if (column != name) continue;
    std::uint64_t value = 0;
    if (!take_u64(number, value)) return std::nullopt;
    return value;
  }
  return std::nullopt;
}

Result<SnmpTable> parse_snmp(std::string_view text) {
  SnmpTable out;
  std::string_view line;
  SnmpTable::Protocol open;  // a line of names whose values are not met yet
  while (take_line(text, line)) {
    std::string_view protocol;
    std::string_view rest;
    if (!split(line, protocol, rest)) {
      out.malformed_lines_ += open.name.empty() ? 1 : 2;
      open = {};
      continue;
    }
    if (protocol != open.name) {
      if (!open.name.empty()) ++out.malformed_lines_;
      open = {protocol, rest, {}};
      continue;
    }
    open.values = rest;
    if (out.count_ < SnmpTable::max_protocols) {
      out.protocols_[out.count_++] = open;
    } else {
      out.malformed_lines_ += 2;
    }
    open = {};
  }
  if (!open.name.empty()) ++out.malformed_lines_;
  if (!text.empty()) return cut("net/snmp", text);
  if (out.count_ == 0) return missing("net/snmp", "of names with its line of values");
  return out;
}

}  // namespace sentinel::procfs
