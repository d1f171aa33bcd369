#include "core/runtime/topology.hpp"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <charconv>
#include <exception>

#include "core/telemetry/log.hpp"

namespace sentinel::runtime {
namespace asio = boost::asio;
using std::chrono::nanoseconds;
using std::chrono::steady_clock;

namespace {

/// Whether a selector takes a live series.
bool selects(const rules::Selector& selector, const store::MetricInfo& info, const store::LabelSet& labels,
             double value) {
  if (!selector.matches_metric(info.decl.name)) return false;
  if (selector.comparison && !rules::holds(*selector.comparison, value, selector.value)) return false;
  return std::all_of(selector.matchers.begin(), selector.matchers.end(), [&](const rules::Matcher& matcher) {
    const auto& keys = info.keys();
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (from_abi(keys[i]) == matcher.label()) return matcher.matches(from_abi(labels.values()[i]));
    }
    return matcher.matches({});
  });
}

/// Runs all of them at once and returns when all are done, or at `until`.
asio::awaitable<void> all(asio::io_context& control, std::vector<asio::awaitable<void>> tasks,
                          steady_clock::time_point until = steady_clock::time_point::max()) {
  struct Latch {
    explicit Latch(asio::io_context& context) : done(context) {}
    std::size_t open = 0;
    asio::steady_timer done;
  };
  const auto latch = std::make_shared<Latch>(control);
  latch->open = tasks.size();
  latch->done.expires_at(until);
  for (auto& task : tasks) {
    auto one_done = [latch](const std::exception_ptr& thrown) {
      if (thrown) std::rethrow_exception(thrown);  // a programmer's error: out of run(), and caught in main
      if (--latch->open == 0) latch->done.cancel();
    };
    asio::co_spawn(control, std::move(task), std::move(one_done));
  }
  if (latch->open > 0) co_await latch->done.async_wait(asio::as_tuple(asio::use_awaitable));
}

asio::awaitable<void> retire_one(std::shared_ptr<Instance> instance, steady_clock::time_point deadline,
                                 std::shared_ptr<std::vector<std::string>> stopped) {
  const Result<void> retired = co_await instance->retire(deadline);
  if (retired) stopped->push_back(instance->name());
}

}  // namespace

/// The wait of one collector for its next tick.
struct Topology::Schedule {
  explicit Schedule(asio::io_context& control) : timer(control) {}
  asio::steady_timer timer;
  bool stopped = false;
};

Topology::Topology(const Parts& parts, plugin::Stage stage)
    : environment_{parts.control, parts.workers, parts.store, parts.clock,
                   *this,         parts.labels,  parts.chain, parts.courier},
      router_(parts.router),
      stage_(std::move(stage)),
      started_unix_ns_(parts.clock.unix_ns()) {
  if (parts.chain == nullptr) return;
  parts.chain->connect({[this](const auto& notice) { hand_out(notice); },
                        [this](const auto& pipeline, const auto& batch) { forward(pipeline, batch); }});
}

Topology::~Topology() = default;

asio::awaitable<Verdict> Topology::apply(Plan plan) {
  Verdict verdict;
  if (plan.instances.empty()) ready_ = false;

  const Instances fresh = make_instances(plan);
  {
    const std::lock_guard lock(mutex_);
    preparing_ = fresh;
  }
  std::vector<asio::awaitable<void>> preparations;
  for (const auto& instance : fresh) preparations.push_back(instance->prepare(stage_));
  co_await all(environment_.control, std::move(preparations));

  // From here to connect() nothing else runs on the control loop: that is the switch.
  const Instances old = take_out(plan);
  const nanoseconds stop_timeout = config_.agent.stop_timeout;
  put_in(fresh);
  stopping_ = plan.instances.empty();
  config_ = std::move(plan.config);
  specs_ = std::move(plan.instances);
  rules_ = std::move(plan.rules);
  connect();
  // A stop resolves no alert: what fires goes on firing in the next process.
  if (environment_.chain != nullptr && !stopping_) co_await environment_.chain->set_rules(rules_);

  std::vector<asio::awaitable<void>> starts;
  for (const auto& instance : fresh) starts.push_back(instance->start());
  co_await all(environment_.control, std::move(starts));
  co_await first_collections(fresh);
  for (const auto& instance : fresh) {
    if (instance->spec().kind == Kind::collector) schedule(instance);
    const auto status = instance->status();
    if (status.started_unix_ns != 0) {
      verdict.started.push_back(instance->name());
    } else {
      verdict.not_running.emplace_back(instance->name(), status.last_error ? status.last_error->message : "");
    }
  }
  if (!members_.empty()) ready_ = true;

  co_await retire(old, stop_timeout, verdict);
  co_return verdict;
}

