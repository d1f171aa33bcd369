#include "tests/unit/plugins/ebpf_proc/memory_cgroup.hpp"

#include <unistd.h>

#include <fstream>
#include <system_error>

namespace {

bool write(const std::filesystem::path& file, const std::string& text) {
  std::ofstream out(file);
  return static_cast<bool>(out << text << std::flush);
}

}  // namespace

MemoryCgroup::MemoryCgroup(std::uint64_t limit_bytes) {
  const std::string name = "sentinel_test_" + std::to_string(::getpid());
  const std::string limit = std::to_string(limit_bytes);
  const std::filesystem::path root("/sys/fs/cgroup");
  std::error_code failed;
  if (std::filesystem::create_directory(root / "memory" / name, failed)) {
    folder_ = root / "memory" / name;
    if (write(folder_ / "memory.limit_in_bytes", limit)) return;
  } else if (std::filesystem::create_directory(root / name, failed)) {
    folder_ = root / name;
    if (write(folder_ / "memory.max", limit)) {
      write(folder_ / "memory.swap.max", "0");
      return;
    }
  }
  why_not_ = "no memory cgroup can be made beneath /sys/fs/cgroup; run the test as root, with the memory controller";
}

MemoryCgroup::~MemoryCgroup() {
  if (!folder_.empty()) ::rmdir(folder_.c_str());
}

bool MemoryCgroup::enter() const {
  return write(folder_ / "cgroup.procs", std::to_string(::getpid()));
}
