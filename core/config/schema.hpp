#pragma once

#include <sentinel/abi.h>
#include <cstdint>
#include <limits>
#include <optional>
#include <sentinel/config.hpp>
#include <sentinel/result.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/diagnostic.hpp"
#include "core/config/value.hpp"

namespace sentinel::config {

/// One key that a plugin's `config:` may hold; owns its texts, so it outlives the plugin.
struct FieldSpec {
  std::string name;
  FieldType type = FieldType::string;
  std::string help;
  std::optional<std::string> by_default;  ///< in the notation of the file
  std::vector<std::string> choices;       ///< empty: any
  bool required = false;
  double minimum = -std::numeric_limits<double>::infinity();  ///< of durations in seconds
  double maximum = std::numeric_limits<double>::infinity();

  friend bool operator==(const FieldSpec&, const FieldSpec&) = default;
};

/// Copies the array of \p count fields at \p first, walking by the size of the first element; members that this size
/// does not cover have their defaults, and bounds that are both 0 mean none. Errors: invalid_argument, when the
/// plugin's schema is wrong in itself: a name twice or malformed, an unknown type, a default that its own field
/// refuses.
[[nodiscard]] Result<std::vector<FieldSpec>> read_schema(const sentinel_field* first, std::size_t count);

/// The checked value of one field: `text` always, beside it the member that its type names.
struct ResolvedValue {
  std::string name;
  FieldType type = FieldType::string;
  std::string text;                    ///< of a path: joined with the directory of the file that names it
  std::int64_t integer = 0;            ///< integer, boolean (0 or 1), duration (ns), bytes
  double number = 0;                   ///< number
  std::vector<std::string> strings;    ///< string list
  std::vector<std::int64_t> integers;  ///< integer list
  bool by_default = false;             ///< not given in the file

  friend bool operator==(const ResolvedValue&, const ResolvedValue&) = default;
};

/// In the schema's order; a field that was neither given nor has a default is absent.
using Resolved = std::vector<ResolvedValue>;

/// Checks \p config (a collector's or sink's `config:`) against \p schema. \p owner begins each message, as in
/// `collector "cpu"`. Relative paths in the file are relative to it; a default path stays as it is. Every mistake is
/// appended to \p diagnostics at its place, and then the result lacks the field.
[[nodiscard]] Resolved resolve(const Value& config, std::span<const FieldSpec> schema, std::string_view owner,
                               std::vector<Diagnostic>& diagnostics);

}  // namespace sentinel::config
