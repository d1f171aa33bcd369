#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <sentinel/abi.h>

namespace sentinel {

enum class MetricKind : std::uint32_t {
  gauge = SENTINEL_GAUGE,
  counter = SENTINEL_COUNTER,
  histogram = SENTINEL_HISTOGRAM,
  event = SENTINEL_EVENT,
};

/// What a metric is called and means. Names follow Prometheus: base units, `_total` on counters.
struct MetricSpec {
  std::string_view name;
  std::string_view help;
  std::string_view unit = {};  ///< "seconds", "bytes", "ratio" … or nothing
};

/// A declared metric with `Labels` label keys: a number, to be copied freely.
template <MetricKind Kind, std::size_t Labels>
struct Metric {
  std::uint32_t id = 0;
};

template <std::size_t Labels = 0>
using Gauge = Metric<MetricKind::gauge, Labels>;
template <std::size_t Labels = 0>
using Counter = Metric<MetricKind::counter, Labels>;
template <std::size_t Labels = 0>
using Histogram = Metric<MetricKind::histogram, Labels>;
template <std::size_t Labels = 0>
using Event = Metric<MetricKind::event, Labels>;

/// A series of a metric, looked up once; valid as long as each good collection reports it.
template <MetricKind Kind>
struct Series {
  std::uint32_t metric = 0;
  std::uint64_t handle = 0;
};

/// The circumstances of an event. Views must outlive the call that takes it.
struct Context {
  std::uint32_t pid = 0;
  std::uint32_t tid = 0;
  std::uint32_t ppid = 0;
  std::uint64_t start_time_ns = 0;  ///< of the process, CLOCK_BOOTTIME
  std::uint64_t cgroup_id = 0;
  std::string_view comm = {};
  std::string_view parent_comm = {};
  std::string_view container_id = {};
  std::span<const std::uint64_t> stack = {};      ///< kernel addresses, innermost first
  std::string_view exe = {};                      ///< path of the executable
  std::string_view pod = {};                      ///< "namespace/name"
  std::span<const sentinel_string> symbols = {};  ///< of the stack's frames, as many; empty: not known
};

}  // namespace sentinel
