#include "core/plugin/find.hpp"

#include <algorithm>
#include <map>

#include "core/config/suggest.hpp"

namespace sentinel::plugin {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view suffix = ".so";

std::string joined(const std::vector<std::string>& all, std::string_view between) {
  std::string text;
  for (const auto& one : all) text += (text.empty() ? "" : std::string(between)) + one;
  return text;
}

}  // namespace

bool is_plugin_name(std::string_view name) {
  constexpr std::size_t longest = 47;
  const auto letter = [](char c) { return c >= 'a' && c <= 'z'; };
  const auto rest = [&](char c) { return letter(c) || (c >= '0' && c <= '9') || c == '_'; };
  return !name.empty() && name.size() <= longest && letter(name[0]) && std::all_of(name.begin(), name.end(), rest);
}

Result<fs::path> find(std::string_view name, std::span<const fs::path> plugin_path) {
  if (!is_plugin_name(name)) {
    return Error{Errc::invalid_argument,
                 "'" + std::string(name) + "' is no plugin name: one is [a-z][a-z0-9_]{0,46}, and its file <name>.so"};
  }
  const std::string file = std::string(name) + std::string(suffix);
  std::vector<std::string> looked;
  for (const auto& folder : plugin_path) {
    std::error_code failure;
    auto path = folder / file;
    if (fs::exists(path, failure)) return path;
    std::string place = path.string();
    // A file that may not be looked at is another matter than one that is not there.
    if (failure && failure != std::errc::no_such_file_or_directory) place += " (" + failure.message() + ")";
    looked.push_back(std::move(place));
  }
  std::string message = "plugin '" + std::string(name) + "' is not there; looked at ";
  message += looked.empty() ? "no folder: agent.plugin_path is empty" : joined(looked, ", ");
  std::vector<std::string> names;
  for (const auto& path : list(plugin_path)) names.push_back(path.stem().string());
  message += config::did_you_mean(name, names);
  return Error{Errc::not_found, std::move(message)};
}

std::vector<fs::path> list(std::span<const fs::path> plugin_path) {
  std::map<std::string, fs::path> by_name;
  for (const auto& folder : plugin_path) {
    std::error_code failure;
    for (auto entry = fs::directory_iterator(folder, failure); !failure && entry != fs::directory_iterator();
         entry.increment(failure)) {
      const auto& path = entry->path();
      std::error_code unknown;
      if (path.extension() != suffix || !is_plugin_name(path.stem().string()) || entry->is_directory(unknown)) continue;
      by_name.try_emplace(path.stem().string(), path);
    }
  }
  std::vector<fs::path> found;
  for (auto& [name, path] : by_name) found.push_back(std::move(path));
  return found;
}

}  // namespace sentinel::plugin
