#pragma once

#include <string>

#include "core/config/diagnostic.hpp"

namespace sentinel::config {

/// A text that is parsed later, as an expression or a template.
struct Text {
  std::string text;       ///< variables put in
  Place where;            ///< of its first byte in the file, inside the quotes, when verbatim; else of the value
  bool verbatim = false;  ///< stands in the file, on one line, byte for byte: a column in it is a column of the file

  friend bool operator==(const Text& a, const Text& b) { return a.text == b.text; }
};

}  // namespace sentinel::config
