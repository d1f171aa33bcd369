#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

/// A memory cgroup of a limit, of version 1 or 2, whichever this machine has; removed with the object, when nothing is
/// in it any more.
class MemoryCgroup {
 public:
  /// `why_not` says what is missing, when it has no folder.
  explicit MemoryCgroup(std::uint64_t limit_bytes);
  MemoryCgroup(const MemoryCgroup&) = delete;
  MemoryCgroup& operator=(const MemoryCgroup&) = delete;
  ~MemoryCgroup();

  [[nodiscard]] const std::optional<std::string>& why_not() const { return why_not_; }
  /// Moves the calling process into it.
  [[nodiscard]] bool enter() const;

 private:
  std::filesystem::path folder_;
  std::optional<std::string> why_not_;
};
