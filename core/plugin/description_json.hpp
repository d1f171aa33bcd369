#pragma once

#include <string>
#include <string_view>

#include <sentinel/result.hpp>

#include "core/plugin/description.hpp"

/// What the describing child tells its parent: up to three lines of JSON, each written before the step that could end
/// the process. 1: the descriptor, or the error; 2: what came of an instance; 3: what came of unloading.
namespace sentinel::plugin {

[[nodiscard]] std::string error_line(const Error& error);
[[nodiscard]] std::string descriptor_line(const Description& description);
[[nodiscard]] std::string instance_line(const Description& description);
[[nodiscard]] std::string unload_line(const Description& description);

/// Fills in what a line says. Errors: the child's own, when the line is an error; failed, when it is malformed.
Result<void> read_descriptor_line(std::string_view line, Description& description);
Result<void> read_instance_line(std::string_view line, Description& description);
Result<void> read_unload_line(std::string_view line, Description& description);
/// The same for a line of which only the error matters: success for any other object.
Result<void> read_error_line(std::string_view line);

}  // namespace sentinel::plugin
