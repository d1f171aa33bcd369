#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/config.hpp"
#include "core/config/diagnostic.hpp"

namespace sentinel::config {

/// A directory of its own with the configuration files of one test.
class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "sentinel-config-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
    path_ = pattern;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

  void write(std::string_view name, std::string_view text) const {
    const auto file = path_ / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << text;
  }

  /// Diagnostics as text, without the directory's own path.
  [[nodiscard]] std::vector<std::string> tell(const std::vector<Diagnostic>& diagnostics) const {
    std::vector<std::string> out;
    for (const auto& diagnostic : diagnostics) {
      std::string text = to_string(diagnostic);
      const std::string prefix = path_.string() + "/";
      for (auto at = text.find(prefix); at != std::string::npos; at = text.find(prefix)) text.erase(at, prefix.size());
      out.push_back(std::move(text));
    }
    return out;
  }

 private:
  std::filesystem::path path_;
};

/// Loads \p text as the file a.yaml of a folder that holds nothing else, and gives what it complains about.
inline std::vector<std::string> complaints(std::string_view text, const Variables& environment = {}) {
  const Folder folder;
  folder.write("a.yaml", text);
  return folder.tell(load(folder / "a.yaml", environment).diagnostics);
}

/// A file around one collector's settings, which stand in line 3 from column 8 on.
inline std::string with_collector(std::string_view settings) {
  return "version: 1\ncollectors:\n  cpu: " + std::string(settings) +
         "\nsinks: {prometheus: {plugin: prometheus}}\npipelines: {host: {to: [prometheus]}}\n";
}

/// A file around one agent section, which stands in line 2 from column 8 on.
inline std::string with_agent(std::string_view settings) {
  return "version: 1\nagent: " + std::string(settings) +
         "\ncollectors: {cpu: {plugin: proc_cpu}}\nsinks: {prometheus: {plugin: prometheus}}\n"
         "pipelines: {host: {to: [prometheus]}}\n";
}

}  // namespace sentinel::config
