#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/diagnostic.hpp"
#include "core/config/value.hpp"

namespace sentinel::config {

/// Reads one YAML document into a tree, aliases put in. \p file names the text in every Where. Duplicate keys, merge
/// keys, keys that are no text, tags and a second document are mistakes; a key's first value is kept. Bounded: 32
/// levels, 50,000 values, 8 MiB of text, counted after aliases.
/// Nothing when the text is no YAML or too much; a null value when it holds nothing.
[[nodiscard]] std::optional<Value> parse_yaml(std::string_view text, const std::string& file,
                                              std::vector<Diagnostic>& diagnostics);

}  // namespace sentinel::config
