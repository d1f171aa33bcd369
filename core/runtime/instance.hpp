#pragma once

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <sentinel/result.hpp>

#include "core/http/message.hpp"
#include "core/http/reply.hpp"
#include "core/plugin/call.hpp"
#include "core/plugin/libraries.hpp"
#include "core/plugin/stage.hpp"
#include "core/runtime/agent_labels.hpp"
#include "core/runtime/chain.hpp"
#include "core/runtime/clock.hpp"
#include "core/runtime/event_watch.hpp"
#include "core/runtime/inbox.hpp"
#include "core/runtime/instance_host.hpp"
#include "core/runtime/instance_spec.hpp"
#include "core/runtime/pushdown.hpp"
#include "core/runtime/worker_pool.hpp"
#include "core/store/store.hpp"
#include "core/telemetry/snapshot.hpp"

namespace sentinel::runtime {

/// What all instances share. Everything in it outlives them.
struct Environment {
  boost::asio::io_context& control;
  WorkerPool& workers;
  store::Store& store;
  const Clock& clock;
  const telemetry::SnapshotSource& snapshot;
  const AgentLabels& labels;
  plugin::Libraries& libraries;
  Chain* chain = nullptr;                       // null: no rules are run, as with --once
  delivery::Courier* courier = nullptr;         // null: nothing is posted
  std::atomic<std::uint64_t> records_lost = 0;  // by swaps
};

enum class State {
  preparing,    ///< being loaded and created
  running,      ///< its last call went well
  failing,      ///< its last call failed; it is called again as scheduled
  quarantined,  ///< a call overran its deadline and has not returned
  failed,       ///< it could not be created or started
  unavailable,  ///< optional, and this machine cannot run it
  stopped,
};

[[nodiscard]] std::string_view to_string(State state);

/// The last error of an instance.
struct LastError {
  std::int64_t unix_ns = 0;
  std::string message;
};

/// A row of a table that a plugin shows in the status API.
struct DetailRow {
  std::string table;
  std::vector<std::pair<std::string, std::string>> cells;
};

/// What the status API shows of an instance.
struct InstanceStatus {
  InstanceSpec spec;
  std::uint64_t generation = 0;
  State state = State::preparing;
  std::string call;  ///< that a worker is in just now
  std::int64_t started_unix_ns = 0;
  std::int64_t last_run_unix_ns = 0;
  double last_duration_seconds = 0;
  std::optional<LastError> last_error;
  telemetry::CollectorStats collector;
  telemetry::SinkStats sink;
  std::uint64_t own_dropped_records = 0;  ///< of sink.dropped_records those that its inbox did not drop
  std::vector<DetailRow> details;
};

/// One plugin instance in the topology: its code, its host, its strand, and what is known of it.
///
/// All functions run on the control loop, unless said; plugin code runs on workers alone, one call of an instance at a
/// time, each under a deadline. A call that overruns keeps its thread, its batch and, through shared ownership, this
/// object and its library until it returns; meanwhile the instance is quarantined.
class Instance : public std::enable_shared_from_this<Instance> {
 public:
  /// Its series may be those of collectors that `leave` as it comes.
  Instance(Environment& environment, InstanceSpec spec, std::uint64_t generation, std::set<std::string> leaving = {});
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  [[nodiscard]] const InstanceSpec& spec() const { return spec_; }
  [[nodiscard]] const std::string& name() const { return spec_.name; }

  /// Where its code comes from: staged anew from the plugin's file, or a library that is loaded already.
  using Code = std::variant<const plugin::Stage*, std::shared_ptr<plugin::Library>>;
  /// Stages and loads it where needed, and creates it. What fails makes it `failed`, or `unavailable` when it is
  /// optional.
  boost::asio::awaitable<Result<void>> prepare(Code code);
  /// Starts it, if it was created; `from`, when there is any, is what it goes on from. What fails makes it `failed`.
  boost::asio::awaitable<Result<void>> start(std::optional<plugin::SavedState> from = std::nullopt);
  /// From now on what it emits by its own threads counts, which was kept until then, and what it hands over between
  /// collections, which waited in its source.
  void go_live();

  /// Has it hand over what it holds back and take nothing new; what comes for it waits. With its state, if it keeps
  /// any. Errors: those of drain and save, timeout; only resume() or retire() may follow.
  boost::asio::awaitable<Result<std::optional<plugin::SavedState>>> quiesce();
  /// Goes on as if quiesce() had not been called, or had not failed.
  boost::asio::awaitable<Result<void>> resume();
  /// Takes over what waits for `other`, an instance of the same name, and its counts. Any two generations, either way.
  void take_over(Instance& other);
  /// Takes its series out of sight until its next collection.
  void hide_series() {
    if (producer_) producer_->hide();
  }

