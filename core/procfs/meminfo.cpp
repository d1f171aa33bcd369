#include "sentinel/procfs/meminfo.hpp"

#include <algorithm>
#include <limits>

#include "core/procfs/scan.hpp"

namespace sentinel::procfs {
namespace {

constexpr std::size_t most_fields = 256;
constexpr std::size_t longest_name = 64;
constexpr std::string_view total = "MemTotal";

constexpr bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
constexpr bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}
constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
constexpr char lower(char c) {
  return is_upper(c) ? static_cast<char>(c - 'A' + 'a') : c;
}

struct Line {
  std::string_view name;
  std::uint64_t value = 0;
  bool is_kib = false;
};

bool parse_line(std::string_view text, Line& out) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0 || colon > longest_name) return false;
  out.name = text.substr(0, colon);
  text.remove_prefix(colon + 1);
  if (!take_u64(text, out.value)) return false;
  std::string_view unit;
  if (!take_word(text, unit)) return true;
  out.is_kib = true;
  return unit == "kB" && out.value <= std::numeric_limits<std::uint64_t>::max() / 1024;
}

// Whether fields[index] can hold this name; fills in name and key unless they stand there from the last parse.
bool name_field(std::vector<MemField>& fields, std::size_t index, std::string_view name) {
  if (index < fields.size() && fields[index].name == name) {
    // A name that stood here last time may by now also stand at a lower index, in a text with a doubled line.
    return std::none_of(fields.begin(), fields.begin() + static_cast<std::ptrdiff_t>(index),
                        [&](const MemField& field) { return field.name == name; });
  }
  auto key = meminfo_key(name);
  if (key.empty() || index >= most_fields) return false;
  for (std::size_t i = 0; i < index; ++i) {
    if (fields[i].key == key) return false;
  }
  if (index == fields.size()) fields.emplace_back();
  fields[index].name = name;
  fields[index].key = std::move(key);
  return true;
}

}  // namespace

const MemField* MemInfo::find(std::string_view name) const noexcept {
  const auto field = std::find_if(fields.begin(), fields.end(), [&](const MemField& f) { return f.name == name; });
  return field == fields.end() ? nullptr : &*field;
}

Result<std::uint64_t> MemInfo::bytes(std::string_view name) const {
  const auto* field = find(name);
  if (field != nullptr && field->is_kib) return field->bytes();
  return Error{Errc::no_data, "meminfo: this kernel prints no " + std::string(name) + " in kB"};
}

Result<void> parse_meminfo(std::string_view text, MemInfo& out) {
  out.malformed_lines = 0;
  std::size_t count = 0;
  std::string_view line;
  while (take_line(text, line)) {
    Line parsed;
    if (!parse_line(line, parsed) || !name_field(out.fields, count, parsed.name)) {
      if (line.starts_with(total)) return malformed("meminfo", "one line \"MemTotal: N kB\"", line);
      ++out.malformed_lines;
      continue;
    }
    out.fields[count].value = parsed.value;
    out.fields[count].is_kib = parsed.is_kib;
    ++count;
  }
  if (!text.empty()) return cut("meminfo", text);
  out.fields.resize(count);
  const auto* field = out.find(total);
  if (field == nullptr || !field->is_kib) return missing("meminfo", "\"MemTotal: N kB\"");
  return {};
}

std::string meminfo_key(std::string_view name) {
  if (name.size() > 3 && name.starts_with("Mem") && is_upper(name[3])) name.remove_prefix(3);
  std::string key;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    if (!is_lower(c) && !is_upper(c) && !is_digit(c)) {
      if (!key.empty() && key.back() != '_') key += '_';
      continue;
    }
    // A word begins at a capital after a small letter (AnonPages), and at the last capital of several before a small
    // letter (KReclaimable), but not after a digit (DirectMap2M).
    const bool after_lower = i > 0 && is_lower(name[i - 1]);
    const bool ends_capitals = i > 0 && is_upper(name[i - 1]) && i + 1 < name.size() && is_lower(name[i + 1]);
    if (is_upper(c) && (after_lower || ends_capitals) && !key.empty() && key.back() != '_') key += '_';
    key += lower(c);
  }
  while (!key.empty() && key.back() == '_') key.pop_back();
  return key;
}

}  // namespace sentinel::procfs
