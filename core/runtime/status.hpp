#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/config.hpp"
#include "core/plugin/libraries.hpp"
#include "core/runtime/instance.hpp"
#include "core/runtime/reload_verdict.hpp"

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
  std::string_view reload_state;  ///< Reloader::state()
  std::optional<ReloadVerdict> last_reload;
  std::vector<plugin::Libraries::Zombie> zombies;
};

/// The body of /api/v1/status: one JSON object, times in RFC 3339.
[[nodiscard]] std::string status_json(const AgentStatus& agent, const std::vector<InstanceStatus>& instances);

}  // namespace sentinel::runtime
