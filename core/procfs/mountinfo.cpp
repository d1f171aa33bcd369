#include "sentinel/procfs/mountinfo.hpp"

#include <algorithm>
#include <limits>

#include "core/procfs/scan.hpp"

namespace sentinel::procfs {
namespace {

/// Up to the next blank, which is cut off too. May be empty: a source is, if it was mounted as "".
bool take_field(std::string_view& rest, std::string_view& field) {
  if (rest.data() == nullptr) return false;
  const auto end = rest.find(' ');
  field = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  return true;
}

bool take_device(std::string_view field, Mount& mount) {
  constexpr auto most = std::numeric_limits<std::uint32_t>::max();
  std::uint64_t major = 0;
  std::uint64_t minor = 0;
  if (!take_digits(field, major) || !take_char(field, ':') || !take_digits(field, minor)) return false;
  if (!field.empty() || major > most || minor > most) return false;
  mount.major = static_cast<std::uint32_t>(major);
  mount.minor = static_cast<std::uint32_t>(minor);
  return true;
}

bool take_mount(std::string_view rest, Mount& mount) {
  std::string_view field;
  if (!take_u64(rest, mount.id) || !take_u64(rest, mount.parent_id) || !take_char(rest, ' ')) return false;
  if (!take_field(rest, field) || !take_device(field, mount)) return false;
  if (!take_field(rest, mount.root) || !take_field(rest, mount.mountpoint) || !take_field(rest, mount.options)) {
    return false;
  }
  do {  // shared:1, master:2 …: none or more
    if (!take_field(rest, field)) return false;
  } while (field != "-");
  return take_field(rest, mount.fstype) && take_field(rest, mount.source) && take_field(rest, mount.super_options) &&
         !mount.mountpoint.empty() && !mount.fstype.empty();
}

bool has_option(std::string_view options, std::string_view wanted) {
  while (!options.empty()) {
    const auto end = std::min(options.find(','), options.size());
    if (options.substr(0, end) == wanted) return true;
    options.remove_prefix(std::min(end + 1, options.size()));
  }
  return false;
}

constexpr bool is_octal(char c) {
  return c >= '0' && c <= '7';
}

}  // namespace

bool Mount::read_only() const noexcept {
  return has_option(options, "ro") || has_option(super_options, "ro");
}

Result<void> parse_mountinfo(std::string_view text, std::vector<Mount>& out) {
  out.clear();
  std::string_view line;
  while (take_line(text, line)) {
    Mount mount;
    if (!take_mount(line, mount)) {
      return malformed("mountinfo", "id parent major:minor root mountpoint options … - type source options", line);
    }
    out.push_back(mount);
  }
  if (!text.empty()) return cut("mountinfo", text);
  if (out.empty()) return missing("mountinfo", "at all");
  return {};
}

std::string unescape_mount(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto digits = text.substr(at + 1, 3);
    if (text[at] != '\\' || digits.size() < 3 || !std::all_of(digits.begin(), digits.end(), is_octal) ||
        digits[0] > '3') {
      out += text[at];
      continue;
    }
    out += static_cast<char>((digits[0] - '0') * 64 + (digits[1] - '0') * 8 + (digits[2] - '0'));
    at += 3;
  }
  return out;
}

}  // namespace sentinel::procfs
