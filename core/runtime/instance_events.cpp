// The half of an instance that collectors of events need: what they hand over between collections, and who they are
// told consumes it.
#include <fcntl.h>
#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <cerrno>
#include <system_error>
#include <utility>

#include "core/runtime/instance.hpp"
#include "core/runtime/instance_call.hpp"
#include "core/runtime/pushdown_abi.hpp"
#include "core/telemetry/log.hpp"

namespace sentinel::runtime {
namespace asio = boost::asio;
using std::chrono::nanoseconds;

namespace {

/// The plugin's descriptor under a number of the agent's own: the plugin may close its own while this one is waited
/// for.
Result<plugin::Fd> duplicate(int fd) {
  if (fd < 0) return plugin::Fd();
  plugin::Fd copy(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (copy) return copy;
  return Error{Errc::failed, "descriptor " + std::to_string(fd) + " cannot be watched: " +
                                 std::generic_category().message(errno) + "; watch must name an open one"};
}

}  // namespace

/// Has it say anew what to wait for, and waits for that.
void Instance::wake_events() {
  if (!hears()) return;
  ask_watch_ = true;
  watch_.interrupt();
  if (std::exchange(hearing_, true)) return;
  asio::co_spawn(environment_.control, hear(), asio::detached);
}

asio::awaitable<void> Instance::hear() {
  const auto self = shared_from_this();
  while (hears()) {
    if (std::exchange(ask_watch_, false)) {
      co_await ask_watch();
      continue;
    }
    const Result<bool> due = co_await watch_.wait();
    if (!hears() || ask_watch_) continue;
    if (!due) note_events(due.error());
    if (due && *due) co_await hand_over_events();
  }
  hearing_ = false;
}

asio::awaitable<void> Instance::ask_watch() {
  struct Answer {
    plugin::Fd input;
    nanoseconds period{};
  };
  const auto answer = std::make_shared<Answer>();
  CallJob job = [this, answer](const Call&) -> Result<void> {
    const auto awaited = plugin_->watch();
    if (!awaited) return awaited.error();
    auto input = duplicate(awaited->fd);
    if (!input) return input.error();
    constexpr std::uint64_t longest_ns = 86'400'000'000'000;
    *answer = {std::move(*input), nanoseconds(std::min(awaited->period_ns, longest_ns))};
    return {};
  };
  const Result<void> asked = co_await call("watch", spec_.deadline, std::move(job));
  if (!asked) {
    // Its events still come, at each interval.
    note_events(asked.error().in("watch"));
    watch_.set(plugin::Fd(), spec_.every);
    co_return;
  }
  watch_.set(std::move(answer->input), answer->period);
}

asio::awaitable<void> Instance::hand_over_events() {
  const auto batch = free_event_batch();
  CallJob job = [this, batch](const Call& call) { return run_ready(batch, call, Wake::after_job); };
  const Result<void> result = co_await call("ready", spec_.deadline, std::move(job));
  note_events(result);
  if (!result) {
    watch_.rest();
    co_return;
  }
  watch_.called();
}

std::shared_ptr<store::RecordBatch> Instance::free_event_batch() {
  // A sink, the chain, or a call that is queued may still hold the last one.
  if (event_batch_ == nullptr || event_batch_.use_count() > 1) {
    event_batch_ = std::make_shared<store::RecordBatch>(*producer_);
  }
  event_batch_->reset_for_events(environment_.clock.boottime_ns());
  return event_batch_;
}

/// Hands the events on from the worker's thread: each thread that need not wake up for them is a gain, for this is done
/// many times a second.
Result<void> Instance::run_ready(const std::shared_ptr<store::RecordBatch>& batch, const Call& call, Wake wake) {
  Result<void> ready = plugin_->ready(batch->abi());
  if (!ready && ready.error().code == Errc::no_data) ready = {};
  const bool taken = ready.ok() && !call.abandoned;
  note_losses(*batch, taken);
  if (taken && !batch->records().empty()) forward(batch, wake);
  return ready;
}

/// The last call of ready before drain, in the call that drains. `batch` is null when there is none.
void Instance::hand_over_rest(const std::shared_ptr<store::RecordBatch>& batch, const Call& call) {
  if (batch == nullptr) return;
  set_current_call("ready");
  note_events(run_ready(batch, call, Wake::now));
  set_current_call("drain");
}

void Instance::note_losses(const store::RecordBatch& batch, bool taken) {
  const std::uint64_t lost = batch.lost() + (taken ? 0 : batch.events());
  if (lost == 0) return;
  {
    const std::lock_guard lock(mutex_);
    collector_stats_.lost_events += lost;
  }
  if (environment_.chain != nullptr) environment_.chain->lost(spec_.name, lost, batch.tick_ns());
}

/// Calls between collections are many: what each came to is told when it is another than before.
void Instance::note_events(const Result<void>& result) {
  {
    const std::lock_guard lock(mutex_);
    const bool failed_before = std::exchange(events_fail_, !result.ok());
    if (result && !failed_before) return;
    if (!result && failed_before) {
      ++collector_stats_.errors;
      last_error_ = LastError{environment_.clock.unix_ns(), result.error().message};
      return;
    }
  }
  note("events", result);
}

std::vector<EventType> Instance::offered_events() const {
  return prepared_ && plugin_->takes_offers() ? host_.events() : std::vector<EventType>();
}

void Instance::set_demands(std::vector<Demand> demands) {
  wanted_ = std::move(demands);
  wake_offer();
}

/// Tells it, while it runs, what it has not been told yet.
void Instance::wake_offer() {
  if (offering_ || !usable() || !plugin_->takes_offers() || offered_ == wanted_) return;
  const auto tell = [](std::shared_ptr<Instance> self) -> asio::awaitable<void> {
    const Result<void> offered = co_await self->offer();
    if (!offered) self->note("offer", offered);
    self->wake_events();
    if (offered) self->wake_offer();  // what changed meanwhile
  };
  asio::co_spawn(environment_.control, tell(shared_from_this()), asio::detached);
}

asio::awaitable<Result<void>> Instance::offer() {
  if (!plugin_->takes_offers() || offered_ == wanted_) co_return Result<void>();
  offering_ = true;
  const auto demands = std::make_shared<const std::vector<Demand>>(wanted_);
  CallJob job = [this, demands](const Call&) -> Result<void> {
    const AbiDemands abi(*demands);
    std::vector<sentinel_placement> placements(demands->size());
    return plugin_->offer(abi.all(), placements);
  };
  Result<void> offered = co_await call("offer", spec_.deadline, std::move(job));
  offering_ = false;
  if (offered) offered_ = *demands;
  co_return offered;
}

}  // namespace sentinel::runtime
