#include <utility>

#include "core/plugin/abi_config.hpp"
#include "core/plugin/answer.hpp"
#include "core/plugin/call.hpp"
#include "core/plugin/description.hpp"
#include "core/plugin/description_json.hpp"
#include "core/plugin/in_place.hpp"
#include "core/plugin/member.hpp"
#include "core/plugin/text.hpp"

namespace sentinel::plugin {

namespace fs = std::filesystem;

namespace {

std::string owned(sentinel_string text) {
  return clean_text(text.size == 0 ? std::string_view() : std::string_view(text.data, text.size));
}

Result<void> read_descriptor(const Library& library, Description& out) {
  const sentinel_plugin& plugin = library.descriptor();
  out.name = owned(plugin.name);
  out.version = owned(plugin.version);
  out.licence = owned(plugin.licence);
  out.summary = owned(plugin.summary);
  out.kind = plugin.kind;
  out.threading = plugin.threading;
  out.abi_major = plugin.abi_major;
  out.abi_minor = plugin.abi_minor;
  auto fields = config::read_schema(plugin.fields, plugin.field_count);
  if (!fields) return fields.error();
  out.fields = std::move(*fields);
  for (std::uint32_t i = 0; i < plugin.capability_count; ++i) out.capabilities.push_back(owned(plugin.capabilities[i]));
  out.collects = plugin.collector != nullptr && plugin.collector->collect != nullptr;
  out.consumes = plugin.sink != nullptr && plugin.sink->consume != nullptr;
  out.renders = plugin.sink != nullptr && plugin.sink->render != nullptr;
  out.takes_alerts = plugin.sink != nullptr && SENTINEL_MEMBER(plugin.sink, sentinel_sink, alert) != nullptr;
  out.sha256 = library.file().sha256;
  out.size = library.file().size;
  return {};
}

void try_instance(const std::shared_ptr<Library>& library, Description& out) {
  std::vector<config::Diagnostic> mistakes;
  auto resolved = config::resolve(config::Value{}, out.fields, "a default configuration", mistakes);
  if (!mistakes.empty()) {
    out.not_created = mistakes.front().message;
    return;
  }
  const AbiConfig config(std::move(resolved));
  const RecordingHost host;
  const auto instance = Instance::create(library, host.raw(), config.raw());
  if (!instance) {
    out.not_created = instance.error().message;
    return;
  }
  out.metrics = host.metrics();
  out.routes = host.routes();
  out.has_state = instance->has_state();
  out.has_details = instance->has_details();
}

int tell(const fs::path& file, const Answer& answer) {
  Description description;
  std::shared_ptr<Library> library;
  const auto loaded = [&]() -> Result<void> {
    auto staged = in_place(file);
    if (!staged) return staged.error();
    auto opened = Library::load(std::move(*staged));
    if (!opened) return opened.error();
    library = std::move(*opened);
    return read_descriptor(*library, description);
  }();
  if (!loaded) return answer.say(error_line(loaded.error())) ? 0 : 1;
  if (!answer.say(descriptor_line(description))) return 1;
  try_instance(library, description);
  if (!answer.say(instance_line(description))) return 1;
  if (const auto unloaded = unload(std::move(library)); !unloaded) description.not_unloaded = unloaded.error().message;
  return answer.say(unload_line(description)) ? 0 : 1;
}

}  // namespace

int describe_main(const fs::path& file) {
  const Answer answer;
  return answer ? tell(file, answer) : 1;
}

}  // namespace sentinel::plugin
