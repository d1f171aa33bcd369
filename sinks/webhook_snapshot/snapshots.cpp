#include "sinks/webhook_snapshot/snapshots.hpp"

#include <pthread.h>

#include <algorithm>

#include "sinks/webhook_snapshot/text.hpp"
#include "sinks/webhook_snapshot/webhook.hpp"

namespace snapshot {
namespace {

using sentinel::Errc;
using sentinel::Error;
using sentinel::Result;

/// Joined alerts that are kept whole; the rest are counted.
constexpr std::size_t most_joined = 100;
/// Failed ones that are remembered for the list.
constexpr std::size_t most_failed = 16;
constexpr std::size_t longest_alert_file = std::size_t{1} << 20U;

bool same_alert(const Alert& a, const Alert& b) {
  return a.fingerprint == b.fingerprint || (!a.labels.empty() && a.labels == b.labels);
}

/// Whether a posted alert is what another evaluator, such as the Prometheus beside it, made of the same rule on this
/// host: it has all labels of the agent's own but `instance`, which is the target's address there, and may have more.
bool same_rule_here(const Alert& own, const Alert& posted) {
  if (!names_this_host(value_of(posted.labels, "instance"), value_of(own.labels, "instance"))) return false;
  return std::all_of(own.labels.begin(), own.labels.end(), [&](const Label& label) {
    return label.name == "instance" || value_of(posted.labels, label.name) == label.value;
  });
}

/// Whether it is the same firing of it. Alertmanager hands the time on as it got it, to the millisecond.
bool same_start(const Alert& a, const Alert& b) {
  constexpr std::int64_t tolerance_ns = 1'000'000'000;
  if (a.starts_at_ns == 0 || b.starts_at_ns == 0) return false;
  return std::max(a.starts_at_ns, b.starts_at_ns) - std::min(a.starts_at_ns, b.starts_at_ns) < tolerance_ns;
}

}  // namespace

std::string_view to_string(Listed::State state) {
  switch (state) {
    case Listed::State::waiting:
      return "waiting";
    case Listed::State::taking:
      return "taking";
    case Listed::State::whole:
      return "whole";
    case Listed::State::failed:
      return "failed";
  }
  return "";
}

Snapshots::Snapshots(const Settings& settings, Agent agent, Callbacks callbacks)
    : settings_(settings),
      agent_(agent),
      callbacks_(std::move(callbacks)),
      folder_(settings.directory),
      taker_(settings, std::move(agent)) {}

Snapshots::~Snapshots() {
  stop();
}

void Snapshots::start() {
  const std::lock_guard lock(mutex_);
  if (thread_.joinable()) return;
  stopping_ = false;
  draining_ = false;
  cancelled_ = false;
  load();
  thread_ = std::thread([this] { run(); });
}

/// What an earlier process or instance left: for the quota, the list, and so that an alert that is told again joins.
void Snapshots::load() {
  ended_.clear();
  if (const auto opened = folder_.open(); !opened) {
    counters_.last_error = opened.error().message;
    callbacks_.log(Level::error, "no snapshot can be kept: " + opened.error().message);
    return;
  }
  for (const auto& id : folder_.list()) {
    auto entry = std::make_shared<Entry>();
    const auto name = parse_name(id);
    if (auto alert = parse_alert_file(folder_.read(id, "alert.json", longest_alert_file)))
      entry->alert = std::move(*alert);
    entry->alert.fingerprint = name->fingerprint;
    if (entry->alert.name.empty()) entry->alert.name = name->alert;
    entry->listed = {id, entry->alert.name, name->time_ns, folder_.bytes_of(id), Listed::State::whole, 0, 0, {}, {}};
    ended_.push_back(std::move(entry));
  }
}

void Snapshots::drain(std::chrono::nanoseconds at_most) {
  std::unique_lock lock(mutex_);
  draining_ = true;
  changed_.wait_for(lock, at_most, [this] { return running_ == nullptr; });
}

void Snapshots::resume() {
  const std::lock_guard lock(mutex_);
  draining_ = false;
  changed_.notify_all();
}

void Snapshots::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    cancelled_ = true;
    counters_.dropped += waiting_.size();
    waiting_.clear();
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

bool Snapshots::same_fault(const Entry& entry, const Alert& alert, std::uint64_t now_ns) const {
  if (entry.listed.state == Listed::State::failed || entry.alert.origin == Origin::hand) return false;
  const bool fresh =
      entry.asked_ns != 0 && now_ns - entry.asked_ns <= static_cast<std::uint64_t>(settings_.join_window.count());
  if (fresh && entry.alert.name == alert.name) return true;
  const auto is_same = [&](const Alert& known) {
    // The agent's own comes back from an Alertmanager as long as it fires, whatever that makes of its times.
    const bool comes_back = known.origin == Origin::agent && alert.origin == Origin::webhook;
    if (comes_back && callbacks_.fires(known)) return same_alert(known, alert) || same_rule_here(known, alert);
    return same_alert(known, alert) && same_start(known, alert);
  };
  return is_same(entry.alert) || std::any_of(entry.joined.begin(), entry.joined.end(), is_same);
}

Snapshots::Entry* Snapshots::to_join(const Alert& alert, std::uint64_t now_ns) {
  if (alert.origin == Origin::hand) return nullptr;
  for (auto entry = waiting_.rbegin(); entry != waiting_.rend(); ++entry) {
    if (same_fault(**entry, alert, now_ns)) return entry->get();
  }
  if (running_ != nullptr && same_fault(*running_, alert, now_ns)) return running_.get();
  for (auto entry = ended_.rbegin(); entry != ended_.rend(); ++entry) {
    if (same_fault(**entry, alert, now_ns)) return entry->get();
  }
  return nullptr;
}

void Snapshots::add_joined(Entry& entry, Alert alert) {
  ++entry.listed.joined;
  const auto is_known = [&](const Alert& known) {
    return same_alert(known, alert) && known.origin == alert.origin && same_start(known, alert);
  };
  if (is_known(entry.alert) || std::any_of(entry.joined.begin(), entry.joined.end(), is_known)) return;
  if (entry.joined.size() == most_joined) return;
  entry.joined.push_back(std::move(alert));
  entry.changed = true;
}

std::string Snapshots::free_id(const Alert& alert) const {
  const auto taken = [this](const std::string& id) {
    const auto has = [&](const EntryPtr& entry) { return entry->listed.id == id; };
    return (running_ != nullptr && has(running_)) || std::any_of(waiting_.begin(), waiting_.end(), has) ||
           std::any_of(ended_.begin(), ended_.end(), has);
  };
  auto time = agent_.unix_ns();
  auto id = make_name(time, alert.name, alert.fingerprint);
  while (taken(id)) id = make_name(time += 1'000'000'000, alert.name, alert.fingerprint);
  return id;
}

Verdict Snapshots::request(Alert alert) {
  const auto now = agent_.boot_ns();
  const std::lock_guard lock(mutex_);
  if (auto* entry = to_join(alert, now)) {
    ++counters_.joined;
    add_joined(*entry, std::move(alert));
    if (entry->listed.state == Listed::State::whole) changed_.notify_all();
    return {Verdict::Kind::joined, entry->listed.id};
  }
  if (waiting_.size() >= settings_.most_waiting || stopping_) {
    ++counters_.dropped;
    return {Verdict::Kind::overloaded, {}};
  }
  auto entry = std::make_shared<Entry>();
  const auto id = free_id(alert);
  entry->listed = {id, alert.name, parse_name(id)->time_ns, 0, Listed::State::waiting, 0, 0, {}, {}};
  entry->asked_ns = now;
  entry->alert = std::move(alert);
  waiting_.push_back(std::move(entry));
  changed_.notify_all();
  return {Verdict::Kind::accepted, id};
}

void Snapshots::run() {
  ::pthread_setname_np(::pthread_self(), "snapshot");
  std::unique_lock lock(mutex_);
  for (;;) {
    EntryPtr to_update;
    changed_.wait(lock, [&] {
      if (stopping_) return true;
      if (draining_) return false;
      const auto at = std::find_if(ended_.begin(), ended_.end(), [](const EntryPtr& e) {
        return e->changed && e->listed.state == Listed::State::whole;
      });
      if (at != ended_.end()) to_update = *at;
      return to_update != nullptr || !waiting_.empty();
    });
    if (stopping_) return;
    if (waiting_.empty()) {
      running_ = to_update;
      lock.unlock();
      update_joined(to_update);
      lock.lock();
    } else {
      running_ = waiting_.front();
      waiting_.pop_front();
      running_->listed.state = Listed::State::taking;
      const auto entry = running_;
      lock.unlock();
      take(entry);
      lock.lock();
      ended_.push_back(entry);
      const auto failed = [](const EntryPtr& e) { return e->listed.state == Listed::State::failed; };
      if (static_cast<std::size_t>(std::count_if(ended_.begin(), ended_.end(), failed)) > most_failed) {
        ended_.erase(std::find_if(ended_.begin(), ended_.end(), failed));
      }
    }
    running_ = nullptr;
    changed_.notify_all();
  }
}

void Snapshots::fail(Error error, const std::string& id) {
  auto text = "snapshot " + id + " was not taken: " + error.message;
  const std::lock_guard lock(mutex_);
  // A disk that stays full is said once; the count goes on.
  if (counters_.last_error != error.message) callbacks_.log(Level::error, text);
  counters_.last_error = error.message;
  ++counters_.failed;
  failure_ = Error{error.code, std::move(text)};
}

Result<void> Snapshots::make_room() {
  if (auto opened = folder_.open(); !opened) return opened;
  prune({});
  const auto free = folder_.free_ratio();
  if (!free) return free.error();
  if (*free >= settings_.min_free_ratio) return {};
  return Error{Errc::exhausted, "only " + percent(*free, 1) + " of the disk of " + folder_.path() +
                                    " is free, and `min_free_ratio` leaves the last " +
                                    percent(settings_.min_free_ratio, 1) + " alone; free some space"};
}

/// Oldest first, beyond age, then beyond the quota; never `keep`.
void Snapshots::prune(std::string_view keep) {
  const auto oldest_ns = agent_.unix_ns() - settings_.keep.count();
  for (;;) {
    std::string victim;
    {
      const std::lock_guard lock(mutex_);
      // Someone may have removed some by hand.
      std::erase_if(ended_, [this](const EntryPtr& e) {
        return e->listed.state == Listed::State::whole && !folder_.has(e->listed.id);
      });
      std::uint64_t bytes = 0;
      const Entry* oldest = nullptr;
      for (const auto& entry : ended_) {
        if (entry->listed.state != Listed::State::whole) continue;
        bytes += entry->listed.bytes;
        if (entry->listed.id == keep) continue;
        if (oldest == nullptr || entry->listed.id < oldest->listed.id) oldest = entry.get();
      }
      counters_.bytes = bytes;
      if (oldest == nullptr || (oldest->listed.time_ns >= oldest_ns && bytes <= settings_.quota_bytes)) return;
      victim = oldest->listed.id;
    }
    const auto removed = folder_.remove(victim);
    const std::lock_guard lock(mutex_);
    std::erase_if(ended_, [&](const EntryPtr& e) { return e->listed.id == victim; });
    if (removed) {
      ++counters_.removed;
    } else if (std::exchange(counters_.last_error, removed.error().message) != removed.error().message) {
      callbacks_.log(Level::warning, removed.error().message);
    }
  }
}

Result<Outcome> Snapshots::take_into(Entry& entry, const Alert& alert) {
  if (const auto room = make_room(); !room) return room.error();
  auto draft = folder_.begin(entry.listed.id);
  if (!draft) return draft.error();
  auto outcome = taker_.take(alert, entry.listed.id, *draft, cancelled_);
  if (!outcome) return outcome;
  if (const auto published = draft->publish(); !published) return published.error();
  return outcome;
}

void Snapshots::take(const EntryPtr& entry) {
  // Only this thread changes the alert of an entry, so that it may be read without the lock.
  auto outcome = [&]() -> Result<Outcome> {
    try {
      return take_into(*entry, entry->alert);
    } catch (const std::exception& e) {
      return Error{Errc::failed, std::string("threw: ") + e.what()};
    }
  }();
  if (!outcome) {
    {
      const std::lock_guard lock(mutex_);
      entry->listed.state = Listed::State::failed;
      entry->listed.problem = outcome.error().message;
    }
    return fail(outcome.error(), entry->listed.id);
  }
  {
    const std::lock_guard lock(mutex_);
    entry->listed.state = Listed::State::whole;
    entry->listed.bytes = outcome->bytes;
    entry->listed.ms = outcome->ms;
    entry->listed.culprit = outcome->culprit;
    ++counters_.taken;
    counters_.bytes += outcome->bytes;
    counters_.last_seconds = outcome->ms / 1e3;
    counters_.last_success_ns = agent_.unix_ns();
    counters_.last_error.clear();
  }
  callbacks_.log(Level::info,
                 "snapshot " + entry->listed.id + ": " + (outcome->culprit.empty() ? "no culprit" : outcome->culprit));
  if (entry->alert.origin == Origin::agent)
    callbacks_.done(entry->alert, folder_.path() + "/" + entry->listed.id, outcome->culprit);
  update_joined(entry);
  prune(entry->listed.id);
}

void Snapshots::update_joined(const EntryPtr& entry) {
  std::vector<Alert> joined;
  std::uint64_t in_all = 0;
  std::size_t told = 0;
  std::string culprit;
  {
    const std::lock_guard lock(mutex_);
    if (!std::exchange(entry->changed, false)) return;
    joined = entry->joined;
    in_all = entry->listed.joined;
    culprit = entry->listed.culprit;
    told = std::exchange(entry->told, joined.size());
  }
  const auto& id = entry->listed.id;
  // One of an earlier process is known in part alone: its file stays as it is.
  if (entry->asked_ns != 0) {
    const auto written = folder_.replace(id, "alert.json", Taker::alert_json(entry->alert, joined, in_all));
    if (!written) callbacks_.log(Level::warning, "who joined " + id + " is not in it: " + written.error().message);
  }
  for (std::size_t i = told; i < joined.size(); ++i) {
    if (joined[i].origin == Origin::agent) callbacks_.done(joined[i], folder_.path() + "/" + id, culprit);
  }
}

std::vector<Listed> Snapshots::list() const {
  const std::lock_guard lock(mutex_);
  std::vector<Listed> all;
  for (const auto& entry : waiting_) all.push_back(entry->listed);
  // One that is whole is still running until all have been told; one that is written anew is among the ended.
  const bool is_new = std::find(ended_.begin(), ended_.end(), running_) == ended_.end();
  if (running_ != nullptr && is_new) all.push_back(running_->listed);
  for (const auto& entry : ended_) all.push_back(entry->listed);
  std::sort(all.begin(), all.end(), [](const Listed& a, const Listed& b) { return a.id > b.id; });
  return all;
}

Counters Snapshots::counters() const {
  const std::lock_guard lock(mutex_);
  auto counters = counters_;
  counters.bytes = 0;
  for (const auto& entry : ended_) {
    if (entry->listed.state != Listed::State::whole) continue;
    ++counters.whole;
    counters.bytes += entry->listed.bytes;
  }
  counters.waiting = waiting_.size() + (running_ != nullptr && running_->listed.state == Listed::State::taking ? 1 : 0);
  return counters;
}

std::optional<Error> Snapshots::take_failure() {
  const std::lock_guard lock(mutex_);
  return std::exchange(failure_, std::nullopt);
}

}  // namespace snapshot
