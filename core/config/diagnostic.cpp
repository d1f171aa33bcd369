#include "core/config/diagnostic.hpp"

#include <algorithm>
#include <utility>

namespace sentinel::config {

std::string to_string(const Where& where) {
  if (where.line == 0) return where.file;
  return where.file + ':' + std::to_string(where.line) + ':' + std::to_string(where.column);
}

std::string to_string(const Diagnostic& diagnostic) {
  const char* mark = diagnostic.severity == Severity::warning ? ": warning: " : ": ";
  return to_string(diagnostic.where) + mark + diagnostic.message;
}

bool has_errors(std::span<const Diagnostic> diagnostics) {
  return std::any_of(diagnostics.begin(), diagnostics.end(),
                     [](const Diagnostic& diagnostic) { return diagnostic.severity == Severity::error; });
}

void add_error(std::vector<Diagnostic>& diagnostics, const Where& where, std::string message) {
  diagnostics.push_back({Severity::error, where, std::move(message)});
}

void add_warning(std::vector<Diagnostic>& diagnostics, const Where& where, std::string message) {
  diagnostics.push_back({Severity::warning, where, std::move(message)});
}

}  // namespace sentinel::config
