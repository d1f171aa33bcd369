#pragma once

#include <atomic>
#include <chrono>
#include <sentinel/result.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "sinks/webhook_snapshot/children.hpp"
#include "sinks/webhook_snapshot/folder.hpp"

namespace snapshot {

/// A program to run: found, and its arguments apart.
struct Command {
  std::string text;  ///< as configured
  std::string program;
  std::vector<std::string> arguments;  ///< the first is the program's name
};

/// Splits at blanks; no shell, no quotes, no variables. The program is an absolute path, or found in /usr/bin, /bin,
/// /usr/sbin, /sbin. Errors: not_found, invalid_argument (nothing in it).
sentinel::Result<Command> find_command(std::string_view text);

/// Runs it with an empty environment (but PATH and LC_ALL=C), in /, and writes what it prints on both channels, at most
/// 256 KiB. It and all that it started are killed at the deadline. Errors: timeout, failed (exit code, signal),
/// exhausted. One thread.
sentinel::Result<void> run_command(Children& children, const Command& command, std::chrono::milliseconds timeout,
                                   const std::atomic<bool>& cancelled, File& out);

}  // namespace snapshot
