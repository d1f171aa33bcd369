#include "core/app/pipeline_file.hpp"

#include <cstdio>
#include <string>
#include <system_error>
#include <utility>

#include "core/config/config.hpp"

namespace sentinel::app {

std::filesystem::path own_program() {
  std::error_code failed;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", failed);
  return failed ? std::filesystem::path("/proc/self/exe") : program;
}

void print(std::span<const config::Diagnostic> diagnostics) {
  for (const auto& diagnostic : diagnostics) std::fprintf(stderr, "%s\n", config::to_string(diagnostic).c_str());
}

std::optional<runtime::Plan> read_plan(const std::filesystem::path& file) {
  auto loaded = config::load(file, config::process_environment());
  if (!loaded.ok()) {
    print(loaded.diagnostics);
    return std::nullopt;
  }
  auto planned = runtime::make_plan({}, std::move(loaded.config), own_program());
  print(loaded.diagnostics);
  print(planned.diagnostics);
  if (!planned.ok()) return std::nullopt;
  return std::move(planned.plan);
}

}  // namespace sentinel::app
