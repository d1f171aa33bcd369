#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/config/config.hpp"
#include "core/runtime/instance.hpp"

namespace sentinel::runtime {

/// What the whole agent says of itself beside its instances.
struct AgentStatus {
  std::string version;
  std::string config_file;
  bool ready = false;
  std::int64_t started_unix_ns = 0;
  std::string address;    ///< of the listener; empty without one
  config::Labels labels;  ///< of this agent; `instance` is the host's name unless given
  store::StoreStats store;
};

/// The body of /api/v1/status: one JSON object, times in RFC 3339.
[[nodiscard]] std::string status_json(const AgentStatus& agent, const std::vector<InstanceStatus>& instances);

}  // namespace sentinel::runtime
