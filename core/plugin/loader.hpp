#pragma once

#include <cstdint>
#include <filesystem>
#include <mutex>
#include <vector>

namespace sentinel::plugin {

/// Held while this process loads or unloads a plugin and while it looks at what is loaded. glibc has a lock of its own
/// for that, which ThreadSanitizer does not see. Not for long: a plugin's static constructors run beneath it.
[[nodiscard]] std::unique_lock<std::recursive_mutex> lock_loader();

/// The loader's own counts. Objects that are mapped now: adds - removes. dlclose returning 0 proves nothing.
struct LoaderCounts {
  std::uint64_t adds = 0;     ///< objects ever mapped
  std::uint64_t removes = 0;  ///< objects ever unmapped
  [[nodiscard]] std::uint64_t mapped() const { return adds - removes; }
};

/// Source: dl_iterate_phdr(3). Any thread.
[[nodiscard]] LoaderCounts loader_counts();

/// A part of an object in this process's memory, from `begin` up to `end`.
struct Segment {
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;
  bool executable = false;
};

/// Where the object that was loaded by this path lies; empty when the loader knows none. Source: dl_iterate_phdr(3).
/// Any thread.
[[nodiscard]] std::vector<Segment> segments_of(const std::filesystem::path& path);

/// Makes the loader look for objects that nothing needs any more. One whose last thread_local object died after its
/// dlclose is unmapped by a later dlclose alone, and this is one, of the object itself. Any thread.
void collect_unused(const std::filesystem::path& path);

/// Whether a file, or a removed one of that path, or anything beneath a folder of that path, is in /proc/self/maps.
[[nodiscard]] bool is_mapped(const std::filesystem::path& path);

}  // namespace sentinel::plugin
