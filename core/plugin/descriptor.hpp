#pragma once

#include <string_view>

#include <sentinel/abi.h>
#include <sentinel/result.hpp>

#include "core/plugin/elf.hpp"

namespace sentinel::plugin {

/// Holds what `sentinel_plugin_entry` returned to the contract of abi.h, before any other function of the plugin is
/// called: magic, size, ABI, kind, name and version equal to the note's, exactly the one table that the kind names, no
/// mandatory function missing, a schema that makes sense. `descriptor` may be null.
/// Errors: invalid_argument, naming the member, both values and the cure.
[[nodiscard]] Result<void> check_descriptor(const sentinel_plugin* descriptor, const NoteFacts& note);

/// "collector" or "sink".
[[nodiscard]] std::string_view kind_name(std::uint32_t kind);
/// "serial" or "own_threads".
[[nodiscard]] std::string_view threading_name(std::uint32_t threading);

}  // namespace sentinel::plugin
