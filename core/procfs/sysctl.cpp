#include "sentinel/procfs/sysctl.hpp"

#include <string>

#include "core/procfs/scan.hpp"

namespace sentinel::procfs {

Result<void> parse_sysctl(std::string_view file, std::string_view text, std::span<std::uint64_t> out) {
  std::string_view line;
  if (!take_line(text, line)) return cut(file, text);
  std::string_view rest = line;
  bool good = text.empty();
  for (auto& value : out) good = good && take_u64(rest, value);
  skip_blanks(rest);
  if (!good || !rest.empty()) return malformed(file, "one line of " + std::to_string(out.size()) + " numbers", line);
  return {};
}

}  // namespace sentinel::procfs
