#include "core/plugin/descriptor.hpp"

#include <string>

#include "core/config/schema.hpp"
#include "core/plugin/find.hpp"
#include "core/plugin/member.hpp"
#include "core/plugin/text.hpp"

namespace sentinel::plugin {

namespace {

constexpr std::uint32_t largest_struct = 64U << 10U;
constexpr std::uint32_t most_fields = 1024;
constexpr std::uint32_t most_capabilities = 64;
constexpr std::uint64_t longest_text = 16U << 10U;

Error broken(std::string what) {
  return {Errc::invalid_argument, std::move(what)};
}

std::string in_quotes(std::string_view text) {
  return "'" + clean_text(text, 64) + "'";
}

std::string_view view(const sentinel_string& text) {
  return text.size == 0 ? std::string_view() : std::string_view(text.data, text.size);
}

Result<void> check_size(std::string_view what, std::uint32_t size, std::size_t least) {
  if (size >= least && size <= largest_struct) return {};
  return broken("its " + std::string(what) + " says size " + std::to_string(size) +
                ", this agent's ABI needs at least " + std::to_string(least) + ": rebuild it against this agent's SDK");
}

Result<void> check_text(std::string_view what, const sentinel_string& text) {
  if (text.size > longest_text || (text.size > 0 && text.data == nullptr)) {
    return broken("its " + std::string(what) +
                  " is no text: " + (text.data == nullptr ? "null" : std::to_string(text.size) + " bytes"));
  }
  return {};
}

Error no_function(std::string_view table, std::string_view function) {
  return broken("its " + std::string(table) + " has no " + std::string(function) + ": that function may not be null");
}

Result<void> check_identity(const sentinel_plugin& plugin, const NoteFacts& note) {
  if (plugin.abi_major != SENTINEL_ABI_MAJOR || plugin.abi_major != note.abi_major ||
      plugin.abi_minor != note.abi_minor) {
    return broken("its descriptor says ABI " + std::to_string(plugin.abi_major) + "." +
                  std::to_string(plugin.abi_minor) + ", its note " + std::to_string(note.abi_major) + "." +
                  std::to_string(note.abi_minor) + ", this agent speaks " + std::to_string(SENTINEL_ABI_MAJOR) + "." +
                  std::to_string(SENTINEL_ABI_MINOR) + ": rebuild it against this agent's SDK");
  }
  for (const auto& [what, text] : {std::pair("name", plugin.name), std::pair("version", plugin.version),
                                   std::pair("licence", plugin.licence), std::pair("summary", plugin.summary)}) {
    if (const auto good = check_text(what, text); !good) return good;
  }
  if (!is_plugin_name(view(plugin.name)) || view(plugin.name) != note.name) {
    return broken("its descriptor says name " + in_quotes(view(plugin.name)) + ", its note " + in_quotes(note.name) +
                  ": both are the plugin's name, [a-z][a-z0-9_]{0,46}");
  }
  if (view(plugin.version) != note.version) {
    return broken("its descriptor says version " + in_quotes(view(plugin.version)) + ", its note " +
                  in_quotes(note.version) + ": both are the plugin's version");
  }
  if (plugin.kind != note.kind) {
    return broken("its descriptor says kind " + std::to_string(plugin.kind) + ", its note " +
                  std::to_string(note.kind));
  }
  if (plugin.threading != SENTINEL_SERIAL && plugin.threading != SENTINEL_OWN_THREADS) {
    return broken("its descriptor says threading " + std::to_string(plugin.threading) +
                  ", this agent knows 1 (serial) and 2 (own_threads)");
  }
  return {};
}

Result<void> check_collector(const sentinel_plugin& plugin) {
  if (plugin.collector == nullptr || plugin.sink != nullptr) {
    return broken("its kind is collector, so `collector` must be set and `sink` null");
  }
  if (const auto good =
          check_size("collector table", plugin.collector->size, SENTINEL_MEMBER_END(sentinel_collector, collect));
      !good) {
    return good;
  }
  if (plugin.collector->collect == nullptr && plugin.threading != SENTINEL_OWN_THREADS) {
    return no_function("collector table", "collect");
  }
  return {};
}

Result<void> check_sink(const sentinel_plugin& plugin) {
  if (plugin.sink == nullptr || plugin.collector != nullptr) {
    return broken("its kind is sink, so `sink` must be set and `collector` null");
  }
  if (const auto good = check_size("sink table", plugin.sink->size, SENTINEL_MEMBER_END(sentinel_sink, render));
      !good) {
    return good;
  }
  const bool alerts = plugin.sink->size >= SENTINEL_MEMBER_END(sentinel_sink, alert) && plugin.sink->alert != nullptr;
  if (plugin.sink->consume == nullptr && plugin.sink->render == nullptr && !alerts) {
    return broken("its sink table has neither consume, render nor alert: a sink has at least one of them");
  }
  return {};
}

Result<void> check_tables(const sentinel_plugin& plugin) {
  if (plugin.lifecycle == nullptr) return broken("its descriptor has no lifecycle: that table may not be null");
  if (const auto good =
          check_size("lifecycle table", plugin.lifecycle->size, SENTINEL_MEMBER_END(sentinel_lifecycle, extension));
      !good) {
    return good;
  }
  if (plugin.lifecycle->create == nullptr) return no_function("lifecycle table", "create");
  if (plugin.lifecycle->destroy == nullptr) return no_function("lifecycle table", "destroy");
  if (plugin.kind == SENTINEL_KIND_COLLECTOR) return check_collector(plugin);
  if (plugin.kind == SENTINEL_KIND_SINK) return check_sink(plugin);
  return broken("its descriptor says kind " + std::to_string(plugin.kind) +
                ", this agent knows 1 (collector) and 2 (sink): use a newer agent");
}

/// That every field can be read at all; what it says is for config::read_schema to judge.
Result<void> check_fields(const sentinel_plugin& plugin) {
  const char* at = reinterpret_cast<const char*>(plugin.fields);
  const std::uint32_t stride = plugin.field_count == 0 ? 0 : plugin.fields->size;
  for (std::uint32_t i = 0; i < plugin.field_count; ++i, at += stride) {
    const auto& field = *reinterpret_cast<const sentinel_field*>(at);
    if (const auto good = check_size("field", field.size, SENTINEL_MEMBER_END(sentinel_field, maximum)); !good) {
      return good;
    }
    if (field.size != stride || stride % alignof(sentinel_field) != 0) {
      return broken("its fields differ in size: " + std::to_string(stride) + " and " + std::to_string(field.size));
    }
    for (const auto& [what, text] :
         {std::pair("name of a field", field.name), std::pair("help of a field", field.help),
          std::pair("default of a field", field.default_value), std::pair("choices of a field", field.choices)}) {
      if (const auto good = check_text(what, text); !good) return good;
    }
  }
  return {};
}

Result<void> check_schema(const sentinel_plugin& plugin) {
  if (plugin.field_count > most_fields || (plugin.field_count > 0 && plugin.fields == nullptr)) {
    return broken("its schema is malformed: " + std::to_string(plugin.field_count) + " fields");
  }
  if (plugin.capability_count > most_capabilities || (plugin.capability_count > 0 && plugin.capabilities == nullptr)) {
    return broken("its capabilities are malformed: " + std::to_string(plugin.capability_count) + " of them");
  }
  for (std::uint32_t i = 0; i < plugin.capability_count; ++i) {
    if (const auto good = check_text("capability", plugin.capabilities[i]); !good) return good;
  }
  if (const auto good = check_fields(plugin); !good) return good;
  if (const auto schema = config::read_schema(plugin.fields, plugin.field_count); !schema) return schema.error();
  return {};
}

}  // namespace

Result<void> check_descriptor(const sentinel_plugin* descriptor, const NoteFacts& note) {
  if (descriptor == nullptr) return broken(SENTINEL_PLUGIN_ENTRY " returned null instead of its descriptor");
  if (descriptor->magic != SENTINEL_ABI_MAGIC) {
    return broken("its descriptor has the magic " + std::to_string(descriptor->magic) + ", a plugin's is " +
                  std::to_string(SENTINEL_ABI_MAGIC) + " (SENTINEL_ABI_MAGIC): rebuild it against this agent's SDK");
  }
  // The size comes first: of a shorter struct not even the ABI version may be read.
  // NOLINTNEXTLINE(bugprone-sizeof-expression): the member is that pointer
  if (const auto good = check_size("descriptor", descriptor->size, SENTINEL_MEMBER_END(sentinel_plugin, sink)); !good) {
    return good;
  }
  if (const auto good = check_identity(*descriptor, note); !good) return good;
  if (const auto good = check_tables(*descriptor); !good) return good;
  return check_schema(*descriptor);
}

std::string_view kind_name(std::uint32_t kind) {
  return kind == SENTINEL_KIND_COLLECTOR ? "collector" : kind == SENTINEL_KIND_SINK ? "sink" : "unknown";
}

std::string_view threading_name(std::uint32_t threading) {
  return threading == SENTINEL_SERIAL ? "serial" : threading == SENTINEL_OWN_THREADS ? "own_threads" : "unknown";
}

}  // namespace sentinel::plugin
