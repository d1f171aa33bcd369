#include "core/plugin/find.hpp"

#include <algorithm>
#include <map>
#include <numeric>

namespace sentinel::plugin {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view suffix = ".so";

/// Levenshtein's distance: single characters to insert, drop or replace.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, diagonal + 1, row[j] + 1});
    }
  }
  return row.back();
}

/// Names near enough to be what was meant, the nearest first.
std::vector<std::string> near(std::string_view name, std::span<const fs::path> plugin_path) {
  std::vector<std::pair<std::size_t, std::string>> scored;
  for (const auto& path : list(plugin_path)) {
    auto candidate = path.stem().string();
    const std::size_t edits = distance(name, candidate);
    const bool part = name.size() >= 3 && candidate.find(name) != candidate.npos;
    if (edits <= std::max<std::size_t>(2, name.size() / 3) || part) scored.emplace_back(edits, std::move(candidate));
  }
  std::sort(scored.begin(), scored.end());
  constexpr std::size_t most = 3;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < std::min(scored.size(), most); ++i) names.push_back(std::move(scored[i].second));
  return names;
}

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
  if (const auto meant = near(name, plugin_path); !meant.empty())
    message += "; did you mean " + joined(meant, " or ") + "?";
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
