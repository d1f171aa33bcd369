// A descriptor made by hand, whose every function lets an exception out, which the ABI forbids.
#include <array>
#include <sentinel/collector.hpp>
#include <stdexcept>

namespace {

[[noreturn]] void escape() {
  throw std::runtime_error("no wrapper caught this");
}

void* create(const sentinel_host*, const sentinel_config* config, sentinel_error*) {
  static int instance = 0;
  // With any value configured the constructor is the one that throws.
  if (config != nullptr && config->value_count > 0) escape();
  return &instance;
}
std::int32_t call(void*, sentinel_error*) {
  escape();
}
std::int32_t drain(void*, std::uint64_t, sentinel_error*) {
  escape();
}
void destroy(void*) {
  escape();
}
std::int32_t collect(void*, sentinel_batch*, sentinel_error*) {
  escape();
}
std::int32_t save(void*, sentinel_writer*, sentinel_error*) {
  throw 42;
}
std::int32_t restore(void*, std::uint32_t, sentinel_string, sentinel_error*) {
  escape();
}
std::int32_t describe(void*, sentinel_rows*, sentinel_error*) {
  escape();
}

const void* extension(void*, const char* id) {
  static constexpr sentinel_plugin_state state = {sizeof(sentinel_plugin_state), 1, &save, &restore};
  static constexpr sentinel_plugin_details details = {sizeof(sentinel_plugin_details), 0, &describe};
  if (std::string_view(id) == SENTINEL_EXTENSION_STATE) return &state;
  if (std::string_view(id) == SENTINEL_EXTENSION_DETAILS) return &details;
  return nullptr;
}

constexpr sentinel::PluginInfo sentinel_plugin_info = {
    .name = "test_escapes", .version = "1", .licence = "Apache-2.0", .summary = "Throws."};
constexpr sentinel_lifecycle lifecycle = {
    sizeof(sentinel_lifecycle), 0, &create, &call, &drain, &call, &call, &destroy, &extension};
constexpr sentinel_collector collector = {sizeof(sentinel_collector), 0, &collect};
constexpr sentinel_field field = sentinel::Field{.name = "throw_in_create"}.abi();

constexpr sentinel_plugin plugin = {SENTINEL_ABI_MAGIC,
                                    sizeof(sentinel_plugin),
                                    SENTINEL_ABI_MAJOR,
                                    SENTINEL_ABI_MINOR,
                                    SENTINEL_KIND_COLLECTOR,
                                    SENTINEL_SERIAL,
                                    1,
                                    0,
                                    0,
                                    sentinel::to_abi(sentinel_plugin_info.name),
                                    sentinel::to_abi(sentinel_plugin_info.version),
                                    sentinel::to_abi(sentinel_plugin_info.licence),
                                    sentinel::to_abi(sentinel_plugin_info.summary),
                                    &field,
                                    nullptr,
                                    &lifecycle,
                                    &collector,
                                    nullptr};

SENTINEL_DETAIL_NOTE(SENTINEL_KIND_COLLECTOR);

}  // namespace

SENTINEL_DETAIL_EXPORT const sentinel_plugin* sentinel_plugin_entry() {
  return &plugin;
}
