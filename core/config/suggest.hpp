#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace sentinel::config {

/// Edits that turn \p a into \p b: insertion, deletion, substitution, and swap of two neighbours (optimal string
/// alignment). Takes the product of the lengths in time.
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);

/// The candidate that \p text was probably meant to be, or empty when none is near: at most a third of its length in
/// edits, upper and lower case being alike. Compares with 256 candidates at most.
[[nodiscard]] std::string_view nearest(std::string_view text, const std::vector<std::string>& candidates);

/// ` (did you mean "x"?)`, or empty when no candidate is near.
[[nodiscard]] std::string did_you_mean(std::string_view text, const std::vector<std::string>& candidates);

/// `"a", "b" and "c"`.
[[nodiscard]] std::string join_names(const std::vector<std::string>& names);

/// Text for a message of one line: control characters and `\` escaped, cut to \p most_bytes.
[[nodiscard]] std::string printable(std::string_view text, std::size_t most_bytes);

/// The same in double quotes, those inside escaped, cut to 60 bytes.
[[nodiscard]] std::string quote(std::string_view text);

}  // namespace sentinel::config
