#include "sentinel/procfs/pid_limits.hpp"

#include "core/procfs/scan.hpp"

namespace sentinel::procfs {
namespace {

constexpr std::string_view name = "Max open files";

bool take_limit(std::string_view& rest, std::uint64_t& limit) {
  std::string_view word;
  if (!take_word(rest, word)) return false;
  limit = Limit::unlimited;
  return word == "unlimited" || take_u64(word, limit);
}

}  // namespace

Result<Limit> parse_open_files_limit(std::string_view text) {
  if (!text.ends_with('\n')) return cut("<pid>/limits", text.substr(text.rfind('\n') + 1));
  std::string_view line;
  while (take_line(text, line)) {
    if (!line.starts_with(name)) continue;
    std::string_view rest = line.substr(name.size());
    Limit limit;
    if (!take_limit(rest, limit.soft) || !take_limit(rest, limit.hard)) {
      return malformed("<pid>/limits", "a soft and a hard limit", line);
    }
    return limit;
  }
  return missing("<pid>/limits", name);
}

}  // namespace sentinel::procfs
