#pragma once

#include <string_view>

namespace sentinel::telemetry {

/// The agent's version, semantic.
[[nodiscard]] std::string_view version();
/// What compiled it, such as "GNU 12.2.0".
[[nodiscard]] std::string_view compiler();

}  // namespace sentinel::telemetry
