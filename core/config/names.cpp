#include "core/config/names.hpp"

#include <algorithm>
#include <utility>

#include "core/config/config.hpp"
#include "core/config/suggest.hpp"

namespace sentinel::config {

void check_name(const Key& name, std::string_view kind, std::vector<Diagnostic>& diagnostics) {
  if (name.name == self_name && kind != "pipeline") {
    add_error(diagnostics, name.where,
              "no " + std::string(kind) + " may be named \"self\": that name means the agent's own metrics");
  } else if (!is_name(name.name)) {
    add_error(diagnostics, name.where,
              quote(name.name) + " is no name for a " + std::string(kind) +
                  "; begin with a small letter, then small letters, digits and _, at most 47 in all");
  }
}

std::string owner_of(std::string_view kind, const Key& name) {
  return std::string(kind) + " " + quote(name.name);
}

std::vector<Key> read_names(Fields& fields, std::string_view key) {
  std::vector<Key> names;
  std::vector<Key> unique;
  fields.read_list(key, names);
  for (auto& name : names) {
    const bool again =
        std::any_of(unique.begin(), unique.end(), [&](const Key& other) { return other.name == name.name; });
    if (again) {
      fields.error(name.where, key, quote(name.name) + " stands here twice");
    } else {
      unique.push_back(std::move(name));
    }
  }
  return unique;
}

}  // namespace sentinel::config
