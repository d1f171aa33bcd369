#pragma once

#include <cstdint>
#include <sentinel/result.hpp>
#include <span>
#include <string_view>

namespace sentinel::procfs {

/// Parses a file of /proc/sys that is one line of `out.size()` numbers, each 0 or more, blanks or tabs between them:
/// fs/file-nr (allocated, unused since Linux 2.6, limit), net/netfilter/nf_conntrack_count. `file` is for the message.
/// Errors: invalid_argument when the line is malformed or cut, or more follows.
Result<void> parse_sysctl(std::string_view file, std::string_view text, std::span<std::uint64_t> out);

}  // namespace sentinel::procfs
