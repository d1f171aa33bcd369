#pragma once

#include <sentinel/procfs/proc_root.hpp>
#include <string>
#include <vector>

#include "sinks/webhook_snapshot/folder.hpp"
#include "sinks/webhook_snapshot/scene.hpp"

namespace snapshot {

/// Takes what may safely be read of one process: status, limits, kernel stack, OOM score, cgroup with its limits and
/// OOM counters (version 1 and 2). Neither cmdline nor fds nor maps, and never environ nor smaps. One thread.
class SuspectReader {
 public:
  SuspectReader(const sentinel::procfs::Root& root, std::string cgroupfs, sentinel::procfs::Buffer& buffer)
      : root_(root), cgroupfs_(std::move(cgroupfs)), buffer_(buffer) {}

  /// Writes the evidence and appends to `items`. A process that is gone is no error: Suspect::gone says it.
  [[nodiscard]] Suspect read(std::int32_t pid, const Scene& scene, Draft& draft, std::vector<Item>& items);

 private:
  void read_file(Suspect& suspect, const char* file, Draft& draft, std::vector<Item>& items);
  void read_cgroup(Suspect& suspect, Draft& draft, std::vector<Item>& items);
  std::string controller_files(const std::string& folder, const std::vector<const char*>& files, Suspect& suspect);
  void take_status(Suspect& suspect, std::string_view text);
  void take_cgroup_value(Suspect& suspect, std::string_view file, std::string_view value);

  const sentinel::procfs::Root& root_;
  std::string cgroupfs_;
  sentinel::procfs::Buffer& buffer_;
};

}  // namespace snapshot
