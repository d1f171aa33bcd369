#include "rules/engine/source.hpp"

#include <algorithm>

namespace sentinel::rules {
namespace {

constexpr std::size_t most_losses = 4'096;

}  // namespace

void LossLog::add(std::uint64_t count, std::uint64_t time_ns, std::uint64_t spread_ns) {
  spread_ns = std::clamp<std::uint64_t>(spread_ns, 1, std::max<std::uint64_t>(1, time_ns));
  const auto at = std::lower_bound(losses_.begin(), losses_.end(), time_ns,
                                   [](const Loss& loss, std::uint64_t time) { return loss.time_ns < time; });
  if (at != losses_.end() && at->time_ns == time_ns) {
    at->count += count;
    at->spread_ns = std::max(at->spread_ns, spread_ns);
    return;
  }
  losses_.insert(at, {time_ns, count, spread_ns});
  if (losses_.size() <= most_losses) return;
  losses_[1].count += losses_[0].count;
  losses_.pop_front();
}

std::uint64_t LossLog::between(std::uint64_t from_ns, std::uint64_t to_ns) const {
  std::uint64_t sum = 0;
  for (auto at = losses_.rbegin(); at != losses_.rend() && at->time_ns > from_ns; ++at) {
    if (at->time_ns - std::min(at->time_ns, at->spread_ns) < to_ns) sum += at->count;
  }
  return sum;
}

}  // namespace sentinel::rules
