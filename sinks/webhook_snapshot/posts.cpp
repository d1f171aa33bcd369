#include "sinks/webhook_snapshot/posts.hpp"

namespace snapshot {

using sentinel::Result;

namespace {

/// More at once are posted, but not a second time.
constexpr std::size_t most_firing = 65'536;

}  // namespace

Result<void> Posts::submit(const sentinel_alert& alert) {
  Result<void> first_failure;
  for (const auto receiver : receivers_) {
    auto done = host_.submit(receiver, alert);
    if (!done && first_failure) first_failure = std::move(done);
  }
  return first_failure;
}

Result<void> Posts::first(const sentinel_alert& alert) {
  const std::lock_guard lock(mutex_);
  if (alert.state != SENTINEL_ALERT_FIRING) {
    firing_.erase(alert.fingerprint);
  } else if (firing_.size() < most_firing || firing_.count(alert.fingerprint) > 0) {
    firing_[alert.fingerprint] = alert.starts_at_ns;
  }
  return submit(alert);
}

Result<void> Posts::again(const Alert& alert, const Labels& annotations) {
  const std::lock_guard lock(mutex_);
  const auto known = firing_.find(alert.fingerprint);
  if (known == firing_.end() || known->second != alert.starts_at_ns) return {};
  return submit(AbiAlert(alert, annotations).get());
}

bool Posts::fires(const Alert& alert) const {
  const std::lock_guard lock(mutex_);
  const auto known = firing_.find(alert.fingerprint);
  return known != firing_.end() && known->second == alert.starts_at_ns;
}

}  // namespace snapshot
