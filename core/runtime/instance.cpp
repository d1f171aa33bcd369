#include "core/runtime/instance.hpp"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <sentinel/config.hpp>
#include <sentinel/text.hpp>

#include "core/plugin/abi_config.hpp"
#include "core/plugin/library.hpp"
#include "core/runtime/instance_call.hpp"
#include "core/telemetry/log.hpp"

namespace sentinel::runtime {
namespace asio = boost::asio;
using std::chrono::nanoseconds;
using std::chrono::steady_clock;

namespace {

constexpr std::size_t most_detail_rows = 1000;
constexpr std::size_t most_state_bytes = std::size_t{64} << 20U;
/// Collections that an instance with threads of its own may make between its start and the moment at which it counts.
constexpr std::size_t most_emitted_early = 1024;

std::string in_seconds(nanoseconds duration) {
  std::string text = std::to_string(std::chrono::duration<double>(duration).count());
  text.resize(text.find('.') + 4);
  return text + " s";
}

}  // namespace

std::string_view to_string(State state) {
  switch (state) {
    case State::preparing:
      return "preparing";
    case State::running:
      return "running";
    case State::failing:
      return "failing";
    case State::quarantined:
      return "quarantined";
    case State::failed:
      return "failed";
    case State::unavailable:
      return "unavailable";
    case State::stopped:
      return "stopped";
  }
  return "unknown";
}

Instance::Instance(Environment& environment, InstanceSpec spec, std::uint64_t generation, std::set<std::string> leaving)
    : environment_(environment),
      spec_(std::move(spec)),
      generation_(generation),
      producer_(spec_.kind == Kind::collector
                    ? environment.store.producer(spec_.name, spec_.labels, spec_.series_limit, std::move(leaving))
                    : nullptr),
      host_(spec_.name,
            {&environment.clock, producer_.get(), spec_.built_in != nullptr ? &environment.snapshot : nullptr,
             spec_.kind == Kind::sink,
             [this](const auto& batch, const auto& result) {
               emitted({batch, result});
             },
             spec_.kind == Kind::sink ? &environment.store : nullptr, environment.courier, &environment.labels}),
      strand_(environment.workers),
      watch_(environment.control) {
  collector_stats_.name = spec_.name;
  sink_stats_.name = spec_.name;
  sink_stats_.queue_capacity = spec_.queue;
  if (spec_.kind == Kind::sink) attach_inbox(std::make_shared<Inbox>(environment.control, spec_.queue));
}

asio::awaitable<Result<void>> Instance::call(std::string what, nanoseconds deadline, CallJob job) {
  const auto call = std::make_shared<Call>(environment_.control, std::move(what));
  auto run = [self = shared_from_this(), call, job = std::move(job)]() mutable {
    self->set_current_call(call->what);
    call->started = steady_clock::now().time_since_epoch().count();
    Result<void> result = job(*call);
    job = nullptr;
    self->set_current_call({});
    auto hand_back = [self, call, result = std::move(result)]() mutable { self->returned(call, std::move(result)); };
    asio::post(self->environment_.control, std::move(hand_back));
  };
  strand_.post(std::move(run));

  auto wait_until = steady_clock::now() + deadline;
  while (!call->result) {
    call->done.expires_at(wait_until);
    co_await call->done.async_wait(asio::as_tuple(asio::use_awaitable));
    if (call->result) break;
    // The deadline counts from the moment at which a thread took the call up.
    const auto now = steady_clock::now();
    if (call->started == 0) {
      wait_until = now + deadline;
    } else if (now < call->started_at() + deadline) {
      wait_until = call->started_at() + deadline;
    } else {
      call->abandoned = true;
      hung_call_ = call;
      quarantine(call->what, deadline);
      co_return Error{Errc::timeout, "'" + call->what + "' overran its deadline of " + in_seconds(deadline)};
    }
  }
  co_return *call->result;
}

void Instance::set_current_call(std::string what) {
  const std::lock_guard lock(mutex_);
  current_call_ = std::move(what);
}

void Instance::returned(const std::shared_ptr<Call>& call, Result<void> result) {
  call->result = std::move(result);
  if (!call->abandoned) {
    call->done.cancel();
    return;
  }
  environment_.workers.return_one();
  hung_call_ = nullptr;
  {
    const std::lock_guard lock(mutex_);
    if (state_ == State::quarantined) state_ = started_ ? State::failing : State::failed;
  }
  telemetry::log_info(spec_.name, "'" + call->what + "' returned after " +
                                      in_seconds(steady_clock::now() - call->started_at()) +
                                      (started_ ? "; it is called again" : "; it can end now"));
  if (!std::exchange(owes_resume_, false)) {
    wake();
    return;
  }
  drained_ = held_ = true;
  const auto resume_late = [](std::shared_ptr<Instance> self) -> asio::awaitable<void> {
    // What went wrong is in its status.
    (void)co_await self->resume();
  };
  asio::co_spawn(environment_.control, resume_late(shared_from_this()), asio::detached);
}

void Instance::quarantine(const std::string& what, nanoseconds deadline) {
  const bool replaced = environment_.workers.add_replacement();
  {
    const std::lock_guard lock(mutex_);
    state_ = State::quarantined;
    ++collector_stats_.overruns;
  }
  telemetry::log_error(spec_.name, "'" + what + "' overran its deadline of " + in_seconds(deadline) +
                                       ": set aside until it returns" +
                                       (replaced ? "" : "; its thread could not be replaced, too many hang"));
}

asio::awaitable<Result<void>> Instance::prepare(Code code) {
  if (!spec_.unavailable.empty()) {
    const Error unavailable{Errc::unsupported, spec_.unavailable};
    fail_for_good(unavailable);
    co_return unavailable;
  }
  CallJob job = [this, code = std::move(code)](const Call&) { return load_and_create(code); };
  const Result<void> prepared = co_await call("create", spec_.deadline, std::move(job));
  prepared_ = prepared.ok();
  if (!prepared) fail_for_good(prepared.error());
  co_return prepared;
}

Result<void> Instance::load_and_create(const Code& code) {
  const plugin::AbiConfig config(spec_.config);
  const auto create = [&]() -> Result<plugin::Instance> {
    if (spec_.built_in != nullptr) {
      return plugin::Instance::create(*spec_.built_in, nullptr, host_.abi(), config.raw());
    }
    if (const auto* stage = std::get_if<const plugin::Stage*>(&code)) {
      auto loaded = load(**stage);
      if (!loaded) return loaded.error();
      library_ = std::move(*loaded);
    } else {
      library_ = std::get<std::shared_ptr<plugin::Library>>(code);
    }
    return plugin::Instance::create(library_, host_.abi(), config.raw());
  };
  auto created = create();
  if (!created) return created.error();
  plugin_.emplace(std::move(*created));
  host_.seal();
  return {};
}

Result<std::shared_ptr<plugin::Library>> Instance::load(const plugin::Stage& stage) {
  auto staged = stage.stage(spec_.file, spec_.name, generation_);
  if (!staged) return staged.error();
  if (staged->sha256 != spec_.sha256) {
    return Error{Errc::failed, spec_.file.string() + " changed while it was being loaded; try again"};
  }
  return environment_.libraries.load(std::move(*staged));
}

asio::awaitable<Result<void>> Instance::start(std::optional<plugin::SavedState> from) {
  if (!prepared_) co_return Error{Errc::failed, "it was not created"};
  if (from && plugin_->has_state()) {
    CallJob restore = [this, from = std::move(*from)](const Call&) { return plugin_->restore(from); };
    const Result<void> restored = co_await call("restore", spec_.deadline, std::move(restore));
    if (!restored) {
      fail_for_good(restored.error());
      co_return restored.error().in("restore");
    }
  }
  const Result<void> offered = co_await offer();
  if (!offered) {
    fail_for_good(offered.error());
    co_return offered.error().in("offer");
  }
  CallJob job = [this](const Call&) { return plugin_->start(); };
  const Result<void> result = co_await call("start", std::max(spec_.deadline, spec_.start_deadline), std::move(job));
  if (!result) {
    fail_for_good(result.error());
    co_return result.error().in("start");
  }
  started_ = true;
  {
    const std::lock_guard lock(mutex_);
    state_ = State::running;
    sink_stats_.up = true;
    started_unix_ns_ = environment_.clock.unix_ns();
  }
  wake();
  co_return Result<void>();
}

asio::awaitable<Result<std::optional<plugin::SavedState>>> Instance::quiesce() {
  held_ = true;
  if (hung_call_) co_return Error{Errc::timeout, "'" + hung_call_->what + "' hangs"};
  const auto saved = std::make_shared<std::optional<plugin::SavedState>>();
  if (!started_) co_return *saved;
  watch_.interrupt();
  const auto events = announced_ && plugin_->watches() ? free_event_batch() : nullptr;
  const auto by = environment_.clock.boottime_ns() + static_cast<std::uint64_t>(spec_.deadline.count());
  CallJob steps = [this, saved, by, events](const Call& call) -> Result<void> {
    hand_over_rest(events, call);
    if (const auto drained = plugin_->drain(by); !drained) return drained.error().in("drain");
    if (!plugin_->has_state()) return {};
    set_current_call("save");
    auto state = plugin_->save(most_state_bytes);
    if (!state) return state.error().in("save");
    *saved = std::move(*state);
    return {};
  };
  drained_ = true;
  const Result<void> result = co_await call("drain", spec_.deadline, std::move(steps));
  watch_.close();
  if (!result) co_return result.error();
  co_return *saved;
}

asio::awaitable<Result<void>> Instance::resume() {
  const auto self = shared_from_this();
  Result<void> resumed;
  if (std::exchange(drained_, false) && started_) {
    if (hung_call_) {
      owes_resume_ = true;
      held_ = false;
      co_return resumed;
    }
    CallJob job = [this](const Call&) { return plugin_->resume(); };
    resumed = co_await call("resume", spec_.deadline, std::move(job));
    if (!resumed) note("resume", resumed);
    if (drained_) co_return resumed;  // anew, meanwhile
  }
  held_ = false;
  wake();
  co_return resumed;
}

void Instance::go_live() {
  announced_ = true;
  wake_events();
  // What it emits meanwhile queues behind what it emitted before.
  for (;;) {
    std::vector<Emitted> early;
    {
      const std::lock_guard lock(emitted_mutex_);
      if (emitted_early_.empty()) {
        live_ = true;
        return;
      }
      early.swap(emitted_early_);
    }
    for (const auto& collection : early) take_emitted(collection);
  }
}

void Instance::take_over(Instance& other) {
  if (const auto mine = inbox(), theirs = other.inbox(); theirs) {
    other.attach_inbox(mine);
    attach_inbox(theirs);
    theirs->queue().set_capacity(spec_.queue);
  }
  alerts_.insert(alerts_.begin(), other.alerts_.begin(), other.alerts_.end());
  other.alerts_.clear();
  std::move(other.waiting_renders_.begin(), other.waiting_renders_.end(), std::back_inserter(waiting_renders_));
  other.waiting_renders_.clear();
  std::move(other.waiting_requests_.begin(), other.waiting_requests_.end(), std::back_inserter(waiting_requests_));
  other.waiting_requests_.clear();
  const InstanceStatus theirs = other.status();
  {
    const std::lock_guard lock(mutex_);
    const bool up = sink_stats_.up;
    collector_stats_ = theirs.collector;
    sink_stats_ = theirs.sink;
    sink_stats_.dropped_records = theirs.own_dropped_records;
    collector_stats_.up = sink_stats_.up = up;
    sink_stats_.queue_capacity = spec_.queue;
    last_run_unix_ns_ = theirs.last_run_unix_ns;
    last_duration_seconds_ = theirs.last_duration_seconds;
  }
  // Not before the switch is complete: a render would not know its sources yet.
  asio::post(environment_.control, [self = shared_from_this()] { self->wake(); });
}

bool Instance::did_well() const {
  const std::lock_guard lock(mutex_);
  return state_ == State::running;
}

void Instance::observe(Observer observer, bool may_be_undone) {
  {
    const std::lock_guard lock(mutex_);
    observer_ = std::move(observer);
  }
  may_be_undone_ = may_be_undone;
  if (!may_be_undone && std::exchange(gave_back_, false)) wake_consume();
}

asio::awaitable<void> Instance::collect(std::uint64_t tick_ns) {
  auto batch = free_batch();
  batch->reset(tick_ns, static_cast<std::uint64_t>(spec_.every.count()));
  {
    const std::lock_guard lock(mutex_);
    ++collector_stats_.runs;
    last_run_unix_ns_ = environment_.clock.unix_ns();
  }
  CallJob job = [this, batch](const Call& call) { return run_collect(*batch, call); };
  const Result<void> result = co_await call("collect", spec_.deadline, std::move(job));
  wake_offer();  // one that failed is tried again
  if (!result) producer_->fail(tick_ns, static_cast<std::uint64_t>(spec_.every.count()));
  note("collect", result);
  if (result) forward(batch);
}

Result<void> Instance::run_collect(store::RecordBatch& batch, const Call& call) {
  const auto begun = steady_clock::now();
  Result<void> collected = plugin_->collect(batch.abi());
  const double seconds = std::chrono::duration<double>(steady_clock::now() - begun).count();
  {
    const std::lock_guard lock(mutex_);
    last_duration_seconds_ = seconds;
    collector_stats_.duration.observe(seconds);
  }
  const bool taken = collected.ok() && !call.abandoned;
  note_losses(batch, taken);
  if (!taken) return collected;
  producer_->commit(batch);
  read_details();
  return collected;
}

void Instance::read_details() {
  if (!plugin_->has_details()) return;
  std::vector<DetailRow> rows;
  sentinel_rows table = {sizeof(sentinel_rows), 0, &rows,
                         [](sentinel_rows* self, sentinel_string name, const sentinel_string* keys,
                            const sentinel_string* values, uint32_t count) {
                           auto& all = *static_cast<std::vector<DetailRow>*>(self->context);
                           if (all.size() >= most_detail_rows) return;
                           std::string buffer;
                           DetailRow row{std::string(sentinel::clean(from_abi(name), buffer)), {}};
                           for (uint32_t i = 0; i < count; ++i) {
                             std::string key(sentinel::clean(from_abi(keys[i]), buffer));
                             row.cells.emplace_back(std::move(key), sentinel::clean(from_abi(values[i]), buffer));
                           }
                           all.push_back(std::move(row));
                         }};
  if (const auto described = plugin_->details(&table); !described) {
    telemetry::log_warning(spec_.name, "details: " + described.error().message);
  }
  const std::lock_guard lock(mutex_);
  details_ = std::move(rows);
}

void Instance::skip(std::uint64_t tick_ns) {
  producer_->fail(tick_ns, static_cast<std::uint64_t>(spec_.every.count()));
  const std::lock_guard lock(mutex_);
  ++collector_stats_.skipped;
}

void Instance::emitted(Emitted collection) {
  {
    const std::lock_guard lock(emitted_mutex_);
    if (!live_) {
      if (emitted_early_.size() < most_emitted_early) {
        emitted_early_.push_back(std::move(collection));
      } else {
        environment_.records_lost += collection.first->records().size();
      }
      return;
    }
  }
  take_emitted(collection);
}

void Instance::take_emitted(const Emitted& collection) {
  const auto& [batch, result] = collection;
  note_losses(*batch, result.ok());
  if (result) {
    producer_->commit(*batch);
  } else {
    producer_->fail(batch->tick_ns(), static_cast<std::uint64_t>(spec_.every.count()));
  }
  {
    const std::lock_guard lock(mutex_);
    ++collector_stats_.runs;
    last_run_unix_ns_ = environment_.clock.unix_ns();
  }
  note("collection", result);
  if (result) forward(batch);
}

void Instance::set_sinks(std::vector<std::shared_ptr<Inbox>> sinks) {
  const std::lock_guard lock(mutex_);
  sinks_ = std::move(sinks);
}

void Instance::forward(const SinkQueue::Batch& batch, Wake wake) {
  std::vector<std::shared_ptr<Inbox>> sinks;
  {
    const std::lock_guard lock(mutex_);
    collector_stats_.records += batch->records().size();
    sinks = sinks_;
  }
  if (!sinks.empty()) {
    const auto events = store::RecordBatch::unfolded(batch);
    for (const auto& sink : sinks) sink->deliver(events);
  }
  if (environment_.chain != nullptr) environment_.chain->deliver(batch, wake);
}

std::shared_ptr<store::RecordBatch> Instance::free_batch() {
  // A sink, or a call that hangs, may still hold the last one.
  if (batch_ == nullptr || batch_.use_count() > 1) batch_ = std::make_shared<store::RecordBatch>(*producer_);
  return batch_;
}

asio::awaitable<Result<void>> Instance::retire(steady_clock::time_point deadline) {
  const auto self = shared_from_this();
  const bool was_started = std::exchange(started_, false);
  const auto left = [&] { return std::max<nanoseconds>(deadline - steady_clock::now(), std::chrono::milliseconds(1)); };
  if (hung_call_) co_return Error{Errc::timeout, "a call hangs"};

  watch_.interrupt();
  const bool was_working = was_started && !drained_;
  const auto events = was_working && announced_ && plugin_->watches() ? free_event_batch() : nullptr;
  CallJob steps = [this, self, was_working, events,
                   by = environment_.clock.boottime_ns() +
                        static_cast<std::uint64_t>(left().count())](const Call& call) -> Result<void> {
    if (!plugin_) return {};
    Result<void> drained;
    if (was_working) {
      consume_rest();
      alert_rest();
      hand_over_rest(events, call);
      set_current_call("drain");
      drained = plugin_->drain(by);
      set_current_call("stop");
    }
    const Result<void> stopped = plugin_->stop();
    return drained ? stopped : drained;
  };
  const Result<void> stopped = co_await call("stop", left(), std::move(steps));
  watch_.close();
  if (!stopped) {
    telemetry::log_warning(spec_.name, "stop: " + stopped.error().message);
    if (hung_call_) co_return stopped;
  }
  CallJob destroy = [this, self](const Call&) -> Result<void> {
    plugin_.reset();
    return {};
  };
  const Result<void> destroyed = co_await call("destroy", left(), std::move(destroy));
  if (!destroyed) co_return destroyed;
  host_.release_receivers();
  if (const auto inbox = this->inbox()) inbox->set_wake(nullptr);
  if (producer_) producer_->end();  // now, not when the last coroutine lets go of this object
  const std::lock_guard lock(mutex_);
  if (state_ != State::failed && state_ != State::unavailable) state_ = State::stopped;
  collector_stats_.up = sink_stats_.up = false;
  co_return Result<void>();
}

void Instance::note(std::string_view what, const Result<void>& result) {
  // Nothing to report yet is neither good news nor an error.
  if (!result && result.error().code == Errc::no_data) return;
  std::string message;
  bool recovered = false;
  Observer observer;
  {
    const std::lock_guard lock(mutex_);
    observer = observer_;
    collector_stats_.up = sink_stats_.up = result.ok() && !events_fail_;
    if (result) {
      collector_stats_.last_success_unix_seconds = static_cast<double>(environment_.clock.unix_ns()) / 1e9;
      // A good collection does not make up for events that fail.
      if (!events_fail_) {
        recovered = failures_in_a_row_ > 0;
        failures_in_a_row_ = 0;
        state_ = State::running;
      }
    } else {
      ++collector_stats_.errors;
      ++sink_stats_.errors;
      ++failures_in_a_row_;
      if (state_ != State::quarantined) state_ = State::failing;
      message = std::string(what) + " failed: " + result.error().message;
      last_error_ = LastError{environment_.clock.unix_ns(), result.error().message};
    }
  }
  if (recovered) telemetry::log_info(spec_.name, std::string(what) + " succeeds again");
  if (!message.empty()) telemetry::log_warning(spec_.name, message);
  if (!observer) return;
  auto tell = [observer = std::move(observer), what = std::string(what), result] { observer(what, result); };
  asio::post(environment_.control, std::move(tell));
}

void Instance::fail_for_good(const Error& error) {
  const std::lock_guard lock(mutex_);
  if (state_ != State::quarantined) state_ = spec_.optional ? State::unavailable : State::failed;
  collector_stats_.up = sink_stats_.up = false;
  ++collector_stats_.errors;
  ++sink_stats_.errors;
  last_error_ = LastError{environment_.clock.unix_ns(), error.message};
}

InstanceStatus Instance::status() const {
  const std::lock_guard lock(mutex_);
  InstanceStatus status;
  status.spec = spec_;
  status.generation = generation_;
  status.state = state_;
  status.call = current_call_;
  status.started_unix_ns = started_unix_ns_;
  status.last_run_unix_ns = last_run_unix_ns_;
  status.last_duration_seconds = last_duration_seconds_;
  status.last_error = last_error_;
  status.collector = collector_stats_;
  status.sink = sink_stats_;
  status.own_dropped_records = sink_stats_.dropped_records;
  if (inbox_) {
    status.sink.queued_batches = inbox_->queue().size();
    status.sink.dropped_records += inbox_->queue().dropped_records();
  }
  status.details = details_;
  return status;
}

}  // namespace sentinel::runtime
