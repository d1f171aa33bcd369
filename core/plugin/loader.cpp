#include "core/plugin/loader.hpp"

#include <link.h>

#include <fstream>
#include <string>
#include <string_view>

namespace sentinel::plugin {

LoaderCounts loader_counts() {
  LoaderCounts counts;
  const auto take = [](dl_phdr_info* info, std::size_t, void* out) {
    *static_cast<LoaderCounts*>(out) = {info->dlpi_adds, info->dlpi_subs};
    return 1;  // every object tells the same
  };
  ::dl_iterate_phdr(take, &counts);
  return counts;
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
