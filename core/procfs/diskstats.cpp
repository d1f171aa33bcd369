#include "sentinel/procfs/diskstats.hpp"

#include <algorithm>
#include <limits>

#include "core/procfs/scan.hpp"

namespace sentinel::procfs {
namespace {

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool take_number(std::string_view& rest, std::uint32_t& number) {
  std::uint64_t value = 0;
  if (!take_u64(rest, value) || value > std::numeric_limits<std::uint32_t>::max()) return false;
  number = static_cast<std::uint32_t>(value);
  return true;
}

bool take_disk(std::string_view rest, DiskStat& disk) {
  std::uint64_t merged = 0;
  return take_number(rest, disk.major) && take_number(rest, disk.minor) && take_word(rest, disk.name) &&
         take_u64(rest, disk.reads_completed) && take_u64(rest, merged) && take_u64(rest, disk.sectors_read) &&
         take_u64(rest, disk.read_ms) && take_u64(rest, disk.writes_completed) && take_u64(rest, merged) &&
         take_u64(rest, disk.sectors_written) && take_u64(rest, disk.write_ms) && take_u64(rest, disk.in_flight) &&
         take_u64(rest, disk.io_ms) && take_u64(rest, disk.weighted_io_ms);
}

/// disk_name() of the kernel: the number follows the disk's name, with a p between where that ends in a digit.
bool is_partition_of(std::string_view name, std::string_view disk) {
  if (!name.starts_with(disk)) return false;
  name.remove_prefix(disk.size());
  if (is_digit(disk.back()) && !take_char(name, 'p')) return false;
  return !name.empty() && std::all_of(name.begin(), name.end(), is_digit);
}

}  // namespace

Result<void> parse_diskstats(std::string_view text, std::vector<DiskStat>& out) {
  out.clear();
  std::string_view whole;  // the last device that is no partition; its partitions follow it at once
  std::string_view line;
  while (take_line(text, line)) {
    DiskStat disk;
    if (!take_disk(line, disk)) return malformed("diskstats", "two numbers, a name and 11 counts", line);
    disk.partition = !whole.empty() && is_partition_of(disk.name, whole);
    if (!disk.partition) whole = disk.name;
    out.push_back(disk);
  }
  if (!text.empty()) return cut("diskstats", text);
  return {};
}

}  // namespace sentinel::procfs
