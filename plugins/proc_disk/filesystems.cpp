#include "plugins/proc_disk/filesystems.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <map>
#include <unordered_map>
#include <utility>

namespace {

using sentinel::procfs::Mount;
using sentinel::procfs::unescape_mount;

/// The last mount at each mountpoint, by place in the file.
std::vector<const Mount*> uncovered(std::span<const Mount> mounts) {
  std::unordered_map<std::string_view, const Mount*> last;
  for (const auto& mount : mounts) last[mount.mountpoint] = &mount;
  std::vector<const Mount*> kept;
  for (const auto& mount : mounts) {
    if (last[mount.mountpoint] == &mount) kept.push_back(&mount);
  }
  return kept;
}

bool is_better(const Filesystem& one, const Filesystem& other) {
  if (one.whole != other.whole) return one.whole;
  return one.mountpoint.size() < other.mountpoint.size();
}

}  // namespace

bool matches_any(std::span<const std::string> patterns, const std::string& text) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const std::string& pattern) { return ::fnmatch(pattern.c_str(), text.c_str(), 0) == 0; });
}

std::vector<Filesystem> choose_filesystems(std::span<const Mount> mounts, const FilesystemFilter& filter) {
  std::vector<Filesystem> chosen;
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::size_t> by_device;
  for (const auto* mount : uncovered(mounts)) {
    Filesystem found{mount->id,
                     unescape_mount(mount->mountpoint),
                     unescape_mount(mount->fstype),
                     unescape_mount(mount->source),
                     mount->root == "/",
                     mount->read_only()};
    if (found.mountpoint != "/" && matches_any(filter.ignored_fstypes, found.fstype)) continue;
    if (matches_any(filter.ignored_mountpoints, found.mountpoint)) continue;
    const auto [known, is_new] = by_device.try_emplace({mount->major, mount->minor}, chosen.size());
    if (is_new) {
      chosen.push_back(std::move(found));
      continue;
    }
    auto& other = chosen[known->second];
    const bool read_only = found.read_only && other.read_only;
    if (is_better(found, other)) other = std::move(found);
    other.read_only = read_only;
  }
  return chosen;
}
