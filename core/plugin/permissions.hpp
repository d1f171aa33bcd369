#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <filesystem>
#include <span>
#include <vector>

#include <sentinel/result.hpp>

namespace sentinel::plugin {

/// One file, folder or symbolic link that decides what code a path leads to.
struct PathStep {
  std::filesystem::path path;
  mode_t mode = 0;
  uid_t owner = 0;
  gid_t group = 0;
  bool has_acl = false;  ///< its group bits are then the mask of a POSIX ACL, which may admit anyone
};

/// Every step from / to the file, those of symbolic links on the way included.
/// Errors: not_found, permission, failed (more than 40 links).
[[nodiscard]] Result<std::vector<PathStep>> path_steps(const std::filesystem::path& file);

/// Whether root may run code that these steps lead to: each is owned by root, and nobody else may write it. A sticky
/// folder such as /tmp is writable by all yet passes, because in it only the owner replaces a file, and the next step's
/// owner is checked too. The group of root may write. Errors: permission, with the path and the cure.
[[nodiscard]] Result<void> judge_steps(std::span<const PathStep> steps);

/// Refuses a plugin that others could replace when this process runs as root; anyone else runs what they name.
[[nodiscard]] Result<void> check_permissions(const std::filesystem::path& file, uid_t euid = ::geteuid());

}  // namespace sentinel::plugin