  /// Calls `observer` on the control loop with what each call of its plugin came to, `no_data` left out; null ends it.
  /// With `may_be_undone`, a batch that it fails to consume meanwhile is left in the inbox, and no more are taken from
  /// there: whoever comes back in its place consumes it, or else itself when the observer is gone.
  using Observer = std::function<void(const std::string& what, const Result<void>& result)>;
  void observe(Observer observer, bool may_be_undone = false);

  /// Whether it can be called: created, started, not held by quiesce(), and in no call that hangs.
  [[nodiscard]] bool usable() const { return started_ && !held_ && !hung_call_; }
  [[nodiscard]] bool hangs() const { return hung_call_ != nullptr; }
  [[nodiscard]] bool started() const { return started_; }
  /// Whether its last call went well.
  [[nodiscard]] bool did_well() const;
  [[nodiscard]] bool has_state() const { return prepared_ && plugin_->has_state(); }
  /// The loaded plugin; null for a built-in one, and before prepare().
  [[nodiscard]] std::shared_ptr<plugin::Library> library() const { return prepared_ ? library_ : nullptr; }
  /// What its plugin does; false when it was not created.
  [[nodiscard]] bool collects() const { return prepared_ && plugin_->collects(); }
  [[nodiscard]] bool consumes() const { return prepared_ && plugin_->consumes(); }
  [[nodiscard]] bool takes_alerts() const { return prepared_ && plugin_->takes_alerts(); }

  /// One collection for `tick_ns`. Delivers its batch to the sinks of set_sinks().
  boost::asio::awaitable<void> collect(std::uint64_t tick_ns);
  /// A tick at which it could not be called.
  void skip(std::uint64_t tick_ns);
  void set_sinks(std::vector<std::shared_ptr<Inbox>> sinks);

  /// The events that it declared; none when it is not told who consumes them, or was not created.
  [[nodiscard]] std::vector<EventType> offered_events() const;
  /// Who consumes its events from now on. It is told before it is started; once it runs, only what has changed.
  void set_demands(std::vector<Demand> demands);
  [[nodiscard]] const std::vector<Demand>& demands() const { return wanted_; }

  /// Routes that it asked for in create; none when it was not created.
  [[nodiscard]] std::vector<RenderRoute> routes() const {
    return prepared_ ? host_.routes() : std::vector<RenderRoute>();
  }
  /// Paths that it answers by itself; none when it was not created.
  [[nodiscard]] std::vector<HandlerRoute> handlers() const {
    return prepared_ && plugin_->handles_http() ? host_.handlers() : std::vector<HandlerRoute>();
  }
  /// Which series it renders.
  void set_sources(store::SeriesFilter wanted);
  /// Answers with what render writes, on the worker's thread. Requests that wait while it renders share the next one.
  void render(std::function<void(Result<std::string>)> answer);

  /// Receivers of posts that it added.
  [[nodiscard]] std::vector<std::uint32_t> receivers() const { return host_.receivers(); }
  /// Has handle answer, on the worker's thread.
  void handle(http::Request request, http::Reply reply);

  /// Queues a notice for alert, in order; `taken` is called on the control loop when the plugin has seen it.
  void alert(std::shared_ptr<const Notice> notice, std::function<void()> taken);
  /// Reads the details of a sink anew, for those who ask later.
  void refresh_details();

  /// Where batches for consume are delivered.
  [[nodiscard]] std::shared_ptr<Inbox> inbox() const;

  /// Drains, stops and destroys it after the calls that are queued, each by `deadline` (steady), and lets go of its
  /// library. Errors: timeout when a call hangs; it may be called again once that has returned.
  boost::asio::awaitable<Result<void>> retire(std::chrono::steady_clock::time_point deadline);
  /// After retire(): its library, for the proof that it can be unloaded; null for a built-in one.
  [[nodiscard]] std::shared_ptr<plugin::Library> surrender_library() { return std::move(library_); }

  /// Any thread.
  [[nodiscard]] InstanceStatus status() const;

 private:
  struct Call;
  using CallJob = std::function<Result<void>(const Call&)>;

  boost::asio::awaitable<Result<void>> call(std::string what, std::chrono::nanoseconds deadline, CallJob job);
  void set_current_call(std::string what);
  void returned(const std::shared_ptr<Call>& call, Result<void> result);
  void quarantine(const std::string& what, std::chrono::nanoseconds deadline);

