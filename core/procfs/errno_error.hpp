#pragma once

#include <sentinel/result.hpp>
#include <string_view>

namespace sentinel::procfs {

/// The Error for a system call on `path` that failed with `error_number`: full path, the system's text and a cure.
/// `action` completes "cannot …". The codes are those that Root documents.
Error errno_error(int error_number, std::string_view action, std::string_view path);

}  // namespace sentinel::procfs
