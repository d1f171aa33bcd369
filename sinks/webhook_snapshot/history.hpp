#pragma once

#include <sentinel/abi.h>

#include <cstdint>
#include <functional>
#include <sentinel/result.hpp>
#include <string>
#include <vector>

#include "sinks/webhook_snapshot/alert.hpp"
#include "sinks/webhook_snapshot/chart.hpp"
#include "sinks/webhook_snapshot/folder.hpp"

namespace snapshot {

using TakeTrack = std::function<void(const sentinel_track&)>;
/// Reads the agent's history of every metric, from and to in CLOCK_BOOTTIME ns.
using ReadHistory =
    std::function<sentinel::Result<void>(std::uint64_t from_ns, std::uint64_t to_ns, const TakeTrack& take)>;

struct HistoryFacts {
  std::uint64_t series = 0;
  std::uint64_t samples = 0;
  bool cut = false;  ///< more than `most_bytes`
};

/// Writes what the agent remembers as CSV (time_unix,series,value; a series' samples stand together, oldest first), at
/// most `most_bytes`, and picks what the chart shows: the series of chart.metric whose labels do not differ from the
/// alert's, six at most. `unix_offset_ns` leads from CLOCK_BOOTTIME to Unix time. Errors: of the host.
sentinel::Result<HistoryFacts> write_history(const ReadHistory& read, std::uint64_t from_ns, std::uint64_t to_ns,
                                             std::int64_t unix_offset_ns, std::uint64_t most_bytes,
                                             const Labels& labels, Chart& chart, File& out);

}  // namespace snapshot
