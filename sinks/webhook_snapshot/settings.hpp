#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace snapshot {

/// The sink's configuration as far as snapshots need it; the schema in webhook_snapshot.cpp has defaults and meanings.
struct Settings {
  std::string directory;
  std::string procfs = "/proc";
  std::string cgroupfs = "/sys/fs/cgroup";
  std::string kernel_log = "/dev/kmsg";
  std::vector<std::string> commands;
  std::chrono::nanoseconds command_timeout{std::chrono::seconds(2)};
  std::chrono::nanoseconds helper_timeout{std::chrono::milliseconds(500)};
  std::chrono::nanoseconds history{std::chrono::minutes(15)};
  std::chrono::nanoseconds keep{std::chrono::hours(7 * 24)};
  std::chrono::nanoseconds join_window{std::chrono::seconds(30)};
  std::uint64_t quota_bytes = std::uint64_t{256} << 20U;
  double min_free_ratio = 0.05;
  std::size_t most_waiting = 16;
};

}  // namespace snapshot
