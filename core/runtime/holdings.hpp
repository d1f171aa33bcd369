#pragma once

#include <map>
#include <string>

#include <sentinel/result.hpp>

namespace sentinel::runtime {

/// What this process holds that a plugin could leave behind. Source: /proc/self/task, /proc/self/fd (proc(5)).
struct Holdings {
  std::map<int, std::string> threads;      ///< name by thread id
  std::map<int, std::string> descriptors;  ///< what it refers to, by number
};

/// What is held at this moment; what it cannot read is missing. Not while other threads open and close descriptors.
[[nodiscard]] Holdings holdings();

/// Whether all threads are those of `before`; one that is just ending has a second to be gone. Errors: failed, naming
/// the others.
[[nodiscard]] Result<void> no_thread_left(const Holdings& before);

/// Whether all descriptors are those of `before`. Errors: failed, naming the others.
[[nodiscard]] Result<void> no_descriptor_left(const Holdings& before);

}  // namespace sentinel::runtime
