#pragma once

#include <cstddef>
#include <filesystem>
#include <sentinel/result.hpp>
#include <string>
#include <string_view>

#include "core/config/diagnostic.hpp"

namespace sentinel::config {

/// The most that one file of a configuration may hold.
inline constexpr std::size_t file_limit_bytes = 1U << 20U;

/// A whole regular file. Never blocks: a pipe or a device is refused, not opened for reading.
/// Errors: not_found, permission, exhausted (longer than file_limit_bytes), invalid_argument (a directory, a device),
/// failed.
[[nodiscard]] Result<std::string> read_text_file(const std::filesystem::path& path);

/// Looks for what no text has: invalid UTF-8 (RFC 3629) and control characters other than tab and line ends. Appends
/// the first one found, and returns whether there was none.
bool check_text(std::string_view text, const std::string& file, std::vector<Diagnostic>& diagnostics);

/// Bytes of the UTF-8 character at the beginning of \p text, 0 when it is not valid there.
[[nodiscard]] std::size_t utf8_length(std::string_view text);

/// \p path as it stands in \p file: relative to the file's directory.
[[nodiscard]] std::filesystem::path beside(const std::filesystem::path& file, const std::filesystem::path& path);

}  // namespace sentinel::config
