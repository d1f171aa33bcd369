#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/config/diagnostic.hpp"

namespace sentinel::config {

/// One key of a map and where it stands.
struct Key {
  std::string name;
  Place where;

  friend bool operator==(const Key&, const Key&) = default;
};

/// The column at which a scalar's first byte stands, inside its quotes, when the whole of it stands in the file as it
/// is here, on one line; else 0. Compares equal to every other: another way to write the same text is no change.
struct SourceColumn {
  int column = 0;

  friend bool operator==(const SourceColumn&, const SourceColumn&) { return true; }
};

/// A YAML value as a plain tree. A scalar keeps its text: its type is what its reader asks for.
struct Value {
  enum class Kind {
    null,    ///< absent, empty, or a plain `~` or `null`
    scalar,  ///< `text`
    list,    ///< `items`
    map,     ///< `keys`, each once and in the file's order, and `items`, the value of each
  };

  Kind kind = Kind::null;
  std::string text;
  bool quoted = false;  ///< of a scalar: written with quotes or as a block, so it is text even if it looks otherwise
  std::vector<Key> keys;
  std::vector<Value> items;
  SourceColumn source;  ///< of a scalar
  Place where;          ///< of a null that was not written: the place that lacks it
  bool broken = false;  ///< a mistake in it was reported: readers take it for given and say nothing more

  [[nodiscard]] const Value* find(std::string_view key) const;

  friend bool operator==(const Value&, const Value&) = default;
};

/// What a value is, for a message: "a map", "a list", "nothing", or its text in quotes, shortened.
[[nodiscard]] std::string describe(const Value& value);

}  // namespace sentinel::config
