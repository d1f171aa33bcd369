#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include <sentinel/result.hpp>

namespace sentinel::plugin {

/// A whole file, read at one moment of its life.
struct FileImage {
  std::vector<std::byte> bytes;
  std::int64_t modified_ns = 0;  ///< since 1970
};

/// Reads a regular file of at most 256 MiB into private memory, never by a mapping, which would die by SIGBUS when the
/// file shrinks. A file that changes while it is read is read again, a few times.
/// Errors: not_found, permission, invalid_argument (folder, device, too large), failed ("is being written to").
[[nodiscard]] Result<FileImage> read_image(const std::filesystem::path& file);

/// sha256() of a whole file as read_image() would give it, without keeping it. Errors: those of read_image().
[[nodiscard]] Result<std::string> hash_file(const std::filesystem::path& file);

/// SHA-256 in lower-case hexadecimal digits.
[[nodiscard]] std::string sha256(std::span<const std::byte> bytes);

}  // namespace sentinel::plugin
