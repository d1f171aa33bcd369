#pragma once

#include <chrono>
#include <filesystem>

#include <sentinel/result.hpp>

#include "core/runtime/agent_labels.hpp"
#include "core/runtime/instance_spec.hpp"

namespace sentinel::runtime {

/// Tries a plugin's file as `spec` configures it, in a child process that takes the blow: the content must be
/// `spec.sha256`; a collector is created, started, asked for one collection (if it has collect; `no_data` is good),
/// stopped and destroyed; a sink is created and destroyed. What it measures, logs and wants to post goes nowhere. It
/// must leave no thread and no descriptor behind, and be unloaded. A built-in instance and one that is unavailable are
/// good.
///
/// The child is `program plugin probe`, whose main calls probe_main(); it gets the configuration on its standard input
/// alone, runs with the agent's rights and environment, beside whatever instance runs already, and has until `deadline`
/// for all of it. Blocks the calling thread; any thread, several at once.
/// Errors: what the plugin answered, after the step ("collect: …", code of the plugin); failed ("it crashed with
/// SIGABRT in collect", "destroy: leaves a thread behind", "unload: leaves 1 descriptor open: /path (fd 7)", "load: …
/// changed while it was being tried"); timeout ("it did not return within 10000 ms in start").
[[nodiscard]] Result<void> probe(const InstanceSpec& spec, const AgentLabels& labels,
                                 const std::filesystem::path& program,
                                 std::chrono::milliseconds deadline = std::chrono::seconds(10));

/// The child's side: reads the task from standard input and writes what probe() reads to standard output. Ends the
/// process without running what exit(3) does, because a thread that the plugin left behind may still run. An exception
/// that gets here, such as one out of a static constructor, is a crash.
[[noreturn]] void probe_main() noexcept;

}  // namespace sentinel::runtime
