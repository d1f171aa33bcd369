#pragma once

#include <string>
#include <vector>

namespace sentinel::app {

/// Rows in columns as wide as their widest cell, the first row being the heading. Ends with a newline.
[[nodiscard]] std::string table(const std::vector<std::vector<std::string>>& rows);

}  // namespace sentinel::app
