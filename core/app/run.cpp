#include "core/app/commands.hpp"
#include "core/app/pipeline_file.hpp"
#include "core/runtime/agent.hpp"

namespace sentinel::app {

int run(const RunOptions& options) {
  auto plan = read_plan(options.file);
  if (!plan) return bad_file;
  return options.once ? runtime::run_once(std::move(*plan)) : runtime::run_agent(std::move(*plan), options.file);
}

}  // namespace sentinel::app
