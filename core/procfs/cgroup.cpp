#include "sentinel/procfs/cgroup.hpp"

#include <limits>

#include "core/procfs/scan.hpp"

namespace sentinel::procfs {
namespace {

constexpr bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

bool parse_line(std::string_view line, Cgroup& out) {
  std::uint64_t hierarchy = 0;
  if (!take_digits(line, hierarchy) || hierarchy > std::numeric_limits<std::uint32_t>::max()) return false;
  if (!take_char(line, ':')) return false;
  // A path may hold colons, a controller's name may not; a named hierarchy's name may not either.
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return false;
  out.hierarchy = static_cast<std::uint32_t>(hierarchy);
  out.controllers = line.substr(0, colon);
  out.path = line.substr(colon + 1);
  return out.path.starts_with('/');
}

}  // namespace

bool Cgroup::has(std::string_view controller) const noexcept {
  for (auto rest = controllers; !rest.empty();) {
    const auto comma = rest.find(',');
    if (rest.substr(0, comma) == controller) return true;
    if (comma == std::string_view::npos) return false;
    rest.remove_prefix(comma + 1);
  }
  return false;
}

Result<void> parse_cgroup(std::string_view text, std::vector<Cgroup>& out) {
  constexpr std::string_view file = "cgroup";
  out.clear();
  auto rest = text;
  std::string_view line;
  while (take_line(rest, line)) {
    Cgroup found;
    if (!parse_line(line, found)) return malformed(file, "\"number:controllers:/path\"", line);
    out.push_back(found);
  }
  if (!rest.empty()) return cut(file, rest);
  return {};
}

std::string_view container_of(std::string_view cgroup_path) noexcept {
  constexpr std::size_t length = 64;
  for (auto end = cgroup_path.size(); end > 0;) {
    std::size_t begin = end;
    while (begin > 0 && is_hex(cgroup_path[begin - 1])) --begin;
    if (end - begin == length) return cgroup_path.substr(begin, length);
    end = begin == end ? end - 1 : begin;
  }
  return {};
}

}  // namespace sentinel::procfs
