#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/config/diagnostic.hpp"
#include "core/config/fields.hpp"
#include "core/config/value.hpp"

namespace sentinel::config {

/// Reports a name that no collector, sink or pipeline (\p kind) may bear.
void check_name(const Key& name, std::string_view kind, std::vector<Diagnostic>& diagnostics);

/// `collector "cpu"`, with which messages about it begin.
[[nodiscard]] std::string owner_of(std::string_view kind, const Key& name);

/// A list of names, each once.
[[nodiscard]] std::vector<Key> read_names(Fields& fields, std::string_view key);

}  // namespace sentinel::config
