#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sentinel/procfs/mountinfo.hpp>

/// A mounted filesystem that is to be reported.
struct Filesystem {
  std::uint64_t mount_id = 0;
  std::string mountpoint;
  std::string fstype;
  std::string device;
  bool whole = true;       ///< false: mounted from a folder within it, as bind mounts are
  bool read_only = false;  ///< by each of its mounts, or by itself
};

/// Patterns of fnmatch(3).
struct FilesystemFilter {
  std::vector<std::string> ignored_fstypes;
  std::vector<std::string> ignored_mountpoints;
};

bool matches_any(std::span<const std::string> patterns, const std::string& text);

/// Of all mounts those that a process sees and that tell something of their own: a mount covered by a later one at the
/// same place is left out, and of several mounts of one filesystem (bind mounts, subvolumes) one is taken: one of the
/// whole rather than of a folder within, then the one with the shortest path. "/" is never left out for its type, since
/// containers have an overlay there. In the order of `mounts`.
std::vector<Filesystem> choose_filesystems(std::span<const sentinel::procfs::Mount> mounts,
                                           const FilesystemFilter& filter);
