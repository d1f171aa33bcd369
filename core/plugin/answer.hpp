#pragma once

#include <string>

#include "core/plugin/fd.hpp"

namespace sentinel::plugin {

/// What a child process of run_child that runs a plugin's code answers with: lines on its standard output. One a
/// process, made before the plugin is loaded. Any thread, one at a time.
class Answer {
 public:
  /// Makes this process one that a plugin may end: it does not outlive the thread that began it, and leaves no core
  /// behind. What is printed to standard output from now on goes to standard error, not between the lines.
  Answer();

  /// Whether there is a way back; else the process has nothing to do.
  explicit operator bool() const { return static_cast<bool>(out_); }

  /// Whether the line, which gets its end here, went out whole; the parent may be gone.
  [[nodiscard]] bool say(std::string line) const;

 private:
  Fd out_;
};

}  // namespace sentinel::plugin
