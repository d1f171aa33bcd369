#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <sentinel/result.hpp>
#include <string_view>

/// What a harness defines: one input, any bytes. Returns 0.
// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace sentinel::fuzz {

/// Ends the program, in every build, when what must hold for any input does not.
inline void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

inline std::string_view text(const std::uint8_t* data, std::size_t size) {
  return size == 0 ? std::string_view() : std::string_view(reinterpret_cast<const char*>(data), size);
}

/// A refusal of a text: invalid_argument, in one short line that is safe to log whatever the text holds.
inline void require_refusal(const Error& error) {
  require(error.code == Errc::invalid_argument, "a text is refused as invalid_argument");
  require(!error.message.empty() && error.message.size() < 1000, "a message is there and short");
  for (const char c : error.message) require(c != '\n' && c != '\0' && c != '\x1b', "a message is one printable line");
}

}  // namespace sentinel::fuzz