Topology::Instances Topology::make_instances(const Plan& plan) {
  Instances made;
  const auto add = [&](Kind kind, const config::Change& change) {
    if (change.kind != config::ChangeKind::added && change.kind != config::ChangeKind::changed) return;
    if (const auto* spec = plan.find(kind, change.name); spec != nullptr) {
      made.push_back(std::make_shared<Instance>(environment_, *spec, ++generation_));
    }
  };
  for (const auto& change : plan.diff.collectors) add(Kind::collector, change);
  for (const auto& change : plan.diff.sinks) add(Kind::sink, change);
  const bool have_self = members_.contains({Kind::collector, std::string(config::self_name)});
  if (const auto* self = plan.find(Kind::collector, config::self_name); self != nullptr && !have_self) {
    made.push_back(std::make_shared<Instance>(environment_, *self, ++generation_));
  }
  return made;
}

Topology::Instances Topology::take_out(const Plan& plan) {
  Instances old;
  const std::lock_guard lock(mutex_);
  const auto take = [&](Kind kind, std::string_view name) {
    auto node = members_.extract(Key(kind, name));
    if (node.empty()) return;
    if (node.mapped().schedule) {
      node.mapped().schedule->stopped = true;
      node.mapped().schedule->timer.cancel();
    }
    old.push_back(node.mapped().instance);
  };
  const auto goes = [](const config::Change& change) {
    return change.kind == config::ChangeKind::removed || change.kind == config::ChangeKind::changed;
  };
  for (const auto& change : plan.diff.collectors) {
    if (goes(change)) take(Kind::collector, change.name);
  }
  for (const auto& change : plan.diff.sinks) {
    if (goes(change)) take(Kind::sink, change.name);
  }
  // `self` is in no file: it goes when all go.
  if (plan.instances.empty()) take(Kind::collector, config::self_name);
  return old;
}

void Topology::put_in(const Instances& fresh) {
  {
    const std::lock_guard lock(mutex_);
    preparing_.clear();
  }
  for (const auto& instance : fresh) {
    Member member;
    member.instance = instance;
    add_routes(member);
    const std::lock_guard lock(mutex_);
    members_.insert_or_assign(Key(instance->spec().kind, instance->name()), std::move(member));
  }
}

void Topology::add_routes(Member& member) {
  add_render_routes(member);
  add_handler_routes(member);
}

void Topology::add_render_routes(Member& member) {
  for (const auto& wanted : member.instance->routes()) {
    auto handler = [instance = member.instance, type = wanted.content_type](const http::Request&, http::Reply reply) {
      auto answer = [reply, type](const Result<std::string>& text) {
        if (!text) {
          reply(http::Response::text(503, text.error().message));
          return;
        }
        http::Response response;
        response.content_type = type;
        response.body = *text;
        reply(std::move(response));
      };
      instance->render(std::move(answer));
    };
    auto route = router_.add("GET", wanted.path, http::Access::open, std::move(handler),
                             "what sink '" + member.instance->name() + "' shows");
    if (route) {
      member.routes.push_back(std::move(*route));
    } else {
      telemetry::log_error(member.instance->name(), "path " + wanted.path + ": " + route.error().message);
    }
  }
}

void Topology::add_handler_routes(Member& member) {
  for (const auto& wanted : member.instance->handlers()) {
    auto handler = [instance = member.instance](http::Request request, http::Reply reply) {
      instance->handle(std::move(request), std::move(reply));
    };
    auto route = router_.add(wanted.method, wanted.path, http::Access::guarded, std::move(handler),
                             "answered by sink '" + member.instance->name() + "'");
    if (route) {
      member.handlers.push_back(std::move(*route));
    } else {
      telemetry::log_error(member.instance->name(), wanted.method + " " + wanted.path + ": " + route.error().message);
    }
  }
}

void Topology::connect() {
  std::map<std::string, std::set<std::string>> sinks;
  for (const auto& pipeline : config_.pipelines) {
    // What has a filter or windows goes through the chain.
    if (pipeline.filter || !pipeline.windows.empty()) continue;
    for (const auto& from : pipeline.from) sinks[from].insert(pipeline.to.begin(), pipeline.to.end());
  }
  for (const auto& [key, member] : members_) {
    if (key.first == Kind::sink) {
      member.instance->set_sources(sources_of(key.second));
      continue;
    }
    Instances consumers;
    for (const auto& name : sinks[key.second]) {
      const auto found = members_.find(Key(Kind::sink, name));
      if (found != members_.end() && found->second.instance->consumes()) consumers.push_back(found->second.instance);
    }
    member.instance->set_sinks(std::move(consumers));
  }
}

