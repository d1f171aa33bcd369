#pragma once

#include <filesystem>

#include <sentinel/result.hpp>

#include "core/plugin/stage.hpp"

namespace sentinel::plugin {

/// A plugin's file as Library::load takes it: itself, not a copy. Only for a process of its own, which alone dies if
/// the file changes now. Its file name may be any. Errors: those of read_image, parse_elf and lint, with the file's
/// path.
[[nodiscard]] Result<StagedFile> in_place(const std::filesystem::path& file);

}  // namespace sentinel::plugin
