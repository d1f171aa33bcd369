#pragma once

#include <filesystem>
#include <functional>
#include <sentinel/result.hpp>
#include <string>

#include "core/delivery/fd.hpp"

namespace sentinel::delivery {

/// The folder of the journals, this process's alone for as long as the object lives.
class SpoolFolder {
 public:
  /// Makes it with mode 0700 where it is not there, removes what a killed process left half-written, and the oldest
  /// journals beyond 64. What a full or read-only disk does not let it do is told to `on_problem` and no error.
  /// Errors: failed (no folder; another process has it), permission (it is another user's, or others may write to it).
  static Result<SpoolFolder> open(const std::filesystem::path& path,
                                  const std::function<void(std::string)>& on_problem);

 private:
  explicit SpoolFolder(Fd lock) : lock_(std::move(lock)) {}

  // fcntl(2)'s kind of lock: children that outlive the agent do not inherit it.
  Fd lock_;
};

}  // namespace sentinel::delivery
