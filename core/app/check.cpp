#include <cstdio>

#include "core/app/commands.hpp"
#include "core/app/explain.hpp"
#include "core/app/pipeline_file.hpp"

namespace sentinel::app {

int check(const std::filesystem::path& file, bool explain) {
  const auto plan = read_plan(file);
  if (!plan) return bad_file;
  for (const auto& instance : plan->instances) {
    if (!instance.unavailable.empty()) {
      std::printf("%s: %s '%s' is optional and cannot run here: %s\n", file.c_str(),
                  std::string(to_string(instance.kind)).c_str(), instance.name.c_str(), instance.unavailable.c_str());
    }
  }
  std::printf("%s: good: %zu collectors, %zu sinks, %zu pipelines\n", file.c_str(), plan->config.collectors.size(),
              plan->config.sinks.size(), plan->config.pipelines.size());
  if (explain) std::fputs(explanation(*plan, own_program()).c_str(), stdout);
  return good;
}

}  // namespace sentinel::app
