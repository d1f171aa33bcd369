#include "sentinel/bpf/cgroup_paths.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sentinel/text.hpp>

#include "core/bpf/directory.hpp"

namespace sentinel::bpf {

std::string_view CgroupPaths::find(std::uint64_t id, std::uint64_t now_ns) {
  if (id == 0) return {};
  auto found = paths_.find(id);
  if (found == paths_.end() && (!walked_ns_ || now_ns >= *walked_ns_ + walk_interval_ns)) {
    walk(now_ns);
    found = paths_.find(id);
  }
  return found == paths_.end() ? std::string_view() : found->second;
}

void CgroupPaths::walk(std::uint64_t now_ns) {
  walked_ns_ = now_ns;
  ++walks_;
  // What is gone makes room for what is there.
  if (paths_.size() >= most_cgroups) paths_.clear();
  const auto mount = open_directory(AT_FDCWD, mount_.c_str());
  if (!mount) return;
  const bool both_versions = ::faccessat(mount.get(), "cgroup.controllers", F_OK, 0) != 0;
  const char* const top = both_versions ? "unified" : ".";
  struct stat status {};
  if (::fstatat(mount.get(), top, &status, 0) != 0) return;
  keep(status.st_ino, "/");
  std::string path;
  walk_directory(mount.get(), top, path, 0);
}

void CgroupPaths::walk_directory(int parent, const char* name, std::string& path, std::size_t depth) {
  if (depth == deepest) return;
  const auto directory = open_directory(parent, name);
  for_each_name(directory, [&](const dirent64& entry) {
    if (entry.d_type != DT_DIR) return true;
    const auto length = path.size();
    path.append("/").append(entry.d_name);
    keep(entry.d_ino, path);
    walk_directory(directory.get(), entry.d_name, path, depth + 1);
    path.resize(length);
    return paths_.size() < most_cgroups;
  });
}

void CgroupPaths::keep(std::uint64_t id, std::string_view path) {
  std::string buffer;
  if (!paths_.contains(id)) paths_.emplace(id, clean(path, buffer));
}

}  // namespace sentinel::bpf
