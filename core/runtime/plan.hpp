#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/config/config.hpp"
#include "core/config/diagnostic.hpp"
#include "core/config/diff.hpp"
#include "core/runtime/instance_spec.hpp"
#include "rules/rule.hpp"

namespace sentinel::runtime {

/// All that a topology needs to become what a configuration says.
struct Plan {
  config::Config config;
  std::vector<InstanceSpec> instances;  ///< collectors in the file's order, `self`, sinks
  std::vector<std::shared_ptr<const rules::Rule>> rules;
  std::set<std::string> events;  ///< metrics that are events, for the rules that Prometheus can't evaluate
  config::Texts texts;           ///< of the configuration's files
  std::optional<std::string> env_text;
  config::Diff diff;  ///< from the configuration that runs

  [[nodiscard]] const InstanceSpec* find(Kind kind, std::string_view name) const;
};

/// A plan, or the mistakes for which there is none.
struct Planned {
  Plan plan;
  std::vector<config::Diagnostic> diagnostics;

  [[nodiscard]] bool ok() const { return !config::has_errors(diagnostics); }
};

/// Finds the plugin of each collector and sink, checks the file, asks it in a child process what it is (so that a
/// damaged one cannot hurt the agent), and checks every `config:` against the plugin's schema. `program` is the agent's
/// own executable. What an `optional` instance lacks is noted in its spec; anything else is a mistake at its place.
/// Blocks for some milliseconds a plugin. Any thread.
/// Instances of `running` that the new configuration keeps are taken from `specs`, and their files are not looked at.
[[nodiscard]] Planned make_plan(const config::Config& running, config::Config wanted,
                                const std::filesystem::path& program, const std::vector<InstanceSpec>& specs = {});

/// The plan that stops everything.
[[nodiscard]] Plan stop_plan(const config::Config& running);

}  // namespace sentinel::runtime
