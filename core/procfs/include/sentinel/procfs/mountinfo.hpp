#pragma once

#include <cstdint>
#include <sentinel/result.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace sentinel::procfs {

/// One mount. Texts are views into the parsed text, as the kernel wrote them: unescape_mount() makes paths of them.
struct Mount {
  std::uint64_t id = 0;
  std::uint64_t parent_id = 0;
  std::uint32_t major = 0;  ///< with minor the filesystem's st_dev; 0 where no block device is beneath
  std::uint32_t minor = 0;
  std::string_view root;  ///< what of the filesystem is mounted; "/" for all of it
  std::string_view mountpoint;
  std::string_view options;        ///< of the mount
  std::string_view fstype;         ///< with its subtype: "fuse.sshfs"
  std::string_view source;         ///< a device, or anything, or nothing
  std::string_view super_options;  ///< of the filesystem

  /// Whether the mount, or the filesystem beneath it, takes no writes. A filesystem that fails may turn to this.
  [[nodiscard]] bool read_only() const noexcept;
};

/// Parses /proc/<pid>/mountinfo (fs/proc_namespace.c show_mountinfo, proc_pid_mountinfo(5)) in the file's order: of two
/// mounts at one place the later one covers the other. `out` is overwritten and may be reused.
/// Errors: invalid_argument when a line is malformed or cut, or there is none; `out` is then unspecified.
Result<void> parse_mountinfo(std::string_view text, std::vector<Mount>& out);

/// Turns the kernel's octal escapes (\040 for a blank; seq_file.c mangle_path) into their bytes. A backslash that
/// begins none stays.
std::string unescape_mount(std::string_view text);

}  // namespace sentinel::procfs
