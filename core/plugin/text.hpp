#pragma once

#include <string>
#include <string_view>

namespace sentinel::plugin {

/// A plugin's words as they may enter logs and JSON: invalid UTF-8 and control characters become '?', the end of what
/// is longer than `most` bytes is cut between characters.
[[nodiscard]] std::string clean_text(std::string_view text, std::size_t most = 4096);

}  // namespace sentinel::plugin
