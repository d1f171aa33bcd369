#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <sentinel/result.hpp>

#include "core/runtime/notice.hpp"

namespace sentinel::runtime {

/// What of alerts outlives the agent.
struct AlertState {
  std::string engine;           ///< rules::Engine::save()
  std::vector<Notice> pending;  ///< that some sink has not taken yet
  std::uint64_t next_id = 1;
};

/// The file in `state_dir`: written aside, synced and renamed, so that it is whole at any moment. One thread at a time.
class AlertStateFile {
 public:
  explicit AlertStateFile(std::filesystem::path path) : path_(std::move(path)) {}

  /// Nothing when there is no file. A damaged one is set aside as `<name>.damaged`. Errors: what is wrong with it.
  [[nodiscard]] Result<AlertState> load() const;
  /// Errors: failed, with the file and the reason.
  [[nodiscard]] Result<void> save(const AlertState& state) const;

 private:
  std::filesystem::path path_;
};

/// Writes a whole file aside, syncs it and renames it into place (rename(2)). Errors: failed, with the reason.
[[nodiscard]] Result<void> write_atomically(const std::filesystem::path& path, std::string_view text, unsigned mode);

}  // namespace sentinel::runtime
