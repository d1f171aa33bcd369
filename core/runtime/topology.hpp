#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "core/http/router.hpp"
#include "core/http/server.hpp"
#include "core/plugin/stage.hpp"
#include "core/runtime/instance.hpp"
#include "core/runtime/plan.hpp"

namespace sentinel::runtime {

/// What an apply did.
struct Verdict {
  std::vector<std::string> started;
  std::vector<std::string> stopped;
  std::vector<std::pair<std::string, std::string>> not_running;  ///< instance and reason
  std::vector<std::pair<std::string, std::string>> hanging;      ///< instance and the call that did not return in time
};

/// The instances that run, how records flow between them, and the schedule. Its only mutation is apply(): start, change
/// and stop all go through it. Control loop, unless said.
class Topology final : public telemetry::SnapshotSource {
 public:
  /// What it is given; all must outlive it. Without a chain no rules are run, without a courier nothing is posted.
  struct Parts {
    boost::asio::io_context& control;
    WorkerPool& workers;
    store::Store& store;
    const Clock& clock;
    http::Router& router;
    const AgentLabels& labels;
    Chain* chain = nullptr;
    delivery::Courier* courier = nullptr;
  };
  Topology(const Parts& parts, plugin::Stage stage);
  ~Topology() override;
  Topology(const Topology&) = delete;
  Topology& operator=(const Topology&) = delete;

  /// Makes the topology what `plan` says: prepares new instances beside the old, switches the routes as one step, takes
  /// each new collector's first collection, then schedules them, and retires the old within `stop_timeout`.
  boost::asio::awaitable<Verdict> apply(Plan plan);

  /// The configuration that runs, and its instances as they were planned.
  [[nodiscard]] const std::vector<InstanceSpec>& specs() const { return specs_; }
  [[nodiscard]] const config::Config& config() const { return config_; }
  [[nodiscard]] const Chain::Rules& rules() const { return rules_; }
  /// Whether a start has gone through and no stop has begun. Any thread.
  [[nodiscard]] bool ready() const { return ready_; }

  /// The paths of the listener at which sinks render.
  [[nodiscard]] std::vector<std::string> render_paths() const;

  /// Receivers of posts that sinks added, by the courier's numbers.
  [[nodiscard]] std::vector<std::uint32_t> receivers() const;

  /// What the first sink that renders has to say, for `--once`.
  void render(std::function<void(Result<std::string>)> answer);

  /// Any thread.
  [[nodiscard]] std::vector<InstanceStatus> status() const;
  [[nodiscard]] telemetry::Snapshot snapshot() const override;
  /// Lets snapshot() show the listener's counters, while `server` lives or until null.
  void watch(const http::Server* server);
  /// What snapshot() says of reloads.
  void set_reload_stats(std::function<telemetry::ReloadStats()> stats);

 private:
  struct Schedule;
  struct Member {
    std::shared_ptr<Instance> instance;
    std::shared_ptr<Schedule> schedule;  // null: a sink
    std::vector<http::Route> routes;     // at which it renders
    std::vector<http::Route> handlers;
  };
  using Key = std::pair<Kind, std::string>;
  using Instances = std::vector<std::shared_ptr<Instance>>;

  Instances make_instances(const Plan& plan);
  Instances take_out(const Plan& plan);
  void put_in(const Instances& fresh);
  void connect();
  [[nodiscard]] store::SeriesFilter sources_of(const std::string& sink) const;
  void add_routes(Member& member);
  void add_render_routes(Member& member);
  void add_handler_routes(Member& member);
  void hand_out(const std::shared_ptr<const Notice>& notice);
  void forward(const std::string& pipeline, const SinkQueue::Batch& batch);
  void refresh_details();
  void add_sink_numbers(const InstanceStatus& status, telemetry::Snapshot& snapshot) const;
  void schedule(const std::shared_ptr<Instance>& collector);
  boost::asio::awaitable<void> first_collections(const Instances& fresh);
  boost::asio::awaitable<void> run_schedule(std::shared_ptr<Instance> collector, std::shared_ptr<Schedule> schedule);
  boost::asio::awaitable<void> retire(const Instances& old, std::chrono::nanoseconds timeout, Verdict& verdict);

  Environment environment_;
  http::Router& router_;
  plugin::Stage stage_;
  config::Config config_;
  std::vector<InstanceSpec> specs_;
  Chain::Rules rules_;
  std::uint64_t generation_ = 0;
  bool stopping_ = false;
  std::atomic<bool> ready_ = false;
  const std::int64_t started_unix_ns_;

  mutable std::mutex mutex_;  // guards what status() and snapshot() read from any thread
  std::map<Key, Member> members_;
  Instances preparing_;
  const http::Server* server_ = nullptr;
  std::function<telemetry::ReloadStats()> reload_stats_;
};

}  // namespace sentinel::runtime
