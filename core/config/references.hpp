#pragma once

#include <vector>

#include "core/config/config.hpp"
#include "core/config/diagnostic.hpp"
#include "core/config/sections.hpp"

namespace sentinel::config {

/// Looks up the names in each draft and appends it to \p config's pipelines, and those of the agent's \p alerts_to.
/// Reports names that nothing bears, names that both a collector and a sink bear, and, as a warning, what nobody uses.
void check_references(Config& config, const std::vector<PipelineDraft>& drafts, const std::vector<Key>& alerts_to,
                      std::vector<Diagnostic>& diagnostics);

}  // namespace sentinel::config
