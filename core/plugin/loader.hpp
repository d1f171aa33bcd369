#pragma once

#include <cstdint>
#include <filesystem>

namespace sentinel::plugin {

/// The loader's own counts. Objects that are mapped now: adds - removes. dlclose returning 0 proves nothing.
struct LoaderCounts {
  std::uint64_t adds = 0;     ///< objects ever mapped
  std::uint64_t removes = 0;  ///< objects ever unmapped
  [[nodiscard]] std::uint64_t mapped() const { return adds - removes; }
};

/// Source: dl_iterate_phdr(3). Any thread.
[[nodiscard]] LoaderCounts loader_counts();

/// Whether a file, or a removed one of that path, or anything beneath a folder of that path, is in /proc/self/maps.
[[nodiscard]] bool is_mapped(const std::filesystem::path& path);

}  // namespace sentinel::plugin
