#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "core/http/router.hpp"
#include "core/http/server.hpp"
#include "core/plugin/stage.hpp"
#include "core/runtime/exchange.hpp"
#include "core/runtime/instance.hpp"
#include "core/runtime/plan.hpp"
#include "core/runtime/pushdown.hpp"
#include "core/runtime/retirement.hpp"
#include "core/runtime/schedule.hpp"
#include "core/runtime/sink_routes.hpp"

namespace sentinel::runtime {

/// What an apply did.
struct Verdict {
  /// Why nothing was changed; then all that follows is empty.
  struct Refusal {
    std::string stage;  ///< "prepare", "commit"
    std::string reason;
  };
  std::optional<Refusal> refused;
  std::vector<std::string> started;
  std::vector<std::string> stopped;
  std::vector<std::pair<std::string, std::string>> not_running;  ///< instance and reason
  std::vector<std::pair<std::string, std::string>> hanging;      ///< instance and the call that did not return in time
  bool probation = false;                                        ///< what left stands by
  std::vector<std::pair<std::string, double>> seconds;           ///< each stage and how long it took
};

/// The instances that run, how records flow between them, and the schedule. Its only mutation is apply(): start, change
/// and stop all go through it; roll_back() is its inverse. Control loop, unless said.
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

  /// Makes the topology what `plan` says, whole or not at all: new instances are prepared beside the old, the old drain
  /// and save, the new restore and start, and the names switch as one step. A failure before that resumes the old set,
  /// and the verdict says what failed. The first apply has nothing to go back to: what fails then is `not_running`, and
  /// the rest runs. An empty plan stops everything.
  ///
  /// After a change what left stands by, drained, on probation of what entered, until end_probation() or roll_back().
  /// One apply, end_probation() or roll_back() at a time.
  boost::asio::awaitable<Verdict> apply(Plan plan);

  /// What the probation of the last change came to; `over`: whatever stood by may go. Called on the control loop, once
  /// a change.
  struct Probation {
    std::function<void()> over;
    std::function<void(const std::string& instance, const std::string& reason)> failed;
  };
  void on_probation(Probation events) { events_ = std::move(events); }
  [[nodiscard]] bool on_probation() const { return standby_ != nullptr; }
  /// Retires what stands by.
  boost::asio::awaitable<void> end_probation();
  /// Undoes the last change: what stood by goes on, with the state of what took its place.
  boost::asio::awaitable<void> roll_back();
  /// What runs, for a plan of the next change.
  [[nodiscard]] Running running() const;
  [[nodiscard]] const config::Config& config() const { return config_; }
  [[nodiscard]] const Chain::Rules& rules() const { return rules_; }
  /// Whether a start has gone through and no stop has begun. Any thread.
  [[nodiscard]] bool ready() const { return ready_; }

  /// The paths of the listener at which sinks render.
  [[nodiscard]] std::vector<std::string> render_paths() const { return routes_.render_paths(); }

  /// Receivers of posts that sinks added, by the courier's numbers.
  [[nodiscard]] std::vector<std::uint32_t> receivers() const;

  /// What the first sink that renders has to say, for `--once`.
  void render(std::function<void(Result<std::string>)> answer);

  /// Any thread.
  [[nodiscard]] std::vector<InstanceStatus> status() const;
  [[nodiscard]] telemetry::Snapshot snapshot() const override;
  /// Code that is still mapped though nothing needs it, and why. Control loop.
  [[nodiscard]] std::vector<plugin::Libraries::Zombie> zombies() const { return retirement_.zombies(); }
  /// Lets snapshot() show the listener's counters, while `server` lives or until null.
  void watch(const http::Server* server);
  /// What snapshot() says of reloads.
  void set_reload_stats(std::function<telemetry::ReloadStats()> stats);

 private:
  struct Member {
    std::shared_ptr<Instance> instance;
    std::shared_ptr<Schedule> schedule;  // null: a sink, or a collector that is not called
  };
  using Key = std::pair<Kind, std::string>;
  using Instances = std::vector<std::shared_ptr<Instance>>;
  using Before = std::tuple<config::Config, std::vector<InstanceSpec>, Chain::Rules>;

  /// What a change left behind, to go back to.
  struct Standby {
    Exchanges exchanges;
    Before before;
    std::map<Key, int> good_calls;  // of what entered
    boost::asio::steady_timer timer;
    bool ended = false;  // over or failed, and told
  };

  std::vector<Exchange> make_exchanges(const Plan& plan);
  boost::asio::awaitable<Result<void>> prepare(Exchanges& exchanges);
  [[nodiscard]] Result<void> check_routes(const Exchanges& exchanges) const;
  void connect_entering(const Exchanges& exchanges, const Plan& plan);
  std::vector<Demand> demands_on(const Instance& collector, const config::Config& config, const Chain::Rules& rules,
                                 const std::set<std::string>& sinks);
  boost::asio::awaitable<void> connect_chain();
  boost::asio::awaitable<Before> switch_to(Plan plan, const Exchanges& exchanges);
  static void tell_outcome(const Exchanges& exchanges, Verdict& verdict);
  boost::asio::awaitable<void> abandon(Exchanges& exchanges);
  boost::asio::awaitable<void> stop_all(Verdict& verdict);
  [[nodiscard]] std::map<Key, std::shared_ptr<Instance>> after(const Exchanges& exchanges) const;
  void hold(const Exchange& exchange);
  void release(const std::shared_ptr<Instance>& instance, std::uint64_t served_ns = 0);
  void replace(const std::shared_ptr<Instance>& leaves, const std::shared_ptr<Instance>& enters);
  void connect();
  static void connect_collector(Instance& collector, const config::Config& config,
                                const std::map<std::string, std::shared_ptr<Inbox>>& inboxes);
  std::shared_ptr<Standby> stand_by(const Exchanges& exchanges, Before before);
  void judge(Standby& standby, const Key& who, const std::string& what, const Result<void>& result);
  void hand_out(const std::shared_ptr<const Notice>& notice);
  void forward(const std::string& pipeline, const SinkQueue::Batch& batch);
  void before_self();
  void add_sink_numbers(const InstanceStatus& status, telemetry::Snapshot& snapshot) const;
  boost::asio::awaitable<void> first_collections(const Exchanges& exchanges);

  Retirement retirement_;
  Environment environment_;
  plugin::Stage stage_;
  config::Config config_;
  std::vector<InstanceSpec> specs_;
  Chain::Rules rules_;
  DemandIds demand_ids_;
  std::uint64_t generation_ = 0;
  bool stopping_ = false;
  std::atomic<bool> ready_ = false;
  const std::int64_t started_unix_ns_;
  SinkRoutes routes_;
  std::shared_ptr<Standby> standby_;
  Probation events_;

  mutable std::mutex mutex_;  // guards what status() and snapshot() read from any thread
  std::map<Key, Member> members_;
  Instances preparing_;
  const http::Server* server_ = nullptr;
  std::function<telemetry::ReloadStats()> reload_stats_;
};

}  // namespace sentinel::runtime
