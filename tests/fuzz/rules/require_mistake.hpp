#pragma once

#include "rules/selector.hpp"
#include "tests/fuzz/harness.hpp"

namespace sentinel::fuzz {

/// Either a value or a mistake, whose place is in the text and whose message is one printable line.
template <class T>
void require_parsed(const rules::Parsed<T>& parsed, std::string_view text) {
  require(parsed.value.has_value() != parsed.mistake.has_value(), "a text is good or bad");
  if (!parsed.mistake) return;
  require(parsed.mistake->offset <= text.size(), "a mistake is in the text");
  require(!parsed.mistake->message.empty() && parsed.mistake->message.size() < 2000, "a message is there and short");
  for (const char c : parsed.mistake->message) {
    require(static_cast<unsigned char>(c) >= 0x20 && c != 0x7F, "a message is one printable line");
  }
}

}  // namespace sentinel::fuzz
