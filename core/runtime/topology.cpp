#include "core/runtime/topology.hpp"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>

#include "core/telemetry/log.hpp"

namespace sentinel::runtime {
namespace asio = boost::asio;
using std::chrono::nanoseconds;
using std::chrono::steady_clock;

namespace {

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

Topology::Topology(asio::io_context& control, WorkerPool& workers, store::Store& store, const Clock& clock,
                   http::Router& router, plugin::Stage stage)
    : environment_{control, workers, store, clock, *this},
      router_(router),
      stage_(std::move(stage)),
      started_unix_ns_(clock.unix_ns()) {}

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
  config_ = std::move(plan.config);
  connect();

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

void Topology::connect() {
  std::map<std::string, std::set<std::string, std::less<>>> sources;
  std::map<std::string, std::set<std::string>> sinks;
  for (const auto& pipeline : config_.pipelines) {
    for (const auto& from : pipeline.from) {
      for (const auto& to : pipeline.to) {
        sources[to].insert(from);
        sinks[from].insert(to);
      }
    }
  }
  for (const auto& [key, member] : members_) {
    if (key.first == Kind::sink) {
      member.instance->set_sources(sources[key.second]);
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
      snapshot.sinks.push_back(std::move(status.sink));
    }
  }
  snapshot.store = environment_.store.stats();
  snapshot.worker_threads = environment_.workers.threads();
  snapshot.worker_queue = environment_.workers.queued();
  snapshot.start_unix_seconds = static_cast<double>(started_unix_ns_) / 1e9;
  const std::lock_guard lock(mutex_);
  if (server_ == nullptr) return snapshot;
  const http::Counters counters = server_->counters();
  snapshot.listener = {counters.connections_open, counters.connections_accepted, counters.connections_rejected, {}};
  for (std::size_t code = 2; code < counters.responses.size(); ++code) {
    snapshot.listener.responses[std::to_string(code) + "xx"] = counters.responses[code];
  }
  return snapshot;
}

void Topology::watch(const http::Server* server) {
  const std::lock_guard lock(mutex_);
  server_ = server;
}

}  // namespace sentinel::runtime