  Result<void> load_and_create(const Code& code);
  Result<std::shared_ptr<plugin::Library>> load(const plugin::Stage& stage);
  Result<void> run_collect(store::RecordBatch& batch, const Call& call);
  void note_losses(const store::RecordBatch& batch, bool taken);
  [[nodiscard]] bool hears() const { return usable() && announced_ && plugin_->watches(); }
  void wake_events();
  boost::asio::awaitable<void> hear();
  boost::asio::awaitable<void> ask_watch();
  boost::asio::awaitable<void> hand_over_events();
  std::shared_ptr<store::RecordBatch> free_event_batch();
  Result<void> run_ready(const std::shared_ptr<store::RecordBatch>& batch, const Call& call, Wake wake);
  void hand_over_rest(const std::shared_ptr<store::RecordBatch>& batch, const Call& call);
  void note_events(const Result<void>& result);
  boost::asio::awaitable<Result<void>> offer();
  void wake_offer();
  void read_details();
  using Emitted = std::pair<std::shared_ptr<const store::RecordBatch>, Result<void>>;
  void emitted(Emitted collection);
  void take_emitted(const Emitted& collection);
  void forward(const SinkQueue::Batch& batch, Wake wake = Wake::now);
  std::shared_ptr<store::RecordBatch> free_batch();
  boost::asio::awaitable<void> render_waiting();
  void wake();
  void wake_consume();
  void wake_render();
  void attach_inbox(std::shared_ptr<Inbox> inbox);
  boost::asio::awaitable<void> consume_queued();
  boost::asio::awaitable<void> alert_queued();
  void wake_alerts();
  boost::asio::awaitable<void> answer(http::Request request, http::Reply reply);
  void consume_rest();
  void alert_rest();
  void note_consumed(const store::RecordBatch& batch, const Result<void>& result);
  void note(std::string_view what, const Result<void>& result);
  void fail_for_good(const Error& error);

  Environment& environment_;
  const InstanceSpec spec_;
  const std::uint64_t generation_;
  std::unique_ptr<store::Producer> producer_;  // null: a sink
  InstanceHost host_;
  std::shared_ptr<plugin::Library> library_;  // null: built in
  std::optional<plugin::Instance> plugin_;    // touched on the strand alone, once prepared
  Strand strand_;

  bool prepared_ = false;  // a create that hangs may yet write plugin_ and host_: nobody else looks at them before this
  bool started_ = false;
  bool held_ = false;
  bool drained_ = false;
  bool owes_resume_ = false;  // it was drained, and the call that did so hangs
  std::shared_ptr<Call> hung_call_;
  std::shared_ptr<store::RecordBatch> batch_;
  EventWatch watch_;
  std::shared_ptr<store::RecordBatch> event_batch_;
  bool announced_ = false;  // it is live: what it hands over counts
  bool hearing_ = false;    // hear() runs
  bool ask_watch_ = false;  // what to wait for may have changed
  std::vector<Demand> wanted_;
  std::optional<std::vector<Demand>> offered_;  // what it took; nothing: no offer yet
  bool offering_ = false;
  std::vector<std::function<void(Result<std::string>)>> waiting_renders_;
  std::vector<std::pair<http::Request, http::Reply>> waiting_requests_;  // that came while it was held
  bool rendering_ = false;
  bool consuming_ = false;
  bool may_be_undone_ = false;
  bool gave_back_ = false;  // a batch that it failed to consume
  bool alerting_ = false;
  bool refreshing_ = false;
  struct QueuedAlert {
    std::shared_ptr<const Notice> notice;
    std::function<void()> taken;
  };
  std::deque<QueuedAlert> alerts_;  // bounded by what the chain keeps pending

  std::mutex emitted_mutex_;  // guards the two that follow
  bool live_ = false;
  std::vector<Emitted> emitted_early_;

  mutable std::mutex mutex_;  // guards what follows, which any thread reads
  std::shared_ptr<Inbox> inbox_;
  Observer observer_;
  State state_ = State::preparing;
  std::string current_call_;
  std::vector<std::shared_ptr<Inbox>> sinks_;
  store::SeriesFilter sources_;
  std::int64_t started_unix_ns_ = 0;
  std::int64_t last_run_unix_ns_ = 0;
  double last_duration_seconds_ = 0;
  std::optional<LastError> last_error_;
  std::uint64_t failures_in_a_row_ = 0;
  bool events_fail_ = false;  // between collections
  telemetry::CollectorStats collector_stats_;
  telemetry::SinkStats sink_stats_;
  std::vector<DetailRow> details_;
};

}  // namespace sentinel::runtime
