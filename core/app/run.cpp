#include <malloc.h>

#include "core/app/commands.hpp"
#include "core/app/pipeline_file.hpp"
#include "core/runtime/agent.hpp"

namespace sentinel::app {
namespace {

/// What a plugin takes once, as libbpf does the kernel's BTF, 10 MiB, is given back when it is freed. Left to itself
/// glibc raises both limits with the first large block that is freed, and keeps such memory for the thread from then
/// on.
void give_memory_back() {
  constexpr int limit = 1 << 20;
  mallopt(M_MMAP_THRESHOLD, limit);
  mallopt(M_TRIM_THRESHOLD, limit);
}

}  // namespace

int run(const RunOptions& options) {
  give_memory_back();
  auto plan = read_plan(options.file);
  if (!plan) return bad_file;
  if (options.once) return runtime::run_once(std::move(*plan));
  return runtime::run_agent(std::move(*plan), {options.file, config::process_environment(), own_program()});
}

}  // namespace sentinel::app
