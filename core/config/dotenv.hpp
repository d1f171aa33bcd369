#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/config/diagnostic.hpp"
#include "core/config/variables.hpp"

namespace sentinel::config {

/// Reads lines of `NAME=value`. Empty lines and those that begin with `#` are skipped; `export ` before a name, and
/// spaces around name and value, don't count. An unquoted value ends at ` #`; 'single quotes' keep everything; "double
/// quotes" know \n \t \r \" \\ and \$. Values span no lines and no variable in them is replaced. A name that stands
/// twice has its last value, with a warning. \p file names the text in every Where.
[[nodiscard]] Variables parse_dotenv(std::string_view text, const std::string& file,
                                     std::vector<Diagnostic>& diagnostics);

}  // namespace sentinel::config
