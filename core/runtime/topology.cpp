#include "core/runtime/topology.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <charconv>
#include <utility>

#include "core/runtime/await_all.hpp"
#include "core/runtime/sources.hpp"
#include "core/telemetry/log.hpp"

namespace sentinel::runtime {
namespace asio = boost::asio;
using std::chrono::nanoseconds;
using std::chrono::steady_clock;

namespace {

/// Good calls of each new instance after which nobody doubts it any more.
constexpr int calls_of_probation = 3;

/// Notes how long each stage took.
class Stopwatch {
 public:
  explicit Stopwatch(Verdict& verdict) : verdict_(verdict) {}
  void lap(std::string stage) {
    const auto now = steady_clock::now();
    verdict_.seconds.emplace_back(std::move(stage), std::chrono::duration<double>(now - last_).count());
    last_ = now;
  }

 private:
  Verdict& verdict_;
  steady_clock::time_point last_ = steady_clock::now();
};

}  // namespace

Topology::Topology(const Parts& parts, plugin::Stage stage)
    : retirement_(parts.control, parts.workers),
      environment_{parts.control, parts.workers,           parts.store, parts.clock,  *this,
                   parts.labels,  retirement_.libraries(), parts.chain, parts.courier},
      stage_(std::move(stage)),
      started_unix_ns_(parts.clock.unix_ns()),
      routes_(parts.router, [this](const std::string& sink) -> std::shared_ptr<Instance> {
        const auto found = members_.find(Key(Kind::sink, sink));
        return found == members_.end() ? nullptr : found->second.instance;
      }) {
  if (parts.chain == nullptr) return;
  parts.chain->connect({[this](const auto& notice) { hand_out(notice); },
                        [this](const auto& pipeline, const auto& batch) { forward(pipeline, batch); }});
}

Topology::~Topology() = default;

asio::awaitable<Verdict> Topology::apply(Plan plan) {
  Verdict verdict;
  if (plan.instances.empty()) {
    co_await stop_all(verdict);
    co_return verdict;
  }
  const bool first = members_.empty();
  co_await end_probation();
  Exchanges exchanges(environment_.control, make_exchanges(plan));

  Stopwatch stopwatch(verdict);
  const Result<void> prepared = co_await prepare(exchanges);
  stopwatch.lap("prepare");
  if (!first && !prepared) {
    co_await abandon(exchanges);
    verdict.refused = Verdict::Refusal{"prepare", prepared.error().message};
    co_return verdict;
  }
  for (const auto& exchange : exchanges.all()) hold(exchange);
  connect_entering(exchanges, plan);
  const Result<void> handed_over = co_await exchanges.hand_over();
  if (!first && !handed_over) {
    co_await exchanges.resume();
    for (const auto& exchange : exchanges.all()) release(exchange.leaves);
    stopwatch.lap("commit");
    co_await abandon(exchanges);
    verdict.refused = Verdict::Refusal{"commit", handed_over.error().message};
    co_return verdict;
  }

  Before before = co_await switch_to(std::move(plan), exchanges);
  stopwatch.lap("commit");

  const std::shared_ptr<Standby> standby = first ? nullptr : stand_by(exchanges, std::move(before));
  co_await first_collections(exchanges);
  tell_outcome(exchanges, verdict);
  verdict.probation = standby != nullptr && standby_ == standby;
  ready_ = true;
  co_return verdict;
}

asio::awaitable<Topology::Before> Topology::switch_to(Plan plan, const Exchanges& exchanges) {
  // Up to connect() nothing else runs on the control loop: that is the switch.
  {
    const std::lock_guard lock(mutex_);
    preparing_.clear();
  }
  for (const auto& exchange : exchanges.all()) replace(exchange.leaves, exchange.enters);
  Before before(std::exchange(config_, std::move(plan.config)), std::exchange(specs_, std::move(plan.instances)),
                std::exchange(rules_, std::move(plan.rules)));
  connect();
  co_await connect_chain();
  for (const auto& exchange : exchanges.all()) {
    if (exchange.enters) exchange.enters->go_live();
  }
  co_return before;
}

void Topology::tell_outcome(const Exchanges& exchanges, Verdict& verdict) {
  for (const auto& exchange : exchanges.all()) {
    if (!exchange.enters) {
      verdict.stopped.push_back(exchange.name);
      continue;
    }
    const auto status = exchange.enters->status();
    if (status.started_unix_ns != 0) {
      verdict.started.push_back(exchange.name);
    } else {
      verdict.not_running.emplace_back(exchange.name, status.last_error ? status.last_error->message : "");
    }
  }
}

std::vector<Exchange> Topology::make_exchanges(const Plan& plan) {
  std::set<std::string> leaving;
  for (const auto& step : plan.steps) {
    if (step.what == "collector" && step.action == Action::removed) leaving.insert(step.name);
  }
  std::vector<Exchange> made;
  const auto add = [&](Kind kind, const std::string& name) {
    Exchange exchange;
    exchange.kind = kind;
    exchange.name = name;
    if (const auto found = members_.find(Key(kind, name)); found != members_.end()) {
      exchange.leaves = found->second.instance;
    }
    if (const auto* spec = plan.find(kind, name); spec != nullptr) {
      exchange.enters = std::make_shared<Instance>(environment_, *spec, ++generation_, leaving);
    }
    if (!exchange.leaves && !exchange.enters) return;
    exchange.may_fail = members_.empty() || (exchange.leaves && !exchange.leaves->started());
    exchange.may_fail |= exchange.enters && !exchange.enters->spec().unavailable.empty();
    made.push_back(std::move(exchange));
  };
  for (const auto& step : plan.steps) {
    if (step.action == Action::kept) continue;
    if (step.what == to_string(Kind::collector)) add(Kind::collector, step.name);
    if (step.what == to_string(Kind::sink)) add(Kind::sink, step.name);
  }
  // `self` is in no file.
  if (members_.empty()) add(Kind::collector, std::string(config::self_name));
  return made;
}

asio::awaitable<Result<void>> Topology::prepare(Exchanges& exchanges) {
  if (members_.empty()) {
    const std::lock_guard lock(mutex_);
    for (const auto& exchange : exchanges.all()) preparing_.push_back(exchange.enters);
  }
  const Result<void> prepared = co_await exchanges.prepare(stage_);
  if (!prepared) co_return prepared;
  co_return check_routes(exchanges);
}

Result<void> Topology::check_routes(const Exchanges& exchanges) const {
  SinkRoutes::Sinks sinks;
  for (const auto& [key, member] : after(exchanges)) {
    if (key.first == Kind::sink) sinks.push_back(member);
  }
  return routes_.check(sinks);
}

/// The members as they will be once the exchanges are made.
std::map<Topology::Key, std::shared_ptr<Instance>> Topology::after(const Exchanges& exchanges) const {
  std::map<Key, std::shared_ptr<Instance>> all;
  for (const auto& [key, member] : members_) all.emplace(key, member.instance);
  for (const auto& exchange : exchanges.all()) {
    if (exchange.enters) {
      all[{exchange.kind, exchange.name}] = exchange.enters;
    } else {
      all.erase({exchange.kind, exchange.name});
    }
  }
  return all;
}

/// Tells collectors that enter where they send their records, from the very first on, and who consumes their events. A
/// sink that takes another's place will have its inbox.
void Topology::connect_entering(const Exchanges& exchanges, const Plan& plan) {
  std::map<std::string, std::shared_ptr<Inbox>> inboxes;
  for (const auto& [key, instance] : after(exchanges)) {
    if (key.first != Kind::sink || !instance->consumes()) continue;
    const auto found = members_.find(key);
    inboxes[key.second] = found == members_.end() ? instance->inbox() : found->second.instance->inbox();
  }
  std::set<std::string> sinks;
  for (const auto& [name, inbox] : inboxes) sinks.insert(name);
  for (const auto& exchange : exchanges.all()) {
    if (exchange.kind != Kind::collector || !exchange.enters) continue;
    connect_collector(*exchange.enters, plan.config, inboxes);
    exchange.enters->set_demands(demands_on(*exchange.enters, plan.config, plan.rules, sinks));
  }
}

/// Who consumes the events of a collector.
std::vector<Demand> Topology::demands_on(const Instance& collector, const config::Config& config,
                                         const Chain::Rules& rules, const std::set<std::string>& sinks) {
  static const Chain::Rules none;
  const Consumers consumers{config, environment_.chain != nullptr ? rules : none, sinks};
  return demands_of(collector.name(), collector.offered_events(), consumers, demand_ids_);
}

/// Has the chain run the rules that there are, and then collectors know of it: what a rule has folded must find it.
asio::awaitable<void> Topology::connect_chain() {
  std::set<std::string> sinks;
  for (const auto& [key, member] : members_) {
    if (key.first == Kind::sink && member.instance->consumes()) sinks.insert(key.second);
  }
  std::vector<std::pair<std::shared_ptr<Instance>, std::vector<Demand>>> offers;
  std::vector<rules::FoldedWindow> folds;
  for (const auto& [key, member] : members_) {
    if (key.first != Kind::collector) continue;
    offers.emplace_back(member.instance, demands_on(*member.instance, config_, rules_, sinks));
    add_folds(key.second, offers.back().second, folds);
  }
  if (environment_.chain != nullptr) co_await environment_.chain->set_rules(rules_, std::move(folds));
  for (auto& [collector, demands] : offers) collector->set_demands(std::move(demands));
}

asio::awaitable<void> Topology::abandon(Exchanges& exchanges) {
  Instances entering;
  for (const auto& exchange : exchanges.all()) {
    if (exchange.enters) entering.push_back(exchange.enters);
  }
  co_await retirement_.retire(std::move(entering), config_.agent.stop_timeout);
}

void Topology::hold(const Exchange& exchange) {
  const auto found = members_.find({exchange.kind, exchange.name});
  if (found != members_.end() && found->second.schedule) found->second.schedule->hold();
}

/// Has the schedule of a member go on with what runs under its name.
void Topology::release(const std::shared_ptr<Instance>& instance, std::uint64_t served_ns) {
  if (!instance || instance->spec().kind != Kind::collector) return;
  const auto found = members_.find({Kind::collector, instance->name()});
  if (found == members_.end() || found->second.instance != instance) return;
  auto& schedule = found->second.schedule;
  if (!instance->collects()) {
    if (schedule) std::exchange(schedule, nullptr)->stop();
  } else if (schedule) {
    schedule->release(instance, served_ns);
  } else {
    auto before = instance->name() == config::self_name ? std::function<void()>([this] { before_self(); }) : nullptr;
    schedule = std::make_shared<Schedule>(environment_.control, environment_.clock, instance, std::move(before));
    schedule->begin();
  }
}

void Topology::replace(const std::shared_ptr<Instance>& leaves, const std::shared_ptr<Instance>& enters) {
  const Instance& named = enters ? *enters : *leaves;
  const Key key(named.spec().kind, named.name());
  if (!enters) leaves->hide_series();
  if (enters && leaves && enters != leaves) enters->take_over(*leaves);
  const std::lock_guard lock(mutex_);
  if (enters) {
    members_[key].instance = enters;
    return;
  }
  const auto gone = members_.extract(key);
  if (!gone.empty() && gone.mapped().schedule) gone.mapped().schedule->stop();
}

/// Makes records and requests flow as config_ says, between the members that there are.
void Topology::connect() {
  SinkRoutes::Sinks sinks;
  std::map<std::string, std::shared_ptr<Inbox>> inboxes;
  for (const auto& [key, member] : members_) {
    if (key.first != Kind::sink) continue;
    sinks.push_back(member.instance);
    member.instance->set_sources(sources_of(config_, rules_, key.second));
    if (member.instance->consumes()) inboxes[key.second] = member.instance->inbox();
  }
  routes_.set(sinks);
  for (const auto& [key, member] : members_) {
    if (key.first == Kind::collector) connect_collector(*member.instance, config_, inboxes);
  }
}

void Topology::connect_collector(Instance& collector, const config::Config& config,
                                 const std::map<std::string, std::shared_ptr<Inbox>>& inboxes) {
  std::set<std::shared_ptr<Inbox>> sinks;
  for (const auto& pipeline : config.pipelines) {
    // What has a filter or windows goes through the chain.
    if (pipeline.filter || !pipeline.windows.empty()) continue;
    if (std::find(pipeline.from.begin(), pipeline.from.end(), collector.name()) == pipeline.from.end()) continue;
    for (const auto& name : pipeline.to) {
      if (const auto found = inboxes.find(name); found != inboxes.end()) sinks.insert(found->second);
    }
  }
  collector.set_sinks({sinks.begin(), sinks.end()});
}

asio::awaitable<void> Topology::first_collections(const Exchanges& exchanges) {
  const std::uint64_t now = environment_.clock.boottime_ns();
  // Each goes on with its own ticks as soon as it can: the slowest must not cost the others any.
  const auto collect = [](Topology& topology, std::shared_ptr<Instance> instance,
                          std::uint64_t tick_ns) -> asio::awaitable<void> {
    co_await instance->collect(tick_ns);
    topology.release(instance, tick_ns);
  };
  std::vector<asio::awaitable<void>> collections;
  std::shared_ptr<Instance> self;
  for (const auto& exchange : exchanges.all()) {
    const auto& instance = exchange.enters;
    if (!instance || exchange.kind != Kind::collector || !instance->usable() || !instance->collects()) {
      release(instance, now);
    } else if (instance->name() == config::self_name) {
      self = instance;
    } else {
      collections.push_back(collect(*this, instance, now));
    }
  }
  co_await await_all(environment_.control, std::move(collections));
  if (!self) co_return;
  co_await self->collect(now);  // last, so that it shows how the others fared
  release(self, now);
}

std::shared_ptr<Topology::Standby> Topology::stand_by(const Exchanges& exchanges, Before before) {
  if (exchanges.all().empty()) return nullptr;
  standby_ =
      std::make_shared<Standby>(Standby{exchanges, std::move(before), {}, asio::steady_timer(environment_.control)});
  for (const auto& exchange : exchanges.all()) {
    if (!exchange.enters) continue;
    const Key key(exchange.kind, exchange.name);
    standby_->good_calls[key] = 0;
    // What did not do well before is no worse now.
    const bool may_fail = exchange.may_fail || (exchange.leaves && !exchange.leaves->did_well());
    auto judged = [this, weak = std::weak_ptr(standby_), key, may_fail](const auto& what, const auto& result) {
      if (const auto standby = weak.lock()) judge(*standby, key, what, may_fail ? Result<void>() : result);
    };
    exchange.enters->observe(std::move(judged), !may_fail);
  }
  standby_->timer.expires_after(config_.agent.probation);
  standby_->timer.async_wait([this, weak = std::weak_ptr(standby_)](const boost::system::error_code& failed) {
    const auto standby = weak.lock();
    if (failed || !standby || std::exchange(standby->ended, true)) return;
    if (events_.over) events_.over();
  });
  return standby_;
}

void Topology::judge(Standby& standby, const Key& who, const std::string& what, const Result<void>& result) {
  if (standby.ended) return;
  if (!result) {
    standby.ended = true;
    if (events_.failed) events_.failed(who.second, what + ": " + result.error().message);
    return;
  }
  ++standby.good_calls[who];
  const bool all_good = std::all_of(standby.good_calls.begin(), standby.good_calls.end(),
                                    [](const auto& calls) { return calls.second >= calls_of_probation; });
  if (!all_good) return;
  standby.ended = true;
  if (events_.over) events_.over();
}

asio::awaitable<void> Topology::end_probation() {
  const auto standby = std::exchange(standby_, nullptr);
  if (!standby) co_return;
  standby->timer.cancel();
  Instances old;
  for (const auto& exchange : standby->exchanges.all()) {
    if (exchange.enters) exchange.enters->observe(nullptr);
    if (exchange.leaves) old.push_back(exchange.leaves);
  }
  co_await retirement_.retire(std::move(old), config_.agent.stop_timeout);
}

asio::awaitable<void> Topology::roll_back() {
  const auto standby = std::exchange(standby_, nullptr);
  if (!standby) co_return;
  standby->timer.cancel();
  auto& exchanges = standby->exchanges;
  for (const auto& exchange : exchanges.all()) {
    // What it gave back is not for it to try again.
    if (exchange.enters) exchange.enters->observe(nullptr, true);
    hold(exchange);
  }
  co_await exchanges.hand_back(environment_, generation_);
  // The switch, as in apply().
  for (const auto& exchange : exchanges.all()) replace(exchange.enters, exchange.leaves);
  std::tie(config_, specs_, rules_) = std::move(standby->before);
  connect();
  co_await connect_chain();
  Instances bad;
  for (const auto& exchange : exchanges.all()) {
    if (exchange.leaves) {
      exchange.leaves->go_live();
      release(exchange.leaves);
    }
    if (exchange.enters) bad.push_back(exchange.enters);
    if (exchange.spare) bad.push_back(exchange.spare);
  }
  co_await retirement_.retire(std::move(bad), config_.agent.stop_timeout);
}

asio::awaitable<void> Topology::stop_all(Verdict& verdict) {
  ready_ = false;
  stopping_ = true;
  Instances old;
  if (const auto standby = std::exchange(standby_, nullptr)) {
    standby->timer.cancel();
    for (const auto& exchange : standby->exchanges.all()) {
      if (exchange.leaves) old.push_back(exchange.leaves);
    }
  }
  {
    const std::lock_guard lock(mutex_);
    for (auto& [key, member] : members_) {
      if (member.schedule) member.schedule->stop();
      old.push_back(member.instance);
    }
    members_.clear();
  }
  routes_.clear();
  const nanoseconds timeout = config_.agent.stop_timeout;
  // A stop resolves no alert: what fires goes on firing in the next process.
  config_ = {};
  specs_.clear();
  Retirement::Outcome outcome = co_await retirement_.retire_for_good(std::move(old), timeout);
  verdict.stopped = std::move(outcome.stopped);
  verdict.hanging = std::move(outcome.hanging);
}

void Topology::hand_out(const std::shared_ptr<const Notice>& notice) {
  if (stopping_) return;  // the next process hands it out
  for (const auto& name : notice->sinks) {
    auto taken = [this, id = notice->id, name] { environment_.chain->taken(id, name); };
    const auto found = members_.find(Key(Kind::sink, name));
    if (found != members_.end() && found->second.instance->takes_alerts()) {
      found->second.instance->alert(notice, std::move(taken));
    } else {
      telemetry::log_error(name, "no sink of this name takes alerts now: the alert is not told");
      taken();
    }
  }
}

void Topology::forward(const std::string& pipeline, const SinkQueue::Batch& batch) {
  const config::Pipeline* found = config_.find_pipeline(pipeline);
  if (found == nullptr) return;
  for (const auto& name : found->to) {
    const auto sink = members_.find(Key(Kind::sink, name));
    if (sink != members_.end() && sink->second.instance->consumes()) sink->second.instance->inbox()->deliver(batch);
  }
}

/// What `self` is about to show is brought up to date.
void Topology::before_self() {
  for (const auto& [key, member] : members_) {
    if (key.first == Kind::sink) member.instance->refresh_details();
  }
  retirement_.clean_up(config_.agent.stop_timeout);
}

Running Topology::running() const {
  Running running{config_, specs_, {}};
  for (const auto& [key, member] : members_) {
    const auto status = member.instance->status();
    if (status.state != State::failed && status.state != State::unavailable) continue;
    running.broken[key] = status.last_error ? status.last_error->message : "it did not start";
  }
  return running;
}

std::vector<std::uint32_t> Topology::receivers() const {
  std::set<std::uint32_t> all;
  for (const auto& [key, member] : members_) {
    for (const auto id : member.instance->receivers()) all.insert(id);
  }
  return {all.begin(), all.end()};
}

void Topology::render(std::function<void(Result<std::string>)> answer) {
  for (const auto& [key, member] : members_) {
    if (key.first == Kind::sink && !member.instance->routes().empty()) {
      member.instance->render(std::move(answer));
      return;
    }
  }
  answer(Error{Errc::not_found, "no sink renders text: add `prometheus: {plugin: prometheus}` to `sinks:`"});
}

std::vector<InstanceStatus> Topology::status() const {
  std::vector<InstanceStatus> all_of_them;
  const std::lock_guard lock(mutex_);
  for (const auto& [key, member] : members_) all_of_them.push_back(member.instance->status());
  for (const auto& instance : preparing_) all_of_them.push_back(instance->status());
  return all_of_them;
}

telemetry::Snapshot Topology::snapshot() const {
  telemetry::Snapshot snapshot;
  for (auto& status : status()) {
    snapshot.plugins.push_back({status.spec.name, status.spec.plugin, std::string(to_string(status.spec.kind)),
                                status.spec.version, status.spec.sha256, status.generation});
    if (status.spec.kind == Kind::collector) {
      // `self` is in the midst of the collection that shows it: whoever sees it sees a success.
      if (status.spec.name == config::self_name) status.collector.up = true;
      snapshot.collectors.push_back(std::move(status.collector));
    } else {
      add_sink_numbers(status, snapshot);
      snapshot.sinks.push_back(std::move(status.sink));
    }
  }
  if (environment_.chain != nullptr) snapshot.chain = environment_.chain->stats();
  if (environment_.courier != nullptr) {
    for (const auto& receiver : environment_.courier->stats()) {
      snapshot.receivers.push_back(
          {receiver.name, receiver.up, receiver.pending, receiver.delivered, receiver.dropped, receiver.retries});
    }
  }
  snapshot.libraries = retirement_.stats();
  snapshot.libraries.records_lost = environment_.records_lost;
  snapshot.store = environment_.store.stats();
  snapshot.worker_threads = environment_.workers.threads();
  snapshot.worker_queue = environment_.workers.queued();
  snapshot.start_unix_seconds = static_cast<double>(started_unix_ns_) / 1e9;
  const std::lock_guard lock(mutex_);
  if (reload_stats_) snapshot.reload = reload_stats_();
  if (server_ == nullptr) return snapshot;
  const http::Counters counters = server_->counters();
  snapshot.listener = {counters.connections_open, counters.connections_accepted, counters.connections_rejected, {}};
  for (std::size_t code = 2; code < counters.responses.size(); ++code) {
    snapshot.listener.responses[std::to_string(code) + "xx"] = counters.responses[code];
  }
  return snapshot;
}

void Topology::add_sink_numbers(const InstanceStatus& status, telemetry::Snapshot& snapshot) const {
  for (const auto& row : status.details) {
    if (row.table != "counters" && row.table != "gauges") continue;
    telemetry::SinkNumber number{status.spec.name, {}, 0};
    for (const auto& [key, value] : row.cells) {
      if (key == "name") number.name = value;
      if (key == "value") std::from_chars(value.data(), value.data() + value.size(), number.value);
    }
    if (number.name.empty()) continue;
    (row.table == "counters" ? snapshot.sink_counters : snapshot.sink_gauges).push_back(std::move(number));
  }
}

void Topology::set_reload_stats(std::function<telemetry::ReloadStats()> stats) {
  const std::lock_guard lock(mutex_);
  reload_stats_ = std::move(stats);
}

void Topology::watch(const http::Server* server) {
  const std::lock_guard lock(mutex_);
  server_ = server;
}

}  // namespace sentinel::runtime
