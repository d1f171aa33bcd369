#include "core/plugin/loader.hpp"

#include <dlfcn.h>
#include <link.h>

#include <fstream>
#include <string>
#include <string_view>

namespace sentinel::plugin {

std::unique_lock<std::recursive_mutex> lock_loader() {
  static std::recursive_mutex mutex;
  return std::unique_lock(mutex);
}

LoaderCounts loader_counts() {
  LoaderCounts counts;
  const auto take = [](dl_phdr_info* info, std::size_t, void* out) {
    *static_cast<LoaderCounts*>(out) = {info->dlpi_adds, info->dlpi_subs};
    return 1;  // every object tells the same
  };
  const auto lock = lock_loader();
  ::dl_iterate_phdr(take, &counts);
  return counts;
}

std::vector<Segment> segments_of(const std::filesystem::path& path) {
  struct Search {
    const std::filesystem::path& path;
    std::vector<Segment> found;
  } search{path, {}};
  const auto take = [](dl_phdr_info* info, std::size_t, void* out) {
    auto& wanted = *static_cast<Search*>(out);
    if (info->dlpi_name == nullptr || wanted.path != info->dlpi_name) return 0;
    for (std::size_t i = 0; i < info->dlpi_phnum; ++i) {
      const auto& header = info->dlpi_phdr[i];
      if (header.p_type != PT_LOAD) continue;
      const std::uintptr_t begin = info->dlpi_addr + header.p_vaddr;
      wanted.found.push_back({begin, begin + header.p_memsz, (header.p_flags & PF_X) != 0});
    }
    return 1;
  };
  const auto lock = lock_loader();
  ::dl_iterate_phdr(take, &search);
  return std::move(search.found);
}

void collect_unused(const std::filesystem::path& path) {
  // Found by its name among the loaded, so that neither the file, long removed, nor a constructor is needed.
  const auto lock = lock_loader();
  void* const again = ::dlopen(path.c_str(), RTLD_LAZY | RTLD_LOCAL | RTLD_NOLOAD);
  if (again != nullptr) ::dlclose(again);
}

bool is_mapped(const std::filesystem::path& path) {
  const std::string wanted = path.string();
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    const auto at = line.find('/');
    if (at == line.npos) continue;
    std::string_view file = std::string_view(line).substr(at);
    if (!file.starts_with(wanted)) continue;
    file.remove_prefix(wanted.size());
    if (file.empty() || file.front() == '/' || file == " (deleted)") return true;
  }
  return false;
}

}  // namespace sentinel::plugin