store::SeriesFilter Topology::sources_of(const std::string& sink) const {
  struct Source {
    std::set<std::string, std::less<>> instances;
    std::shared_ptr<const rules::Rule> rule;  // null: all of their series
  };
  auto sources = std::make_shared<std::vector<Source>>();
  for (const auto& pipeline : config_.pipelines) {
    if (std::find(pipeline.to.begin(), pipeline.to.end(), sink) == pipeline.to.end()) continue;
    Source source{{pipeline.from.begin(), pipeline.from.end()}, nullptr};
    if (!pipeline.windows.empty()) {
      source.instances = {WindowValues::producer_name(pipeline.name)};
    } else if (pipeline.filter) {
      const auto rule =
          std::find_if(rules_.begin(), rules_.end(), [&](const auto& other) { return other->name == pipeline.name; });
      if (rule == rules_.end()) continue;
      source.rule = *rule;
    }
    sources->push_back(std::move(source));
  }
  using Take = store::SeriesFilter::Take;
  const auto metric = [sources](const store::MetricInfo& info) {
    Take take = Take::none;
    for (const auto& source : *sources) {
      if (!source.instances.contains(info.instance)) continue;
      if (!source.rule) return Take::all;
      if (source.rule->filter->matches_metric(info.decl.name)) take = Take::some;
    }
    return take;
  };
  const auto series = [sources](const store::MetricInfo& info, const store::LabelSet& labels, double value) {
    return std::any_of(sources->begin(), sources->end(), [&](const Source& source) {
      return source.rule && source.instances.contains(info.instance) &&
             selects(*source.rule->filter, info, labels, value);
    });
  };
  return {metric, series};
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
    if (sink != members_.end() && sink->second.instance->consumes()) sink->second.instance->deliver(batch);
  }
}

void Topology::refresh_details() {
  for (const auto& [key, member] : members_) {
    if (key.first == Kind::sink) member.instance->refresh_details();
  }
}

asio::awaitable<void> Topology::first_collections(const Instances& fresh) {
  const std::uint64_t now = environment_.clock.boottime_ns();
  std::vector<asio::awaitable<void>> collections;
  std::shared_ptr<Instance> self;
  for (const auto& instance : fresh) {
    if (instance->spec().kind != Kind::collector || !instance->usable() || !instance->collects()) continue;
    if (instance->name() == config::self_name) {
      self = instance;
    } else {
      collections.push_back(instance->collect(now));
    }
  }
  co_await all(environment_.control, std::move(collections));
  if (self) co_await self->collect(now);  // last, so that it shows how the others fared
}

void Topology::schedule(const std::shared_ptr<Instance>& collector) {
  const auto found = members_.find(Key(Kind::collector, collector->name()));
  if (found == members_.end() || found->second.instance != collector || !collector->collects()) return;
  found->second.schedule = std::make_shared<Schedule>(environment_.control);
  asio::co_spawn(environment_.control, run_schedule(collector, found->second.schedule), asio::detached);
}

asio::awaitable<void> Topology::run_schedule(std::shared_ptr<Instance> collector, std::shared_ptr<Schedule> schedule) {
  // Ticks are the multiples of the interval, so that all collectors of one interval wake the agent once.
  const auto every = static_cast<std::uint64_t>(collector->spec().every.count());
  std::uint64_t tick = environment_.clock.boottime_ns() / every * every;
  while (true) {
    tick += every;
    const std::uint64_t now = environment_.clock.boottime_ns();
    if (tick <= now) {  // a collection took longer than the interval
      collector->skip(tick);
      continue;
    }
    schedule->timer.expires_after(nanoseconds(tick - now));
    co_await schedule->timer.async_wait(asio::as_tuple(asio::use_awaitable));
    if (schedule->stopped) break;
    if (collector->name() == config::self_name) refresh_details();
    if (collector->usable()) {
      co_await collector->collect(tick);
    } else {
      collector->skip(tick);
    }
    if (schedule->stopped) break;
  }
}

asio::awaitable<void> Topology::retire(const Instances& old, nanoseconds timeout, Verdict& verdict) {
  const auto now = steady_clock::now();
  const auto stopped = std::make_shared<std::vector<std::string>>();
  // Collectors first, so that sinks still take what they hand over last. The last quarter of the time is the sinks'
  // own: a collector that hangs must not make them look as if they did.
  const std::pair<Kind, steady_clock::time_point> turns[] = {{Kind::collector, now + timeout * 3 / 4},
                                                             {Kind::sink, now + timeout}};
  for (const auto& [kind, deadline] : turns) {
    std::vector<asio::awaitable<void>> tasks;
    for (const auto& instance : old) {
      if (instance->spec().kind == kind) tasks.push_back(retire_one(instance, deadline, stopped));
    }
    co_await all(environment_.control, std::move(tasks), deadline);
  }
  verdict.stopped = *stopped;
  for (const auto& instance : old) {
    if (std::find(stopped->begin(), stopped->end(), instance->name()) != stopped->end()) continue;
    verdict.hanging.emplace_back(instance->name(), instance->status().call);
  }
}

std::vector<std::string> Topology::render_paths() const {
  std::vector<std::string> paths;
  for (const auto& [key, member] : members_) {
    if (member.routes.empty()) continue;
    for (const auto& route : member.instance->routes()) paths.push_back(route.path);
  }
  return paths;
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
    if (key.first == Kind::sink && !member.routes.empty()) {
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
