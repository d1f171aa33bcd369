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
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sentinel/result.hpp>

#include "core/http/message.hpp"
#include "core/http/reply.hpp"
#include "core/plugin/call.hpp"
#include "core/plugin/stage.hpp"
#include "core/runtime/agent_labels.hpp"
#include "core/runtime/chain.hpp"
#include "core/runtime/clock.hpp"
#include "core/runtime/instance_host.hpp"
#include "core/runtime/instance_spec.hpp"
#include "core/runtime/sink_queue.hpp"
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
  Chain* chain = nullptr;                // null: no rules are run, as with --once
  delivery::Courier* courier = nullptr;  // null: nothing is posted
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
  std::vector<DetailRow> details;
};

/// One plugin instance in the topology: its code, its host, its strand, and what is known of it.
///
/// All functions run on the control loop, unless said; plugin code runs on workers alone, one call of an instance at a
/// time, each under a deadline. A call that overruns keeps its thread, its batch and, through shared ownership, this
/// object and its library until it returns; meanwhile the instance is quarantined.
class Instance : public std::enable_shared_from_this<Instance> {
 public:
  Instance(Environment& environment, InstanceSpec spec, std::uint64_t generation);
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  [[nodiscard]] const InstanceSpec& spec() const { return spec_; }
  [[nodiscard]] const std::string& name() const { return spec_.name; }

  /// Stages, loads and creates it. What fails makes it `failed`, or `unavailable` when it is optional.
  boost::asio::awaitable<void> prepare(const plugin::Stage& stage);
  /// Starts it, if it was created.
  boost::asio::awaitable<void> start();
  /// Whether it can be called: created, started, and not in a call.
  [[nodiscard]] bool usable() const { return started_ && !hung_call_; }
  /// What its plugin does; false when it was not created.
  [[nodiscard]] bool collects() const { return prepared_ && plugin_->collects(); }
  [[nodiscard]] bool consumes() const { return prepared_ && plugin_->consumes(); }
  [[nodiscard]] bool takes_alerts() const { return prepared_ && plugin_->takes_alerts(); }

  /// One collection for `tick_ns`. Delivers its batch to the sinks of set_sinks().
  boost::asio::awaitable<void> collect(std::uint64_t tick_ns);
  /// A tick at which it could not be called.
  void skip(std::uint64_t tick_ns);
  void set_sinks(std::vector<std::shared_ptr<Instance>> sinks);

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

  /// Queues a batch for consume, in order. Any thread.
  void deliver(SinkQueue::Batch batch);

  /// Drains, stops and destroys it after the calls that are queued, each by `deadline` (steady).
  /// Errors: timeout when a call hangs.
  boost::asio::awaitable<Result<void>> retire(std::chrono::steady_clock::time_point deadline);

  /// Any thread.
  [[nodiscard]] InstanceStatus status() const;

 private:
  struct Call;
  using CallJob = std::function<Result<void>(const Call&)>;

  boost::asio::awaitable<Result<void>> call(std::string what, std::chrono::nanoseconds deadline, CallJob job);
  void set_current_call(std::string what);
  void returned(const std::shared_ptr<Call>& call, Result<void> result);
  void quarantine(const std::string& what, std::chrono::nanoseconds deadline);

  Result<void> load_and_create(const plugin::Stage& stage);
  Result<void> run_collect(store::RecordBatch& batch, const Call& call);
  void read_details();
  void emitted(const std::shared_ptr<const store::RecordBatch>& batch, const Result<void>& result);
  void forward(const SinkQueue::Batch& batch);
  std::shared_ptr<store::RecordBatch> free_batch();
  boost::asio::awaitable<void> render_waiting();
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
  std::optional<plugin::Instance> plugin_;  // touched on the strand alone, once prepared; holds its library
  Strand strand_;

  bool prepared_ = false;  // a create that hangs may yet write plugin_ and host_: nobody else looks at them before this
  bool started_ = false;
  std::shared_ptr<Call> hung_call_;
  std::shared_ptr<store::RecordBatch> batch_;
  std::vector<std::function<void(Result<std::string>)>> waiting_renders_;
  bool rendering_ = false;
  bool consuming_ = false;
  bool alerting_ = false;
  bool refreshing_ = false;
  struct QueuedAlert {
    std::shared_ptr<const Notice> notice;
    std::function<void()> taken;
  };
  std::deque<QueuedAlert> alerts_;  // bounded by what the chain keeps pending
  SinkQueue queue_;

  mutable std::mutex mutex_;  // guards what follows, which status() reads from any thread
  State state_ = State::preparing;
  std::string current_call_;
  std::vector<std::shared_ptr<Instance>> sinks_;
  store::SeriesFilter sources_;
  std::int64_t started_unix_ns_ = 0;
  std::int64_t last_run_unix_ns_ = 0;
  double last_duration_seconds_ = 0;
  std::optional<LastError> last_error_;
  std::uint64_t failures_in_a_row_ = 0;
  telemetry::CollectorStats collector_stats_;
  telemetry::SinkStats sink_stats_;
  std::vector<DetailRow> details_;
};

}  // namespace sentinel::runtime
