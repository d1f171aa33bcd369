#pragma once

#include <filesystem>
#include <string>

#include "core/runtime/plan.hpp"

namespace sentinel::app {

/// Where the rules of a plan are evaluated: of each one with events, for each predicate, pane and threshold, `kernel`
/// or `user` and why; of the others a line. Collectors are asked in children of `program`, without being started.
[[nodiscard]] std::string explanation(const runtime::Plan& plan, const std::filesystem::path& program);

}  // namespace sentinel::app
