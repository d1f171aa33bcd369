#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <sentinel/abi.h>

#include "core/config/schema.hpp"
#include "core/store/metric.hpp"

namespace sentinel::runtime {

enum class Kind { collector, sink };

[[nodiscard]] constexpr std::string_view to_string(Kind kind) {
  return kind == Kind::collector ? "collector" : "sink";
}

/// One plugin instance as the pipeline file and the plugin's description give it, checked and complete.
struct InstanceSpec {
  std::string name;
  Kind kind = Kind::collector;
  std::string plugin;
  std::filesystem::path file;                 ///< of the plugin; empty for a built-in one
  const sentinel_plugin* built_in = nullptr;  ///< its descriptor, when it is part of the agent
  std::string version;
  std::string sha256;       ///< of the plugin's content: its identity
  std::string unavailable;  ///< optional and cannot run here: why
  bool optional = false;
  std::chrono::nanoseconds every{};
  std::chrono::nanoseconds deadline{};
  std::chrono::nanoseconds start_deadline{};  ///< of `start`, when it is longer
  store::Labels labels;
  std::size_t series_limit = 0;
  std::size_t queue = 0;  ///< of a sink, in batches
  config::Resolved config;
  std::vector<std::string> metrics;         ///< of a collector with the default configuration
  std::set<std::string> metrics_by_plugin;  ///< those of them whose series name the plugin in the label `plugin`
  std::vector<std::string> events;          ///< those of them that are events
  bool takes_alerts = false;                ///< of a sink
  bool consumes = false;                    ///< of a sink: it takes records
};

}  // namespace sentinel::runtime
