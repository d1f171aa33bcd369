#pragma once

#include <filesystem>
#include <optional>
#include <span>

#include "core/config/diagnostic.hpp"
#include "core/runtime/plan.hpp"

namespace sentinel::app {

/// The agent's own executable, for the children that look at plugins.
[[nodiscard]] std::filesystem::path own_program();

/// Prints each on standard error, a line each.
void print(std::span<const config::Diagnostic> diagnostics);

/// Reads and checks a pipeline file and the plugins that it names, printing everything that is wrong. Nothing when
/// there are mistakes.
[[nodiscard]] std::optional<runtime::Plan> read_plan(const std::filesystem::path& file);

}  // namespace sentinel::app
