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

// The fields of the last text, written over by those of the next from front to back. A kernel prints the same names in
// the same order each time, so as long as each name stands where it stood, all of them are still unique.
class FieldWriter {
 public:
  explicit FieldWriter(std::vector<MemField>& fields) : fields_(fields) {}
  FieldWriter(const FieldWriter&) = delete;
  FieldWriter& operator=(const FieldWriter&) = delete;
  /// Drops what is left of the last text.
  ~FieldWriter() { fields_.resize(count_); }

  /// False when a field of this key is there already, the key is empty, or there are too many.
  bool add(const Line& line) {
    const bool stands = count_ < fields_.size() && fields_[count_].name == line.name;
    if (!(stands && unchanged_) && !name_next(line.name)) return false;
    fields_[count_].value = line.value;
    fields_[count_].is_kib = line.is_kib;
    ++count_;
    return true;
  }

 private:
  bool name_next(std::string_view name) {
    auto key = meminfo_key(name);
    if (key.empty() || count_ >= most_fields) return false;
    for (std::size_t i = 0; i < count_; ++i) {
      if (fields_[i].key == key) return false;
    }
    if (count_ == fields_.size()) fields_.emplace_back();
    fields_[count_].name = name;
    fields_[count_].key = std::move(key);
    unchanged_ = false;
    return true;
  }

  std::vector<MemField>& fields_;
  std::size_t count_ = 0;
  bool unchanged_ = true;
};

// Reads every line into the fields, which are whole when the writer is gone.
Result<void> read_lines(std::string_view text, MemInfo& out) {
  FieldWriter fields(out.fields);
  std::string_view line;
  while (take_line(text, line)) {
    Line parsed;
    if (parse_line(line, parsed) && fields.add(parsed)) continue;
    if (line.starts_with(total)) return malformed("meminfo", "one line \"MemTotal: N kB\"", line);
    ++out.malformed_lines;
  }
  if (!text.empty()) return cut("meminfo", text);
  return {};
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
  if (auto read = read_lines(text, out); !read) return read;
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
