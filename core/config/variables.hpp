#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/diagnostic.hpp"
#include "core/config/value.hpp"

namespace sentinel::config {

/// Names and values of environment variables.
using Variables = std::map<std::string, std::string, std::less<>>;

/// Those of this process. Reads `environ`: call it before threads start.
[[nodiscard]] Variables process_environment();

/// [A-Za-z_][A-Za-z0-9_]*
[[nodiscard]] bool is_variable_name(std::string_view text);

/// Where `${NAME}` finds its value: first in the env file, then in the environment.
struct Scope {
  const Variables& environment;
  Variables env_file;
  std::filesystem::path env_file_path;  ///< named in messages
  std::size_t budget = 16U << 20U;      ///< bytes that all expansions together may still produce
};

/// Replaces `${NAME}` and `${NAME:-default}` (taken when NAME is unset or empty) by values and `$$` by `$` in every
/// scalar of \p value; any other `$` stays. Values are text: no YAML in them is read, no variable in them replaced.
void expand(Value& value, Scope& scope, std::vector<Diagnostic>& diagnostics);

}  // namespace sentinel::config
