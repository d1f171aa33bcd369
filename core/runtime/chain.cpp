#include "core/runtime/chain.hpp"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <sentinel/config.hpp>
#include <utility>

#include "core/telemetry/log.hpp"

namespace sentinel::runtime {
namespace asio = boost::asio;
namespace {

constexpr std::string_view component = "rules";
constexpr std::size_t most_waiting = 1024;
constexpr std::size_t most_pending = 20'000;
/// What only a restart would miss, such as a sink's having taken a notice, is saved at most this often.
constexpr std::uint64_t save_every_ns = 1'000'000'000;
/// A pending alert makes no notice. It is saved this often all the same: killed, the agent knows how long it had held.
constexpr std::uint64_t save_waiting_every_ns = 10'000'000'000;

}  // namespace

Chain::Chain(asio::io_context& control, WorkerPool& workers, store::Store& store, const Clock& clock,
             rules::Labels agent_labels, AlertStateFile file)
    : control_(control),
      clock_(clock),
      timer_(control),
      strand_(workers),
      engine_(std::move(agent_labels)),
      file_(std::move(file)),
      window_values_(store) {}

Chain::~Chain() = default;

void Chain::post(std::function<void()> job, Wake wake) {
  auto run = [this, job = std::move(job)] {
    job();
    hand_on();
  };
  strand_.post(std::move(run), wake);
}

asio::awaitable<void> Chain::run(std::function<void()> job) {
  const auto done = std::make_shared<asio::steady_timer>(control_, asio::steady_timer::time_point::max());
  // Told last: whoever waits may destroy this.
  auto and_tell = [this, done, job = std::move(job)] {
    job();
    hand_on();
    asio::post(control_, [done] { done->cancel(); });
  };
  strand_.post(std::move(and_tell));
  co_await done->async_wait(asio::as_tuple(asio::use_awaitable));
}

asio::awaitable<void> Chain::set_rules(Rules rules, std::vector<rules::FoldedWindow> folds) {
  std::function<void()> job = [this, rules = std::move(rules), folds = std::move(folds)]() mutable {
    std::vector<std::string> names;
    for (const auto& rule : rules) names.push_back(rule->name);
    window_values_.keep(names);
    engine_.set_rules(std::move(rules), now(), *this);
    engine_.set_folds(std::move(folds));
    if (!restored_) take_up_earlier_state();
    note_stats();
  };
  co_await run(std::move(job));
}

void Chain::take_up_earlier_state() {
  restored_ = true;
  auto state = file_.load();
  if (!state) {
    telemetry::log_error(component, state.error().message);
    return;
  }
  next_notice_ = state->next_id;
  if (!state->engine.empty()) {
    if (const auto restored = engine_.restore(state->engine, now()); !restored) {
      telemetry::log_error(component, "alerts of the earlier run are not taken up: " + restored.error().message);
    }
  }
  for (auto& notice : state->pending) {
    const auto kept = std::make_shared<Notice>(std::move(notice));
    pending_.emplace(kept->id, kept);
    earlier_.push_back(std::make_shared<const Notice>(*kept));
  }
}

void Chain::hand_out_pending() {
  post([this] { fresh_.insert(fresh_.end(), earlier_.begin(), earlier_.end()), earlier_.clear(); });
}

void Chain::deliver(SinkQueue::Batch batch, Wake wake) {
  {
    const std::lock_guard lock(mutex_);
    if (waiting_ >= most_waiting) {
      dropped_[std::string(from_abi(batch->delivery().instance))] += batch->records().size();
      stats_.dropped_records += batch->records().size();
      return;
    }
    ++waiting_;
  }
  post([this, batch = std::move(batch)] { consume(batch); }, wake);
}

void Chain::lost(const std::string& instance, std::uint64_t events, std::uint64_t time_ns) {
  post([this, instance, events, time_ns] {
    const auto newest = newest_ns_.find(instance);
    const std::uint64_t since_ns = newest == newest_ns_.end() ? 0 : newest->second;
    engine_.lost(instance, events, time_ns, time_ns > since_ns ? time_ns - since_ns : 1);
  });
}

void Chain::consume(const SinkQueue::Batch& batch) {
  std::map<std::string, std::uint64_t, std::less<>> dropped;
  {
    const std::lock_guard lock(mutex_);
    --waiting_;
    dropped.swap(dropped_);
    stats_.records += batch->records().size();
  }
  for (const auto& [instance, count] : dropped) engine_.lost(instance, count, batch->tick_ns());
  auto& newest_ns = newest_ns_[std::string(from_abi(batch->delivery().instance))];
  newest_ns = std::max(newest_ns, batch->tick_ns());
  consumed_ = batch;
  engine_.consume(batch->delivery(), batch->tick_ns(), batch->every_ns(), *this);
}

void Chain::advance() {
  engine_.advance(now(), *this);
  note_stats();
  save_those_that_wait();
}

void Chain::transition(const rules::Alert& alert) {
  if (alert.silent) return;
  auto notice = std::make_shared<Notice>(make_notice(alert));
  notice->id = next_notice_++;
  fresh_.push_back(notice);
  unsaved_ = true;
  if (!notice->sinks.empty()) pending_.emplace(notice->id, std::make_shared<Notice>(*notice));
}

void Chain::window_value(const rules::WindowValue& value) {
  window_values_.add(value);
}

void Chain::record(const rules::Rule& rule, const sentinel_delivery& batch, const sentinel_record& record) {
  passed_[rule.name].push_back(static_cast<std::uint32_t>(&record - batch.records));
}

void Chain::hand_on() {
  if (!fresh_.empty()) {
    if (pending_.size() > most_pending) {
      telemetry::log_error(component, "too many alerts wait for their sinks; the oldest are given up");
      while (pending_.size() > most_pending) pending_.erase(pending_.begin());
    }
    if (unsaved_) save();
    auto tell = [this, notices = std::exchange(fresh_, {})] {
      for (const auto& notice : notices) consumers_.alert(notice);
    };
    asio::post(control_, std::move(tell));
  }
  save_when_due();
  hand_on_records();
  const std::uint64_t next = unsaved_ ? std::min(engine_.next_ns(), saved_at_ns_ + save_every_ns) : engine_.next_ns();
  // Most batches change nothing about it, and the control loop need not wake up for those.
  if (next < wakes_at_ns_) asio::post(control_, [this, next] { wake_at(next); });
}

void Chain::hand_on_records() {
  for (auto& [pipeline, indices] : passed_) {
    if (indices.empty()) continue;
    auto batch = store::RecordBatch::subset(consumed_, indices);
    indices.clear();
    asio::post(control_, [this, name = pipeline, batch = std::move(batch)] { consumers_.records(name, batch); });
  }
  consumed_ = nullptr;
  for (auto& [pipeline, batch] : window_values_.commit()) {
    asio::post(control_, [this, name = pipeline, batch = std::move(batch)] {
      consumers_.records(name, batch);
      deliver(batch);  // for rules that watch the value
    });
  }
}

void Chain::taken(std::uint64_t notice, const std::string& sink) {
  post([this, notice, sink] {
    const auto found = pending_.find(notice);
    if (found == pending_.end()) return;
    std::erase(found->second->sinks, sink);
    if (found->second->sinks.empty()) pending_.erase(found);
    unsaved_ = true;
  });
}

void Chain::read(std::function<void(const rules::Engine&)> read) {
  post([this, read = std::move(read)] { read(engine_); });
}

void Chain::save_those_that_wait() {
  // Once more when none is left, or a restart would take up what is over.
  if (!some_wait_ && !some_wait_saved_) return;
  if (clock_.boottime_ns() - saved_at_ns_ >= save_waiting_every_ns) unsaved_ = true;
}

void Chain::save_when_due() {
  const std::uint64_t now_ns = clock_.boottime_ns();
  if (unsaved_ && now_ns - saved_at_ns_ >= save_every_ns) save();
}

void Chain::save() {
  unsaved_ = false;
  saved_at_ns_ = clock_.boottime_ns();
  some_wait_saved_ = some_wait_;
  AlertState state;
  state.engine = engine_.save();
  state.next_id = next_notice_;
  for (const auto& [id, notice] : pending_) state.pending.push_back(*notice);
  const auto saved = file_.save(state);
  if (!saved && !save_fails_) {
    telemetry::log_error(component, saved.error().message + ": alerts go out, but a restart would not know of them");
  }
  if (saved && save_fails_) telemetry::log_info(component, "alerts are kept on disk again");
  save_fails_ = !saved;
  const std::lock_guard lock(mutex_);
  stats_.state_saved = saved.ok();
}

void Chain::note_stats() {
  auto rules = engine_.stats();
  some_wait_ = std::any_of(rules.begin(), rules.end(), [](const auto& rule) { return rule.pending > 0; });
  const std::lock_guard lock(mutex_);
  stats_.rules.clear();
  for (auto& rule : rules) {
    stats_.rules.push_back({std::move(rule.name), std::move(rule.severity), rule.idle, rule.groups, rule.overflow,
                            rule.late, rule.pending, rule.firing});
  }
}

void Chain::wake_at(std::uint64_t boottime_ns) {
  if (stopped_ || boottime_ns >= wakes_at_ns_) return;
  wakes_at_ns_ = boottime_ns;
  const std::uint64_t now_ns = clock_.boottime_ns();
  timer_.expires_after(std::chrono::nanoseconds(boottime_ns > now_ns ? boottime_ns - now_ns : 0));
  timer_.async_wait([this](const boost::system::error_code& failed) {
    if (failed || stopped_) return;
    wakes_at_ns_ = UINT64_MAX;
    post([this] { advance(); });
  });
}

asio::awaitable<void> Chain::stop() {
  stopped_ = true;
  timer_.cancel();
  std::function<void()> job = [this] { save(); };
  co_await run(std::move(job));
}

telemetry::ChainStats Chain::stats() const {
  const std::lock_guard lock(mutex_);
  return stats_;
}

}  // namespace sentinel::runtime
