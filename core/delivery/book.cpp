#include "core/delivery/book.hpp"

#include <algorithm>
#include <utility>

namespace sentinel::delivery {

namespace {

constexpr std::size_t known_bytes = 64;
// Prometheus tells an Alertmanager of an end for as long (rules.resolvedRetention).
constexpr std::chrono::nanoseconds end_is_told = std::chrono::minutes(15);
constexpr unsigned most_ends_told = 15;

Key key_of(const Notification& notification) {
  return {notification.fingerprint, notification.starts_at_ns};
}

/// Room for one more in a batch, which takes its first whatever its size.
class Room {
 public:
  Room(std::size_t most, std::size_t most_bytes) : left_(most), bytes_left_(most_bytes) {}
  bool take(std::size_t bytes) {
    if (left_ == 0 || (taken_ && bytes > bytes_left_)) return false;
    --left_;
    bytes_left_ -= std::min(bytes, bytes_left_);
    taken_ = true;
    return true;
  }

 private:
  std::size_t left_;
  std::size_t bytes_left_;
  bool taken_ = false;
};

}  // namespace

bool Book::has_texts(const Alert& alert) const {
  return alert.waits || (alert.newest.firing && alert.digest != 0) || alert.due;
}

void Book::place(const Key& key, Alert& alert) {
  if (alert.order == 0) alert.order = ++last_order_;
  if (alert.waits) {
    waiting_.emplace(alert.order, key);
    if (!alert.newest.firing) past_.emplace(alert.order, key);
  } else {
    (alert.newest.firing ? told_ : known_).emplace(alert.order, key);
  }
}

void Book::unplace(const Alert& alert) {
  for (Index* index : {&waiting_, &past_, &known_, &told_}) index->erase(alert.order);
}

void Book::schedule(const Key& key, Alert& alert, std::optional<SteadyTime> due) {
  if (alert.due) due_.erase({*alert.due, key});
  alert.due = due;
  if (due) due_.emplace(*due, key);
}

void Book::resize(Alert& alert, std::size_t bytes) {
  bytes_ = bytes_ - alert.bytes + bytes;
  alert.bytes = bytes;
}

/// There is nothing to tell of it any more: all that is kept is that it was there.
void Book::retire(const Key& key, Alert& alert) {
  unplace(alert);
  schedule(key, alert, {});
  alert.waits = false;
  alert.order = 0;
  alert.newest.firing = false;
  alert.newest.labels.clear();
  alert.newest.annotations.clear();
  resize(alert, known_bytes);
  place(key, alert);
}

void Book::forget(const Key& key) {
  const auto at = alerts_.find(key);
  unplace(at->second);
  schedule(key, at->second, {});
  resize(at->second, 0);
  alerts_.erase(at);
}

bool Book::make_space(std::size_t alerts, std::size_t bytes) {
  while (alerts_.size() + alerts > limits_.most_alerts || bytes_ + bytes > limits_.most_bytes) {
    if (!known_.empty()) {
      forget(Key(known_.begin()->second));
    } else if (!past_.empty()) {
      ++dropped_;
      forget(Key(past_.begin()->second));
    } else if (!told_.empty() && !state_only()) {
      forget(Key(told_.begin()->second));
    } else {
      return false;
    }
  }
  return true;
}

/// To an Alertmanager two alerts with the same labels are one: the last that began.
void Book::supersede(const Key& key) {
  for (auto at = alerts_.lower_bound({key.fingerprint, INT64_MIN}); at != alerts_.end();) {
    const Key other = at++->first;
    if (other.fingerprint != key.fingerprint) break;
    if (other != key) forget(other);
  }
}

Book::Submitted Book::submit(const Notification& given, std::int64_t now_ns) {
  const Key key = key_of(given);
  auto at = alerts_.find(key);
  const bool is_new = at == alerts_.end();
  // Nobody was told that it fires, so nobody needs to know that it does not.
  if (is_new && state_only() && !given.firing) return Submitted::known;

  const Notification* notification = &given;
  Notification merged;
  if (!is_new && !at->second.newest.firing && given.firing) {
    if (!at->second.waits) return Submitted::known;
    merged = at->second.newest;
    merged.annotations = given.annotations;
    notification = &merged;
  }
  const std::uint64_t digest = digest_of(*notification);
  if (!is_new && at->second.digest == digest) return Submitted::known;

  const std::size_t bytes = encoded_size(*notification);
  if (!is_new) unplace(at->second);
  const std::size_t more = is_new ? bytes : bytes - std::min(bytes, at->second.bytes);
  // An end is small and makes space soon, so it finds a place in any case.
  if (!make_space(is_new ? 1 : 0, more) && notification->firing) {
    if (!is_new) place(key, at->second);
    ++dropped_;
    return Submitted::no_space;
  }
  if (is_new) {
    at = alerts_.try_emplace(key).first;
    if (state_only()) supersede(key);
  }
  Alert& alert = at->second;
  const bool keeps_place = alert.waits && alert.newest.firing == notification->firing;
  if (!keeps_place) alert.order = 0;
  alert.newest = *notification;
  alert.digest = digest;
  alert.changed_ns = now_ns;
  alert.waits = true;
  alert.ends_told = 0;
  resize(alert, bytes);
  schedule(key, alert, {});
  place(key, alert);
  return Submitted::news;
}

void Book::recall(const KnownEntry& known) {
  const Key key = known.last.key;
  if (alerts_.contains(key) || !make_space(1, known_bytes)) return;
  Alert& alert = alerts_[key];
  alert.newest.fingerprint = key.fingerprint;
  alert.newest.starts_at_ns = key.starts_at_ns;
  alert.newest.firing = alert.told_firing = known.last.firing;
  alert.digest = known.last.digest;
  alert.changed_ns = known.changed_ns;
  resize(alert, known_bytes);
  place(key, alert);
}

Book::Batch Book::next(std::size_t most, std::size_t most_bytes, std::int64_t now_ns, SteadyTime now) {
  Batch batch;
  Room room(most, most_bytes);
  const auto add = [&](const Key& key, const Alert& alert) {
    if (!room.take(alert.bytes)) return false;
    batch.notifications.push_back(&alert.newest);
    batch.sent.push_back({key, alert.digest, alert.newest.firing, false});
    return true;
  };
  if (state_only()) drop_past(now_ns);
  for (const auto& [order, key] : waiting_) {
    if (!add(key, alerts_.find(key)->second)) return batch;
  }
  for (const auto& [due, key] : due_) {
    if (due > now || !add(key, alerts_.find(key)->second)) break;
  }
  return batch;
}

/// Takes out what is no state any more: ends of what the Alertmanager never heard of, and ends told often enough.
void Book::drop_past(std::int64_t now_ns) {
  for (auto at = past_.begin(); at != past_.end();) {
    const Key key = at++->second;
    Alert& alert = alerts_.find(key)->second;
    if (alert.told_firing) continue;
    ++dropped_;
    retire(key, alert);
  }
  for (auto at = due_.begin(); at != due_.end();) {
    const Key key = at++->second;
    Alert& alert = alerts_.find(key)->second;
    if (alert.newest.firing) continue;
    if (alert.ends_told >= most_ends_told || now_ns - alert.changed_ns > end_is_told.count()) retire(key, alert);
  }
}

bool Book::settle(const Settled& settled, SteadyTime now) {
  const auto at = alerts_.find(settled.key);
  if (at == alerts_.end()) return false;
  Alert& alert = at->second;
  const bool first_told = settled.firing && !settled.refused && !alert.told_firing;
  alert.told_firing = alert.told_firing || first_told;
  if (alert.digest != settled.digest) return first_told;  // something newer waits

  const bool waited = alert.waits;
  if (waited) {
    ++(settled.refused ? dropped_ : delivered_);
    unplace(alert);
    alert.waits = false;
    place(settled.key, alert);
  }
  if (state_only()) {
    if (!settled.firing) ++alert.ends_told;
    schedule(settled.key, alert, now + limits_.resend);
  } else if (!settled.firing && waited) {
    retire(settled.key, alert);
  }
  return waited || first_told;
}

void Book::expire(std::int64_t now_ns) {
  const std::int64_t waiting_age = state_only() ? end_is_told.count() : limits_.oldest.count();
  for (Index* index : {&past_, &known_}) {
    const std::int64_t age = index == &past_ ? waiting_age : limits_.oldest.count();
    for (auto at = index->begin(); at != index->end();) {
      const Key key = at++->second;
      Alert& alert = alerts_.find(key)->second;
      if (alert.changed_ns > now_ns) {
        alert.changed_ns = now_ns;
      } else if (now_ns - alert.changed_ns <= age) {
        break;
      } else if (index == &known_) {
        if (!alert.due) forget(key);
      } else if (state_only() || !alert.told_firing) {
        ++dropped_;
        forget(key);
      }
    }
  }
}

void Book::write(const std::function<void(const Entry&)>& out) const {
  std::vector<std::pair<std::uint64_t, Key>> order;
  order.reserve(alerts_.size());
  for (const auto& [key, alert] : alerts_) order.emplace_back(alert.order, key);
  std::sort(order.begin(), order.end());
  for (const auto& [place, key] : order) {
    const Alert& alert = alerts_.find(key)->second;
    if (!has_texts(alert)) {
      out(KnownEntry{{key, alert.digest, alert.newest.firing, false}, alert.changed_ns});
      continue;
    }
    if (alert.told_firing) out(KnownEntry{{key, 0, true, false}, alert.changed_ns});
    out(SubmittedEntry{alert.changed_ns, alert.newest});
    if (!alert.waits) {
      const bool refused = alert.newest.firing && !alert.told_firing;
      out(SettledEntry{{{key, alert.digest, alert.newest.firing, refused}}});
    }
  }
}

std::optional<SteadyTime> Book::next_due() const {
  if (due_.empty()) return {};
  return due_.begin()->first;
}

std::vector<Notification> Book::firing() const {
  std::vector<Notification> found;
  for (const auto& [key, alert] : alerts_) {
    if (alert.newest.firing && alert.digest != 0) found.push_back(alert.newest);
  }
  return found;
}

}  // namespace sentinel::delivery
