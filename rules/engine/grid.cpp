#include "rules/engine/grid.hpp"

#include <algorithm>
#include <numeric>

namespace sentinel::rules {
namespace {

constexpr std::uint64_t most_panes = 3'600;
constexpr std::uint64_t longest_ns = 400ULL * 86'400 * 1'000'000'000;
constexpr std::uint64_t longest_common_step_ns = 86'400ULL * 1'000'000'000;

std::uint64_t divided_up(std::uint64_t what, std::uint64_t by) {
  return what / by + (what % by != 0 ? 1 : 0);
}

}  // namespace

Grid make_grid(std::uint64_t over_ns, std::uint64_t every_ns) {
  over_ns = std::clamp<std::uint64_t>(over_ns, 1, longest_ns);
  every_ns = std::clamp<std::uint64_t>(every_ns, 1, longest_ns);
  Grid grid;
  grid.step_ns = every_ns;
  grid.width_ns = std::gcd(over_ns, every_ns);
  if (over_ns / grid.width_ns > most_panes) {
    grid.width_ns = std::max(every_ns, divided_up(over_ns, most_panes));
    grid.step_ns = grid.width_ns;
  }
  grid.panes = divided_up(over_ns, grid.width_ns);
  const std::uint64_t ahead = std::min(divided_up(closing_lag_ns + future_ns, grid.width_ns), most_panes);
  grid.capacity = grid.panes + ahead + 1;
  return grid;
}

std::uint64_t common_step(std::uint64_t first_ns, std::uint64_t second_ns) {
  const std::uint64_t longer = std::max(first_ns, second_ns);
  const std::uint64_t times = std::min(first_ns, second_ns) / std::gcd(first_ns, second_ns);
  return times > longest_common_step_ns / longer + 1 ? longer : times * longer;
}

}  // namespace sentinel::rules
