#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/plugin/image.hpp"
#include "core/plugin/library.hpp"
#include "core/plugin/stage.hpp"

namespace sentinel::plugin::testing {

namespace fs = std::filesystem;

/// A folder of the test's own, gone at its end.
class TempFolder {
 public:
  TempFolder() {
    std::string name = (fs::temp_directory_path() / "sentinel-plugin-test.XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  ~TempFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  [[nodiscard]] const fs::path& path() const { return path_; }
  [[nodiscard]] fs::path operator/(std::string_view name) const { return path_ / name; }

 private:
  fs::path path_;
};

/// A plugin of tests/plugins.
inline fs::path test_plugin(std::string_view name) {
  return fs::path(SENTINEL_BINARY_DIR) / "tests" / "plugins" / (std::string(name) + ".so");
}

inline fs::path describe_child() {
  return fs::path(SENTINEL_BINARY_DIR) / "tests" / "plugin_describe_child";
}

inline std::vector<std::byte> read_all(const fs::path& file) {
  auto image = read_image(file);
  if (!image) {
    ADD_FAILURE() << image.error().message;
    return {};
  }
  return std::move(image->bytes);
}

inline void write_all(const fs::path& file, std::span<const std::byte> bytes) {
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  ASSERT_TRUE(out.good()) << file;
}

/// A stage in a temporary folder.
struct TestStage {
  TempFolder folder;
  Stage stage = [this] {
    auto opened = Stage::open(folder / "run");
    if (!opened) {
      ADD_FAILURE() << opened.error().message;
      std::abort();
    }
    return std::move(*opened);
  }();

  /// Stages and loads, as the agent does.
  Result<std::shared_ptr<Library>> load(const fs::path& file, std::uint64_t generation = 1) const {
    auto staged = stage.stage(file, "test", generation);
    if (!staged) return staged.error();
    return Library::load(std::move(*staged));
  }
};

/// The message of an error, or what is there instead.
template <class T>
std::string message_of(const Result<T>& result) {
  return result ? "(no error)" : result.error().message;
}

}  // namespace sentinel::plugin::testing
