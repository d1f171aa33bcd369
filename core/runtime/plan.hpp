#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/config/config.hpp"
#include "core/config/diagnostic.hpp"
#include "core/runtime/instance_spec.hpp"
#include "rules/rule.hpp"

namespace sentinel::runtime {

/// What a plan does to one item of the configuration.
enum class Action {
  kept,
  reconfigured,  ///< the same code with another configuration; of a pipeline: its rule changes
  swapped,       ///< other code
  added,
  removed,
};

[[nodiscard]] std::string_view to_string(Action action);

/// One line of a plan, for people and for whoever applies it.
struct Step {
  std::string what;  ///< "collector", "sink", "pipeline", "prometheus", "agent"
  std::string name;
  Action action = Action::kept;
  std::string reason;    ///< "every: 5s -> 10s", "content 3f2a91c04b7d -> 9bd1e02f6a55"; of what is kept: empty
  bool retried = false;  ///< what ran under this name never came to run: another failure changes nothing
};

/// What a plan does, a line each: "collector cpu: swapped: content …", and at last what is kept, many pipelines by
/// their number.
[[nodiscard]] std::vector<std::string> to_lines(const std::vector<Step>& steps);

/// All that a topology needs to become what a configuration says.
struct Plan {
  config::Config config;
  std::vector<InstanceSpec> instances;  ///< collectors in the file's order, `self`, sinks
  std::vector<std::shared_ptr<const rules::Rule>> rules;
  std::set<std::string> events;  ///< metrics that are events, for the rules that Prometheus can't evaluate
  config::Texts texts;           ///< of the configuration's files
  std::optional<std::string> env_text;
  std::vector<Step> steps;  ///< from what runs, the kept included

  [[nodiscard]] const InstanceSpec* find(Kind kind, std::string_view name) const;
  /// Whether it leaves everything as it is.
  [[nodiscard]] bool changes_nothing() const;
};

/// What runs, as far as a plan depends on it. As it is by default: nothing.
struct Running {
  config::Config config;
  std::vector<InstanceSpec> specs;
  std::map<std::pair<Kind, std::string>, std::string> broken;  ///< instances that never came to run, and why
};

/// Where a plan looks for changes.
enum class Look {
  configuration,  ///< files of instances whose configuration stays are not looked at
  files_too,      ///< what is broken is tried again, too
};

/// A plan, or the mistakes for which there is none.
struct Planned {
  Plan plan;
  std::vector<config::Diagnostic> diagnostics;

  [[nodiscard]] bool ok() const { return !config::has_errors(diagnostics); }
};

/// Finds the plugin of each collector and sink, checks the file, asks it in a child process what it is (so that a
/// damaged one cannot hurt the agent), and checks every `config:` against the plugin's schema. `program` is the agent's
/// own executable. What an `optional` instance lacks is noted in its spec, unless it runs now; anything else is a
/// mistake at its place. An instance whose configuration and whose file's content are what they were is kept as it is.
/// Blocks for some milliseconds a plugin. Any thread.
[[nodiscard]] Planned make_plan(const Running& running, config::Config wanted, const std::filesystem::path& program,
                                Look look = Look::files_too);

}  // namespace sentinel::runtime
