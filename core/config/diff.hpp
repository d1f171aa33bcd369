#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/config/config.hpp"

namespace sentinel::config {

enum class ChangeKind { kept, added, removed, changed };

/// What becomes of one item of the topology.
struct Change {
  ChangeKind kind = ChangeKind::kept;
  std::string name;
  std::vector<std::string>
      keys;            ///< of a changed item: the keys that differ, as in the file; inside config: `config.x`
  std::string reason;  ///< for people: `every: 5s -> 10s, config.procfs`; without the values of a plugin's config

  [[nodiscard]] bool has_key(std::string_view key) const;
};

/// From one configuration to another. Lists are in the order of the new configuration, then removed items in the old
/// one's. What the agent's section changes is in `agent`, one Change a key, and never `added` or `removed`.
struct Diff {
  std::vector<Change> agent;
  std::vector<Change> collectors;
  std::vector<Change> sinks;
  std::vector<Change> pipelines;
  std::vector<Change> prometheus;  ///< as `agent`: one a key of the section

  /// Whether nothing differs.
  [[nodiscard]] bool empty() const;
};

/// Compares by name. The start of the agent is diff({}, config).
[[nodiscard]] Diff diff(const Config& before, const Config& after);

/// "kept", "added", "removed", "changed".
[[nodiscard]] std::string_view to_string(ChangeKind kind);

}  // namespace sentinel::config
