// What a describing child answers: a plugin may have written into it.
#include "core/plugin/description_json.hpp"
#include "tests/fuzz/harness.hpp"

using namespace sentinel::plugin;
using namespace sentinel::fuzz;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto line = text(data, size);
  Description description;
  const bool descriptor = static_cast<bool>(read_descriptor_line(line, description));
  const bool instance = static_cast<bool>(read_instance_line(line, description));
  const bool unload = static_cast<bool>(read_unload_line(line, description));
  // What was understood is understood again after writing it.
  Description again;
  if (descriptor) require(static_cast<bool>(read_descriptor_line(descriptor_line(description), again)), "descriptor");
  if (instance) require(static_cast<bool>(read_instance_line(instance_line(description), again)), "instance");
  if (unload) require(static_cast<bool>(read_unload_line(unload_line(description), again)), "unload");
  if (descriptor) require(again.fields == description.fields, "fields survive");
  if (instance) require(again.metrics == description.metrics, "metrics survive");
  return 0;
}
