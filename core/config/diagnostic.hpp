#pragma once

#include <span>
#include <string>
#include <vector>

namespace sentinel::config {

/// A place in a file. Line and column begin with 1, columns count bytes; line 0 means the file as a whole.
struct Where {
  std::string file;  ///< as the user named it, or as joined from an including file
  int line = 0;
  int column = 0;

  friend bool operator==(const Where&, const Where&) = default;
};

/// Where a part of the configuration was read. Compares equal to every other, so that moving lines is no change.
struct Place : Where {
  friend bool operator==(const Place&, const Place&) { return true; }
};

enum class Severity {
  error,    ///< nothing may start on this file
  warning,  ///< it works, though probably not as meant
};

/// One mistake in a configuration.
struct Diagnostic {
  Severity severity = Severity::error;
  Where where;
  std::string message;
};

/// "file:line:column", or "file" alone when the line is not known.
[[nodiscard]] std::string to_string(const Where& where);
/// "file:line:column: message"; a warning has "warning: " before its message.
[[nodiscard]] std::string to_string(const Diagnostic& diagnostic);

[[nodiscard]] bool has_errors(std::span<const Diagnostic> diagnostics);

/// Appends a diagnostic.
void add_error(std::vector<Diagnostic>& diagnostics, const Where& where, std::string message);
void add_warning(std::vector<Diagnostic>& diagnostics, const Where& where, std::string message);

}  // namespace sentinel::config
