#include "core/app/commands.hpp"
#include "core/app/pipeline_file.hpp"
#include "core/runtime/agent.hpp"

namespace sentinel::app {

int run(const RunOptions& options) {
  auto plan = read_plan(options.file);
  if (!plan) return bad_file;
  if (options.once) return runtime::run_once(std::move(*plan));
  return runtime::run_agent(std::move(*plan), {options.file, config::process_environment(), own_program()});
}

}  // namespace sentinel::app
