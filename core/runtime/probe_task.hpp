#pragma once

#include <string>
#include <string_view>

#include <sentinel/result.hpp>

#include "core/config/config.hpp"
#include "core/runtime/instance_spec.hpp"

namespace sentinel::runtime {

/// What a probing child is to try. Of the spec: name, kind, file, sha256, every, labels, series_limit and config.
struct ProbeTask {
  InstanceSpec spec;
  config::Labels agent_labels;
};

/// The task as JSON. It may hold secrets: for the child's standard input alone.
[[nodiscard]] std::string task_text(const ProbeTask& task);

/// All of standard input, which is where a child gets its task.
[[nodiscard]] std::string read_input();

/// Errors: failed, when the text is not that of a task.
[[nodiscard]] Result<ProbeTask> read_task(std::string_view text);

}  // namespace sentinel::runtime
