#include "sentinel/procfs/softnet.hpp"

#include <limits>

#include "core/procfs/scan.hpp"

namespace sentinel::procfs {
namespace {

constexpr std::string_view file = "net/softnet_stat";
constexpr std::uint64_t highest_cpu = 65535;
constexpr int fewest_columns = 9;
constexpr int cpu_column = 12;

bool take_cpu(std::string_view rest, std::uint64_t line_number, SoftnetCpu& out) {
  std::uint64_t values[cpu_column + 1] = {};
  int columns = 0;
  for (skip_blanks(rest); !rest.empty(); skip_blanks(rest), ++columns) {
    std::uint64_t value = 0;
    if (!take_hex(rest, value) || value > std::numeric_limits<std::uint32_t>::max()) return false;
    if (columns <= cpu_column) values[columns] = value;
  }
  const std::uint64_t cpu = columns > cpu_column ? values[cpu_column] : line_number;
  if (columns < fewest_columns || cpu > highest_cpu) return false;
  out.cpu = static_cast<std::uint32_t>(cpu);
  out.processed = static_cast<std::uint32_t>(values[0]);
  out.dropped = static_cast<std::uint32_t>(values[1]);
  out.times_squeezed = static_cast<std::uint32_t>(values[2]);
  return true;
}

}  // namespace

Result<void> parse_softnet(std::string_view text, std::vector<SoftnetCpu>& out) {
  out.clear();
  std::string_view line;
  while (take_line(text, line)) {
    SoftnetCpu cpu;
    if (!take_cpu(line, out.size(), cpu) || (!out.empty() && out.back().cpu >= cpu.cpu)) {
      return malformed(file, "9 or more hexadecimal counts, CPUs ascending", line);
    }
    out.push_back(cpu);
  }
  if (!text.empty()) return cut(file, text);
  if (out.empty()) return missing(file, "at all");
  return {};
}

}  // namespace sentinel::procfs
