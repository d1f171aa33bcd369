#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "core/plugin/abi_config.hpp"
#include "core/plugin/call.hpp"
#include "core/plugin/description.hpp"
#include "core/plugin/description_json.hpp"
#include "core/plugin/fd.hpp"
#include "core/plugin/image.hpp"
#include "core/plugin/member.hpp"
#include "core/plugin/text.hpp"

namespace sentinel::plugin {

namespace fs = std::filesystem;

namespace {

/// Whether the line went out whole; the parent may be gone.
bool say(const Fd& out, std::string line) {
  line += '\n';
  std::size_t written = 0;
  while (written < line.size()) {
    const ssize_t put = ::write(out.get(), line.data() + written, line.size() - written);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return false;
    written += static_cast<std::size_t>(put);
  }
  return true;
}

std::string owned(sentinel_string text) {
  return clean_text(text.size == 0 ? std::string_view() : std::string_view(text.data, text.size));
}

/// The file itself, not a copy: it is this process alone that dies if it changes now.
Result<StagedFile> in_place(const fs::path& file) {
  auto image = read_image(file);
  if (!image) return image.error();
  auto elf = parse_elf(image->bytes);
  if (!elf) return elf.error().in(file.string());
  // Without the file's name: a staged copy has another one than its plugin.
  if (const auto clean = require_clean(*elf, {}); !clean) return clean.error().in(file.string());
  std::error_code failure;
  StagedFile staged;
  staged.source = file;
  // Canonical, because the loader names objects as they were given, and /proc/self/maps resolves links.
  staged.path = fs::canonical(file, failure);
  if (failure) return Error{Errc::failed, "cannot look at " + file.string() + ": " + failure.message()};
  staged.sha256 = sha256(image->bytes);
  staged.size = image->bytes.size();
  staged.modified_ns = image->modified_ns;
  staged.elf = std::move(*elf);
  return staged;
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

int tell(const fs::path& file, const Fd& out) {
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
  if (!loaded) return say(out, error_line(loaded.error())) ? 0 : 1;
  if (!say(out, descriptor_line(description))) return 1;
  try_instance(library, description);
  if (!say(out, instance_line(description))) return 1;
  if (const auto unloaded = unload(std::move(library)); !unloaded) description.not_unloaded = unloaded.error().message;
  return say(out, unload_line(description)) ? 0 : 1;
}

}  // namespace

int describe_main(const fs::path& file) {
  // A plugin that hangs here must not outlive its agent, and one that crashes leaves no core behind.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const rlimit no_core = {0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  // A plugin may print from its constructors: that must not get between the lines of the answer.
  const Fd out(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
  if (!out || ::dup2(STDERR_FILENO, STDOUT_FILENO) < 0) return 1;
  return tell(file, out);
}

}  // namespace sentinel::plugin
