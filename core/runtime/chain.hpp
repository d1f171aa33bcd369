#pragma once

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/runtime/alert_state.hpp"
#include "core/runtime/clock.hpp"
#include "core/runtime/notice.hpp"
#include "core/runtime/sink_queue.hpp"
#include "core/runtime/window_values.hpp"
#include "core/runtime/worker_pool.hpp"
#include "core/store/store.hpp"
#include "core/telemetry/snapshot.hpp"
#include "rules/engine/engine.hpp"

namespace sentinel::runtime {

/// The rules' engine in the running agent: batches in, notices of alerts, filtered records and window values out. The
/// engine runs on a strand of the workers; what it fires is on disk before any sink hears of it.
///
/// Control loop, unless said.
class Chain final : private rules::Output {
 public:
  /// What the chain makes. Called on the control loop.
  struct Consumers {
    std::function<void(std::shared_ptr<const Notice>)> alert;
    /// Records that a pipeline lets through, or values of its windows, for its sinks.
    std::function<void(const std::string& pipeline, SinkQueue::Batch)> records;
  };

  Chain(boost::asio::io_context& control, WorkerPool& workers, store::Store& store, const Clock& clock,
        rules::Labels agent_labels, AlertStateFile file);
  ~Chain() override;

  /// Before anything is delivered.
  void connect(Consumers consumers) { consumers_ = std::move(consumers); }

  using Rules = std::vector<std::shared_ptr<const rules::Rule>>;
  /// From now on these rules, with the windows that collectors may fold for; the first call also takes up what an
  /// earlier process left in the state file.
  boost::asio::awaitable<void> set_rules(Rules rules, std::vector<rules::FoldedWindow> folds = {});
  /// Hands out the notices of the earlier process that its sinks had not taken.
  void hand_out_pending();

  /// A good collection's records. What finds the queue full is dropped, counted, and told on the alerts that miss it.
  /// Any thread.
  void deliver(SinkQueue::Batch batch, Wake wake = Wake::now);
  /// Events of a collector that were lost on their way to it, told at `time_ns`: some time since its collection before.
  /// Any thread.
  void lost(const std::string& instance, std::uint64_t events, std::uint64_t time_ns);
  /// A sink took a notice, or never will.
  void taken(std::uint64_t notice, const std::string& sink);
  /// Calls `read` with the engine, on a worker. Any thread.
  void read(std::function<void(const rules::Engine&)> read);

  /// Saves the state; nothing is taken in after it.
  boost::asio::awaitable<void> stop();

  /// Any thread.
  [[nodiscard]] telemetry::ChainStats stats() const;

 private:
  void transition(const rules::Alert& alert) override;
  void window_value(const rules::WindowValue& value) override;
  void record(const rules::Rule& rule, const sentinel_delivery& batch, const sentinel_record& record) override;

  void post(std::function<void()> job, Wake wake = Wake::now);
  boost::asio::awaitable<void> run(std::function<void()> job);
  void take_up_earlier_state();
  void consume(const SinkQueue::Batch& batch);
  void advance();
  void hand_on();
  void hand_on_records();
  void save();
  void save_those_that_wait();
  void save_when_due();
  void note_stats();
  void wake_at(std::uint64_t boottime_ns);
  [[nodiscard]] rules::Moment now() const { return {clock_.boottime_ns(), clock_.unix_ns()}; }

  boost::asio::io_context& control_;
  const Clock& clock_;
  Consumers consumers_;
  boost::asio::steady_timer timer_;
  std::atomic<std::uint64_t> wakes_at_ns_ = UINT64_MAX;  ///< written on the control loop alone
  bool stopped_ = false;
  Strand strand_;

  // On the strand alone.
  rules::Engine engine_;
  AlertStateFile file_;
  bool restored_ = false;
  std::map<std::string, std::uint64_t, std::less<>> newest_ns_;  // collection of each instance
  std::map<std::uint64_t, std::shared_ptr<Notice>> pending_;
  std::vector<std::shared_ptr<const Notice>> earlier_;
  std::uint64_t next_notice_ = 1;
  bool unsaved_ = false;
  bool some_wait_ = false;        ///< alerts of the engine for their `for`
  bool some_wait_saved_ = false;  ///< the same of what is on disk
  bool save_fails_ = false;
  std::uint64_t saved_at_ns_ = 0;
  std::string saved_engine_;
  std::vector<std::shared_ptr<const Notice>> fresh_;  // of the job that runs
  WindowValues window_values_;
  SinkQueue::Batch consumed_;
  std::map<std::string, std::vector<std::uint32_t>> passed_;  // records of consumed_ by pipeline

  mutable std::mutex mutex_;  // guards what follows
  std::size_t waiting_ = 0;
  std::map<std::string, std::uint64_t, std::less<>> dropped_;  // since the engine was told, by instance
  telemetry::ChainStats stats_;
};

}  // namespace sentinel::runtime
