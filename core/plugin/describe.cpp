#include <string_view>

#include "core/plugin/child.hpp"
#include "core/plugin/description.hpp"
#include "core/plugin/description_json.hpp"

namespace sentinel::plugin {

namespace fs = std::filesystem;

Result<Description> describe(const fs::path& file, const fs::path& program, std::chrono::milliseconds deadline) {
  const auto child = run_child(program, {"sentinel", "plugin", "describe", file.string()}, deadline);
  if (!child) return child.error().in(file.string());
  Description description;
  description.path = file;
  std::string_view said = child->output;
  const auto first = next_line(said);
  if (first.empty()) return unfinished(*child, "while being loaded", deadline).in(file.string());
  // The child's errors name the file already.
  if (const auto read = read_descriptor_line(first, description); !read) return read.error();
  const auto second = next_line(said);
  if (second.empty()) {
    description.not_created = unfinished(*child, "in create or destroy", deadline).message;
    return description;
  }
  if (const auto read = read_instance_line(second, description); !read) return read.error().in(file.string());
  const auto third = next_line(said);
  if (third.empty()) {
    description.not_unloaded = unfinished(*child, "while being unloaded", deadline).message;
    return description;
  }
  if (const auto read = read_unload_line(third, description); !read) return read.error().in(file.string());
  return description;
}

}  // namespace sentinel::plugin
