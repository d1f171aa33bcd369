#pragma once

#include <string>

#include "core/app/top/facts.hpp"
#include "core/app/top/page.hpp"

namespace sentinel::top {

/// One picture of `now`. With `before`, CPU usage and rates are of the time between the two; without, usage is since
/// boot and says so. The newline-terminated lines are no more and no wider than the screen, and hold no escape codes
/// but colours.
std::string render(const Facts& now, const Facts* before, const Screen& screen);

}  // namespace sentinel::top
