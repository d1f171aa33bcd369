#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/app/trace_source.hpp"

namespace sentinel::app {

/// An option of `sentinel trace` that becomes a key of the plugin's `config:`.
struct TraceFilter {
  const char* option;
  const char* key;
  const char* help;
};

/// Something that can be traced, and by which plugin.
struct TraceKind {
  const char* name;
  const char* plugin;
  const char* help;
  std::span<const TraceFilter> filters;
  /// Of its `config:`, unless a filter says otherwise: every event, and nothing counted that nobody sees.
  std::span<const std::pair<const char*, const char*>> settings;
};

/// All there are, constant.
[[nodiscard]] std::span<const TraceKind> trace_kinds();

struct TraceOptions {
  std::filesystem::path file;                      ///< whose `plugin_path` counts, if it is there
  std::vector<std::filesystem::path> plugin_path;  ///< instead of the file's
  TraceSource::Settings filters;                   ///< by key of `config:`; those that were given
  bool json = false;
  bool stack = false;
  std::uint64_t count = 0;        ///< of events, then end; 0: until stopped
  std::optional<double> seconds;  ///< then end
};

/// `sentinel trace KIND`: prints events to standard output as they come, each as one line or as one object of JSON,
/// until SIGINT, SIGTERM or SIGHUP, or the reader goes; at last, on standard error, what became of those that were
/// seen. Needs no running agent. Call from a thread that is alone. `failed` after a line that says why.
int trace(const TraceKind& kind, const TraceOptions& options);

}  // namespace sentinel::app
