#pragma once

#include <string>

#include "core/config/config.hpp"
#include "core/runtime/chain.hpp"
#include "core/store/store.hpp"

namespace sentinel::runtime {

/// The live series that the pipelines of a configuration give to a sink. `rules` are those of its pipelines.
[[nodiscard]] store::SeriesFilter sources_of(const config::Config& config, const Chain::Rules& rules,
                                             const std::string& sink);

}  // namespace sentinel::runtime
