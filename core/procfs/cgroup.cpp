#include "sentinel/procfs/cgroup.hpp"

#include <limits>

#include "core/procfs/scan.hpp"

namespace sentinel::procfs {
namespace {

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

}  // namespace sentinel::procfs
