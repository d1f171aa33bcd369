#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <sentinel/abi.h>

#include "core/store/store.hpp"

namespace sentinel::telemetry {

/// Upper bounds of `sentinel_collector_duration_seconds`.
inline constexpr std::array<double, 4> duration_bounds = {0.001, 0.01, 0.1, 1.0};

/// How long calls took: cumulative counts, the last one for +Inf.
struct DurationHistogram {
  std::array<std::uint64_t, duration_bounds.size() + 1> buckets{};
  double sum_seconds = 0;

  void observe(double seconds) {
    sum_seconds += seconds;
    for (std::size_t i = 0; i < duration_bounds.size(); ++i) {
      if (seconds <= duration_bounds[i]) ++buckets[i];
    }
    ++buckets.back();
  }
};

struct CollectorStats {
  std::string name;
  bool up = false;
  std::uint64_t runs = 0;
  std::uint64_t errors = 0;   // of runs, overruns included
  std::uint64_t skipped = 0;  // ticks at which an earlier call still ran
  std::uint64_t overruns = 0;
  std::uint64_t records = 0;
  std::uint64_t lost_events = 0;         // before the chain, as far as the plugin or the agent knows
  double last_success_unix_seconds = 0;  // 0: never
  DurationHistogram duration;
};

struct SinkStats {
  std::string name;
  bool up = false;
  std::uint64_t queued_batches = 0;
  std::uint64_t queue_capacity = 0;
  std::uint64_t delivered_records = 0;
  std::uint64_t dropped_records = 0;
  std::uint64_t errors = 0;
};

struct PluginInfo {
  std::string instance;
  std::string plugin;
  std::string kind;
  std::string version;
  std::string sha256;
  std::uint64_t generation = 0;
};

/// What the listener did, as far as the agent's own metrics show it.
struct ListenerStats {
  std::uint64_t connections_open = 0;
  std::uint64_t connections_accepted = 0;
  std::uint64_t connections_rejected = 0;
  std::map<std::string, std::uint64_t> responses;  // by class: "2xx"
};

/// What the chain of rules did.
struct ChainStats {
  struct Rule {
    std::string name;
    std::string severity;  // empty: a rule without an alert
    bool idle = true;
    std::uint64_t groups = 0;
    std::uint64_t overflow = 0;  // records of groups beyond the bound
    std::uint64_t late = 0;      // records of panes that were closed already
    std::uint64_t pending = 0;
    std::uint64_t firing = 0;
  };
  std::vector<Rule> rules;
  std::uint64_t records = 0;
  std::uint64_t dropped_records = 0;
  bool state_saved = true;
};

/// What became of the posts to one receiver of alerts.
struct ReceiverStats {
  std::string name;
  bool up = true;
  std::uint64_t pending = 0;
  std::uint64_t delivered = 0;
  std::uint64_t dropped = 0;
  std::uint64_t retries = 0;
};

/// The configuration as it was applied last, and the Prometheus that is told.
struct ReloadStats {
  bool successful = true;
  double success_unix_seconds = 0;
  std::map<std::pair<std::string, std::string>, std::uint64_t> verdicts;  // by result and stage
  std::map<std::string, DurationHistogram> stages;
  bool has_prometheus = false;
  bool rules_written = true;  // the last write of its rule file went well
  bool reload_pending = false;
  std::uint64_t reloads = 0;
  std::uint64_t reload_failures = 0;
};

/// The loaded code of plugins.
struct LibraryStats {
  std::uint64_t resident = 0;                    // plugin libraries that are mapped
  std::map<std::string, std::uint64_t> zombies;  // those of them that no instance needs, by why they stay
  std::uint64_t records_lost = 0;                // by swaps
};

/// A number that a sink shows by its details.
struct SinkNumber {
  std::string sink;
  std::string name;
  double value = 0;
};

/// The agent at one moment.
struct Snapshot {
  std::vector<CollectorStats> collectors;
  std::vector<SinkStats> sinks;
  std::vector<PluginInfo> plugins;
  ListenerStats listener;
  store::StoreStats store;
  ChainStats chain;
  std::vector<ReceiverStats> receivers;
  ReloadStats reload;
  LibraryStats libraries;
  std::vector<SinkNumber> sink_counters;
  std::vector<SinkNumber> sink_gauges;
  std::uint64_t worker_threads = 0;
  std::uint64_t worker_queue = 0;
  double start_unix_seconds = 0;
};

/// Where the collector `self` gets its snapshot from; called on a worker thread.
class SnapshotSource {
 public:
  virtual ~SnapshotSource() = default;
  [[nodiscard]] virtual Snapshot snapshot() const = 0;
};

/// The host service by which `self`, and no other plugin, finds its SnapshotSource.
inline constexpr const char* snapshot_extension = "sentinel.internal.snapshot/1";

/// The descriptor of the collector `self`, built into the agent and run as every other one.
[[nodiscard]] const sentinel_plugin* self_plugin();

}  // namespace sentinel::telemetry
