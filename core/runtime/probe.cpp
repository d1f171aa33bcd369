#include "core/runtime/probe.hpp"

#include <string>
#include <string_view>

#include "core/plugin/child.hpp"
#include "core/plugin/description_json.hpp"
#include "core/runtime/probe_task.hpp"

namespace sentinel::runtime {
namespace {

std::string doing(std::string_view step) {
  if (step.empty()) return "before it was loaded";
  if (step == "load") return "while being loaded";
  if (step == "unload") return "while being unloaded";
  return "in " + std::string(step);
}

}  // namespace

Result<void> probe(const InstanceSpec& spec, const AgentLabels& labels, const std::filesystem::path& program,
                   std::chrono::milliseconds deadline) {
  if (spec.built_in != nullptr || !spec.unavailable.empty()) return {};
  const auto child =
      plugin::run_child(program, {"sentinel", "plugin", "probe"}, deadline, task_text({spec, labels.labels()}));
  if (!child) return child.error();
  // A line for each step before it is taken, and one of JSON for the end.
  std::string_view said = child->output;
  std::string_view step;
  for (auto line = plugin::next_line(said); !line.empty(); line = plugin::next_line(said)) {
    if (line.front() == '{') return plugin::read_error_line(line);
    step = line;
  }
  return plugin::unfinished(*child, doing(step), deadline);
}

}  // namespace sentinel::runtime
