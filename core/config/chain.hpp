#pragma once

#include <string>
#include <vector>

#include "core/config/config.hpp"
#include "core/config/diagnostic.hpp"
#include "core/config/value.hpp"

namespace sentinel::config {

// The filter's successors in a pipeline. Each reads one section, whatever it is, and reports every mistake in it;
// \p owner begins each message. What is wrong or left out has its default.

/// `window:`, or, with a \p name, one of `windows:`, which has a filter of its own.
[[nodiscard]] Window read_window(const Value& section, const std::string& owner, const Key* name,
                                 std::vector<Diagnostic>& diagnostics);

/// `windows:`, in the file's order.
[[nodiscard]] std::vector<Window> read_windows(const Value& section, const std::string& owner,
                                               std::vector<Diagnostic>& diagnostics);

[[nodiscard]] Alert read_alert(const Value& section, const std::string& owner, std::vector<Diagnostic>& diagnostics);

}  // namespace sentinel::config
