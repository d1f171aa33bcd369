#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>
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

/// Runs a program to its end, at the longest until the deadline, in a session of its own with `input` on standard
/// input, no other descriptor, and default signals. `arguments` begins with the program's own name. Blocks the calling
/// thread. What the child leaves behind in its session is killed. `input` may be secret: no file, argument or
/// environment shows it. Errors: failed (it could not be started).
[[nodiscard]] Result<ChildEnd> run_child(const std::filesystem::path& program,
                                         const std::vector<std::string>& arguments, std::chrono::milliseconds deadline,
                                         std::string_view input = {});

/// Takes the next whole line off the front of what a child said; empty when there is none.
[[nodiscard]] std::string_view next_line(std::string_view& said);

/// How a child that runs a plugin's code ended before it had said all, as a sentence about the plugin: "it crashed with
/// SIGABRT in collect: terminate called …". `doing` is what the plugin was at. `timeout`, or else `failed`.
[[nodiscard]] Error unfinished(const ChildEnd& child, std::string_view doing, std::chrono::milliseconds deadline);

}  // namespace sentinel::plugin
