#include "sentinel/bpf/budget.hpp"

#include <algorithm>

namespace sentinel::bpf {

std::string_view to_string(Step step) {
  switch (step) {
    case Step::full:
      return "full";
    case Step::threshold_up:
      return "threshold_up";
    case Step::sampling:
      return "sampling";
    case Step::events_off:
      return "events_off";
    case Step::detached:
      return "detached";
  }
  return "unknown";
}

bool Budget::spend(double cpu_seconds, double seconds) {
  if (share_ <= 0 || seconds <= 0) return false;
  used_ = cpu_seconds / seconds;
  since_up_ = std::min(since_up_ + 1, most_patience);
  const auto level = static_cast<std::uint8_t>(step_);
  if (used_ > share_) {
    calm_ = 0;
    if (step_ == Step::detached) return false;
    // It was tried not long ago: the next try waits longer.
    wait_ = since_up_ < wait_ ? std::min(2 * wait_, most_patience) : patience;
    step_ = static_cast<Step>(level + 1);
    return true;
  }
  calm_ = used_ > share_ / 2 ? 0 : calm_ + 1;
  if (step_ == Step::full || calm_ < wait_) return false;
  calm_ = 0;
  since_up_ = 0;
  step_ = static_cast<Step>(level - 1);
  return true;
}

}  // namespace sentinel::bpf
