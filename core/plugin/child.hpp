#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include <sentinel/result.hpp>

namespace sentinel::plugin {

/// How a child process ended and what it said.
struct ChildEnd {
  std::string output;      ///< standard output, to 4 MiB
  std::string error_tail;  ///< the last 4 KiB of standard error
  int exit_code = 0;
  int signal = 0;           ///< that ended it, or 0
  bool timed_out = false;   ///< it was killed at the deadline
  bool overflowed = false;  ///< it was killed because its output did not end
};

/// Runs a program to its end, at the longest until the deadline, in a session of its own with an empty standard input,
/// no other descriptor, and default signals. `arguments` begins with the program's own name. Blocks the calling thread.
/// What the child leaves behind in its session is killed. Errors: failed (it could not be started).
[[nodiscard]] Result<ChildEnd> run_child(const std::filesystem::path& program,
                                         const std::vector<std::string>& arguments, std::chrono::milliseconds deadline);

}  // namespace sentinel::plugin
