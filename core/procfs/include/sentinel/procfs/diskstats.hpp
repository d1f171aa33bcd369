#pragma once

#include <cstdint>
#include <sentinel/result.hpp>
#include <string_view>
#include <vector>

namespace sentinel::procfs {

/// One block device since it appeared. Sectors are 512 bytes, whatever the device's own are.
struct DiskStat {
  std::uint32_t major = 0;
  std::uint32_t minor = 0;
  std::string_view name;  ///< a view into the parsed text
  /// A part of a device that stands before it in the file: sda1 after sda, nvme0n1p2 after nvme0n1.
  bool partition = false;
  std::uint64_t reads_completed = 0;
  std::uint64_t sectors_read = 0;
  std::uint64_t read_ms = 0;  ///< of all reads, so that it may grow faster than the clock
  std::uint64_t writes_completed = 0;
  std::uint64_t sectors_written = 0;
  std::uint64_t write_ms = 0;
  std::uint64_t in_flight = 0;
  std::uint64_t io_ms = 0;           ///< with at least one request in flight
  std::uint64_t weighted_io_ms = 0;  ///< each millisecond as often as requests were in flight
};

/// Parses /proc/diskstats (block/genhd.c diskstats_show, Documentation/admin-guide/iostats.rst). Discards (since Linux
/// 4.18) and flushes (since 5.5) are skipped. `out` is overwritten; reusing it makes a call that meets no more devices
/// than before allocate nothing. A text without a line is a machine without block devices.
/// Errors: invalid_argument when a line is malformed or cut; `out` is then unspecified.
Result<void> parse_diskstats(std::string_view text, std::vector<DiskStat>& out);

}  // namespace sentinel::procfs
