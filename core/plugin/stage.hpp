#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include <sentinel/result.hpp>

#include "core/plugin/elf.hpp"
#include "core/plugin/fd.hpp"

namespace sentinel::plugin {

/// A private copy of a plugin's file under a name that no load had before. A loader that sees a known path or inode
/// gives the old code back, and a file that changes under a mapping kills the process; a copy of our own has neither
/// fault.
struct StagedFile {
  std::filesystem::path source;  ///< the user's file
  std::filesystem::path path;    ///< the copy: <folder>/<instance>.<generation>.<12 digits of sha256>.so
  std::string sha256;            ///< of the content, 64 hexadecimal digits: the plugin's identity
  std::uint64_t size = 0;
  std::int64_t modified_ns = 0;  ///< of the source, since 1970
  ElfFacts elf;
  std::shared_ptr<const void> copy;  ///< the copy is removed when its last holder is gone
};

/// Whether code can be mapped from a folder on a file system with these flags of statvfs(3). Errors: failed.
[[nodiscard]] Result<void> check_mount(const std::filesystem::path& folder, unsigned long flags);

/// The private folder that plugins are loaded from. Any thread; calls need no lock.
class Stage {
 public:
  /// Makes `<parent>/plugins.<random>`, mode 0700, and removes those that dead agents left in `parent`. `parent` is
  /// made when missing. There is no other place to fall back to: code must not come from a folder that nobody named.
  /// Errors: permission, failed (parent cannot be written, or is mounted noexec).
  static Result<Stage> open(const std::filesystem::path& parent);

  Stage(Stage&&) = default;
  Stage& operator=(Stage&&) = delete;
  /// Removes the folder and what is in it. Objects loaded from it stay mapped until they are unloaded.
  ~Stage();

  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }

  /// Copies a plugin in, after its image in memory has passed parse_elf and lint. Its file name must be its plugin's.
  /// Characters of `instance` other than [A-Za-z0-9_-] become '_' in the copy's name.
  /// Errors: those of read_image, parse_elf and lint, with the source's path.
  [[nodiscard]] Result<StagedFile> stage(const std::filesystem::path& source, std::string_view instance,
                                         std::uint64_t generation) const;

 private:
  Stage(std::filesystem::path folder, Fd lock) : folder_(std::move(folder)), lock_(std::move(lock)) {}

  std::filesystem::path folder_;
  Fd lock_;  ///< flock(2) on the folder: held as long as its agent lives, in whatever PID namespace that is
};

}  // namespace sentinel::plugin
