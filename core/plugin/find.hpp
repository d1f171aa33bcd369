#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sentinel/result.hpp>

namespace sentinel::plugin {

/// Whether `name` is [a-z][a-z0-9_]{0,46}: folder, target, file and YAML key of a plugin.
[[nodiscard]] bool is_plugin_name(std::string_view name);

/// The file `<folder>/<name>.so` of the first folder that has it.
/// Errors: invalid_argument (no plugin name), not_found (with the folders looked at and the name probably meant).
[[nodiscard]] Result<std::filesystem::path> find(std::string_view name,
                                                 std::span<const std::filesystem::path> plugin_path);

/// Every `<name>.so` of the folders, sorted by name, each name once: the one that find() gives.
/// Folders that are missing or may not be read hold nothing.
[[nodiscard]] std::vector<std::filesystem::path> list(std::span<const std::filesystem::path> plugin_path);

}  // namespace sentinel::plugin
