#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace sentinel::bpf {

/// Paths of cgroups by the id that bpf_get_current_cgroup_id() gives: the inode of the cgroup's directory in the
/// hierarchy of version 2 (kernel/bpf/helpers.c, fs/kernfs/dir.c). Found by walking that hierarchy beneath a mount of
/// cgroups, which is the mount itself or, beside those of version 1, its directory `unified`. Ids are never given out
/// again, so what was seen once stays known. Not thread-safe.
class CgroupPaths {
 public:
  static constexpr std::size_t most_cgroups = 16'384;
  static constexpr std::size_t deepest = 32;
  /// An id that is not known makes the tree be walked again, but not sooner than this after the last walk.
  static constexpr std::uint64_t walk_interval_ns = 5'000'000'000;

  explicit CgroupPaths(std::string mount = "/sys/fs/cgroup") : mount_(std::move(mount)) {}

  /// The path of cgroup `id` as /proc/<pid>/cgroup shows it ("/system.slice/ssh.service", "/"), clean (see
  /// <sentinel/text.hpp>); empty when it is not known, as of one that was gone before the first walk. Valid until the
  /// next call. `now_ns` is CLOCK_BOOTTIME.
  std::string_view find(std::uint64_t id, std::uint64_t now_ns);

  /// How often the tree was walked.
  [[nodiscard]] std::uint64_t walks() const noexcept { return walks_; }

 private:
  void walk(std::uint64_t now_ns);
  void walk_directory(int parent, const char* name, std::string& path, std::size_t depth);
  void keep(std::uint64_t id, std::string_view path);

  std::string mount_;
  std::unordered_map<std::uint64_t, std::string> paths_;
  std::optional<std::uint64_t> walked_ns_;
  std::uint64_t walks_ = 0;
};

}  // namespace sentinel::bpf
