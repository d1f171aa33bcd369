#include "core/plugin/permissions.hpp"

#include <sys/stat.h>
#include <sys/xattr.h>

#include <cerrno>
#include <deque>
#include <string>
#include <system_error>

namespace sentinel::plugin {

namespace fs = std::filesystem;

namespace {

Error cannot_look(const fs::path& path, int error) {
  const Errc code = error == ENOENT || error == ENOTDIR ? Errc::not_found
                    : error == EACCES                   ? Errc::permission
                                                        : Errc::failed;
  return {code, "cannot look at " + path.string() + ": " + std::generic_category().message(error)};
}

}  // namespace

Result<std::vector<PathStep>> path_steps(const fs::path& file) {
  constexpr int most_links = 40;  // as the kernel: path_resolution(7)
  std::error_code failure;
  const fs::path absolute = fs::absolute(file, failure);
  if (failure) return cannot_look(file, failure.value());
  std::vector<PathStep> steps;
  std::deque<fs::path> left(absolute.begin(), absolute.end());
  fs::path current;
  int links = 0;
  while (!left.empty()) {
    const fs::path next = left.front();
    left.pop_front();
    if (next.empty() || next == ".") continue;
    if (next == "..") {
      // `current` has no link in it any more, so its textual parent is its parent.
      current = current.parent_path();
      continue;
    }
    const fs::path path = current / next;
    struct stat status = {};
    if (::lstat(path.c_str(), &status) != 0) return cannot_look(path, errno);
    const bool acl = !S_ISLNK(status.st_mode) && ::getxattr(path.c_str(), "system.posix_acl_access", nullptr, 0) > 0;
    steps.push_back({path, status.st_mode, status.st_uid, status.st_gid, acl});
    if (!S_ISLNK(status.st_mode)) {
      current = path;
      continue;
    }
    if (++links > most_links) {
      return Error{Errc::failed, file.string() + " leads through more than 40 symbolic links"};
    }
    const fs::path target = fs::read_symlink(path, failure);
    if (failure) return cannot_look(path, failure.value());
    left.insert(left.begin(), target.begin(), target.end());
    if (target.is_absolute()) current.clear();
  }
  return steps;
}

Result<void> judge_steps(std::span<const PathStep> steps) {
  for (const auto& step : steps) {
    const std::string path = step.path.string();
    if (step.owner != 0) {
      return Error{Errc::permission, path + " is owned by user " + std::to_string(step.owner) +
                                         ", who could replace a plugin that runs as root: chown -h root " + path};
    }
    if (S_ISLNK(step.mode) || (S_ISDIR(step.mode) && (step.mode & S_ISVTX) != 0)) continue;
    if ((step.mode & S_IWOTH) != 0) {
      return Error{
          Errc::permission,
          path + " may be written by everyone, who could replace a plugin that runs as root: chmod o-w " + path};
    }
    if ((step.mode & S_IWGRP) != 0 && (step.group != 0 || step.has_acl)) {
      return Error{Errc::permission, path + " may be written by " +
                                         (step.has_acl ? std::string("those that its ACL admits")
                                                       : "group " + std::to_string(step.group)) +
                                         ", who could replace a plugin that runs as root: chmod g-w " + path};
    }
  }
  return {};
}

Result<void> check_permissions(const fs::path& file, uid_t euid) {
  if (euid != 0) return {};
  const auto steps = path_steps(file);
  if (!steps) return steps.error();
  return judge_steps(*steps);
}

}  // namespace sentinel::plugin
