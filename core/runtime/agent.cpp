#include "core/runtime/agent.hpp"

#include <sys/utsname.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json.hpp>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>

#include "core/delivery/courier.hpp"
#include "core/http/router.hpp"
#include "core/http/server.hpp"
#include "core/http/web_config.hpp"
#include "core/runtime/alerts_api.hpp"
#include "core/runtime/chain.hpp"
#include "core/runtime/clock.hpp"
#include "core/runtime/reloader.hpp"
#include "core/runtime/status.hpp"
#include "core/runtime/topology.hpp"
#include "core/runtime/worker_pool.hpp"
#include "core/store/store.hpp"
#include "core/telemetry/log.hpp"
#include "core/telemetry/version.hpp"

namespace sentinel::runtime {
namespace asio = boost::asio;
namespace json = boost::json;
using telemetry::log_error;
using telemetry::log_info;
using telemetry::log_warning;

namespace {

constexpr std::string_view component = "sentinel";
/// How long a stop waits for posts that are under way; the spool keeps what is not.
constexpr std::chrono::milliseconds last_posts(500);

/// state_dir, made if it is missing, with the folder that plugins are loaded from.
Result<plugin::Stage> open_stage(const std::filesystem::path& state_dir) {
  std::error_code failed;
  std::filesystem::create_directories(state_dir, failed);
  if (failed) {
    return Error{Errc::failed, "agent.state_dir: cannot make " + state_dir.string() + ": " + failed.message()};
  }
  auto stage = plugin::Stage::open(state_dir);
  if (!stage) return stage.error().in("agent.state_dir");
  return stage;
}

config::Labels labels_of(const config::Agent& settings) {
  config::Labels labels = settings.labels;
  utsname names{};
  labels.try_emplace("instance", uname(&names) == 0 ? names.nodename : "unknown");
  return labels;
}

Result<std::unique_ptr<delivery::Courier>> open_courier(const config::Agent& settings) {
  delivery::CourierOptions options;
  options.spool = settings.state_dir / "delivery";
  options.external_url = settings.listen.empty() ? std::string() : "http://" + settings.listen;
  options.unix_ns = [] { return system_clock().unix_ns(); };
  options.on_problem = [](std::string_view problem) { log_warning("delivery", problem); };
  auto courier = delivery::Courier::open(std::move(options));
  if (!courier) return courier.error().in("agent.state_dir");
  return courier;
}

/// The running agent: what the control loop ties together.
class Agent {
 public:
  Agent(const Plan& plan, ConfigSource source, plugin::Stage stage, std::unique_ptr<delivery::Courier> courier)
      : settings_(plan.config.agent),
        config_file_(source.file),
        labels_(labels_of(settings_)),
        courier_(std::move(courier)),
        store_(settings_.history.memory_bytes),
        workers_(settings_.workers),
        chain_(control_, workers_, store_, system_clock(), {labels_.labels().begin(), labels_.labels().end()},
               AlertStateFile(settings_.state_dir / "alerts.json")),
        topology_({control_, workers_, store_, system_clock(), router_, labels_, &chain_, courier_.get()},
                  std::move(stage)),
        reloader_({control_, topology_, system_clock(), labels_, *courier_}, std::move(source)),
        server_(control_, server_config(), router_),
        signals_(control_, SIGTERM, SIGINT),
        reload_signal_(control_, SIGHUP),
        started_unix_ns_(system_clock().unix_ns()),
        start_done_(control_) {}

  int run(Plan plan) {
    add_routes();
    if (auto listening = server_.start(); !listening) {
      log_error(component, listening.error().message);
      return 1;
    }
    topology_.watch(&server_);
    topology_.set_reload_stats([this] { return reloader_.stats(); });
    await_stop_signal();
    await_reload_signal();
    asio::co_spawn(control_, start(std::move(plan)), asio::detached);
    control_.run();
    topology_.watch(nullptr);
    workers_.join();  // while all that their jobs use is there
    return 0;
  }

 private:
  http::ServerConfig server_config() {
    http::ServerConfig config;
    config.listen = settings_.listen;
    config.unix_socket = settings_.state_dir / "sentinel.sock";
    config.web_config = settings_.web_config;
    config.run_on_worker = [this](std::function<void()> job) { workers_.submit(std::move(job)); };
    config.on_problem = [](std::string_view problem) { log_warning("http", problem); };
    return config;
  }

  void add_routes() {
    const auto add_route = [&](std::string_view method, std::string_view path, http::Access access,
                               http::Handler handler, std::string_view about) {
      auto route = router_.add(method, path, access, std::move(handler), about);
      if (route) routes_.push_back(std::move(*route));
    };
    const auto add = [&](std::string_view path, http::Access access, http::Handler handler, std::string_view about) {
      add_route("GET", path, access, std::move(handler), about);
    };
    add_route(
        "POST", "/-/reload", http::Access::guarded,
        [this](const http::Request&, const http::Reply& reply) {
          reloader_.reload("POST /-/reload", answer_with(reply));
        },
        "looks at the pipeline file and the plugins anew; answers with the verdict, as JSON");
    add_route(
        "POST", "/-/plan", http::Access::guarded,
        [this](const http::Request& request, const http::Reply& reply) {
          auto file = planned_file(request);
          if (!file) {
            reply(http::Response::text(400, file.error().message));
            return;
          }
          reloader_.plan(std::move(*file), answer_with(reply));
        },
        "what a reload would do, as JSON; does nothing");
    add(
        "/-/healthy", http::Access::open,
        [](const http::Request&, const http::Reply& reply) { reply(http::Response::text(200, "healthy")); },
        "200 while the agent answers");
    add(
        "/-/ready", http::Access::open,
        [this](const http::Request&, const http::Reply& reply) {
          reply(topology_.ready() ? http::Response::text(200, "ready") : http::Response::text(503, "not ready"));
        },
        "200 once every collector has had its first collection");
    add(
        "/api/v1/status", http::Access::guarded,
        [this](const http::Request&, const http::Reply& reply) { reply(http::Response::json(200, status())); },
        "what runs, what doesn't and why, as JSON");
    const auto ask_engine = [this](std::string (*answer)(const rules::Engine&)) {
      return [this, answer](const http::Request&, const http::Reply& reply) {
        chain_.read([answer, reply](const rules::Engine& engine) { reply(http::Response::json(200, answer(engine))); });
      };
    };
    add("/api/v1/alerts", http::Access::guarded, ask_engine(&alerts_json), "pending and firing alerts, as JSON");
    add("/api/v1/rules", http::Access::guarded, ask_engine(&rules_json), "the rules and what they did, as JSON");
  }

  static Reloader::Answer answer_with(const http::Reply& reply) {
    return [reply](const ReloadVerdict& verdict) {
      constexpr int unprocessable = 422;
      const bool good =
          verdict.result == ReloadVerdict::Result::committed || verdict.result == ReloadVerdict::Result::unchanged;
      reply(http::Response::json(good ? 200 : unprocessable, json::serialize(to_json(verdict))));
    };
  }

  /// The file that a plan is asked for; empty for the agent's own. Another may be named by who may read it anyway: over
  /// the unix socket.
  static Result<std::filesystem::path> planned_file(const http::Request& request) {
    if (request.body.empty()) return std::filesystem::path();
    boost::system::error_code bad;
    const auto body = json::parse(request.body, bad);
    const auto* object = bad ? nullptr : body.if_object();
    const auto* file = object == nullptr ? nullptr : object->if_contains("file");
    if (file == nullptr) return std::filesystem::path();
    if (request.via != http::Via::unix_socket) {
      return Error{Errc::permission, "Another file than the agent's own is planned over its unix socket alone."};
    }
    if (!file->is_string() || file->as_string().empty() || file->as_string().front() != '/') {
      return Error{Errc::invalid_argument, "`file` must be an absolute path."};
    }
    return std::filesystem::path(std::string(file->as_string()));
  }

  std::string status() const {
    AgentStatus status;
    status.version = telemetry::version();
    status.config_file = config_file_.string();
    status.ready = topology_.ready();
    status.started_unix_ns = started_unix_ns_;
    status.address = server_.address();
    status.labels = labels_.labels();
    status.store = store_.stats();
    status.reload_state = reloader_.state();
    status.last_reload = reloader_.last();
    status.zombies = topology_.zombies();
    return status_json(status, topology_.status());
  }

  asio::awaitable<void> start(Plan plan) {
    log_info(component, "version " + std::string(telemetry::version()) + ", configuration " + config_file_.string());
    config::Texts texts = std::move(plan.texts);
    std::optional<std::string> env_text = std::move(plan.env_text);
    std::set<std::string> events = plan.events;
    const Verdict verdict = co_await topology_.apply(std::move(plan));
    started_ = true;
    start_done_.cancel();
    if (stopping_) co_return;
    tell_what_runs(verdict);
    chain_.hand_out_pending();
    resolve_what_no_longer_fires();
    co_await reloader_.started(std::move(texts), std::move(env_text), std::move(events));
  }

  /// An earlier process may have told of alerts that ended with their rule, or with its state, while nothing ran:
  /// nobody else would ever resolve them.
  void resolve_what_no_longer_fires() {
    chain_.read([this, receivers = topology_.receivers()](const rules::Engine& engine) {
      std::set<std::uint64_t> firing;
      for (const auto& alert : engine.alerts()) {
        if (alert.state == rules::AlertState::firing) firing.insert(alert.fingerprint);
      }
      for (const auto id : receivers) {
        std::vector<delivery::Notification> ended;
        for (auto& told : courier_->firing(id)) {
          if (firing.contains(told.fingerprint)) continue;
          told.firing = false;
          told.ends_at_ns = system_clock().unix_ns();
          ended.push_back(std::move(told));
        }
        if (ended.empty()) continue;
        const auto submitted = courier_->submit(id, ended);
        log_info("delivery", "resolving " + std::to_string(ended.size()) + " alerts that an earlier run left firing" +
                                 (submitted ? "" : ": " + submitted.error().message));
      }
    });
  }

  void tell_what_runs(const Verdict& verdict) const {
    std::string running;
    for (const auto& name : verdict.started) running += (running.empty() ? "" : ", ") + name;
    log_info(component, "running: " + (running.empty() ? "nothing" : running));
    for (const auto& [name, reason] : verdict.not_running) {
      log_warning(component, "not running: " + name + ": " + reason);
    }
    tell_where_metrics_are();
  }

  void tell_where_metrics_are() const {
    if (server_.address().empty()) {
      log_info(component, "metrics: no TCP listener (agent.listen: none); `sentinel status` asks over the unix socket");
      return;
    }
    const std::string base = (serves_tls() ? "https://" : "http://") + server_.address();
    const auto paths = topology_.render_paths();
    if (paths.empty()) log_info(component, "metrics: no sink shows any; status: " + base + "/api/v1/status");
    for (const auto& path : paths) log_info(component, "metrics: " + base + path);
  }

  bool serves_tls() const {
    if (settings_.web_config.empty()) return false;
    const auto web_config = http::load_web_config(settings_.web_config);
    return web_config && web_config->tls.has_value();
  }

  void await_stop_signal() {
    signals_.async_wait([this](const boost::system::error_code& failed, int signal) {
      if (failed) return;
      if (stopping_) {
        log_warning(component, "second signal: leaving at once");
        _exit(1);
      }
      stopping_ = true;
      log_info(component, std::string("stopping on ") + (signal == SIGTERM ? "SIGTERM" : "SIGINT"));
      asio::co_spawn(control_, stop(), asio::detached);
      await_stop_signal();
    });
  }

  void await_reload_signal() {
    reload_signal_.async_wait([this](const boost::system::error_code& failed, int) {
      if (failed) return;
      reloader_.reload("SIGHUP");
      await_reload_signal();
    });
  }

  asio::awaitable<void> stop() {
    if (!started_) co_await wait_for_start();
    const bool settled = co_await reloader_.stop(topology_.config().agent.stop_timeout);
    if (!settled) {
      // A topology changes one step at a time; the alerts' states are all that a hard end could lose.
      log_error(component, "a reload does not come to its end; leaving without it");
      co_await chain_.stop();
      _exit(1);
    }
    const Verdict verdict = co_await topology_.apply(Plan());
    co_await chain_.stop();
    for (const auto& [name, call] : verdict.hanging) {
      log_error(component, "'" + name + "' " + (call.empty() ? "got no thread to stop on" : "hangs in '" + call + "'") +
                               " and is left behind");
    }
    if (!verdict.hanging.empty()) {
      // A thread that is still in a plugin's code must not see its surroundings destroyed.
      server_.stop(std::chrono::milliseconds(0), [] { _exit(1); });
      co_return;
    }
    routes_.clear();
    courier_->stop(last_posts);
    server_.stop(std::chrono::seconds(1), [this] {
      signals_.cancel();
      reload_signal_.cancel();
      log_info(component, "stopped");
    });
  }

  /// A topology changes one step at a time, so a stop waits for a start; not for ever.
  asio::awaitable<void> wait_for_start() {
    start_done_.expires_after(settings_.stop_timeout);
    co_await start_done_.async_wait(asio::as_tuple(asio::use_awaitable));
    if (started_) co_return;
    for (const auto& instance : topology_.status()) {
      if (!instance.call.empty()) log_error(component, "'" + instance.spec.name + "' hangs in '" + instance.call + "'");
    }
    _exit(1);
  }

  const config::Agent settings_;
  const std::filesystem::path config_file_;
  const AgentLabels labels_;
  const std::unique_ptr<delivery::Courier> courier_;
  asio::io_context control_{1};
  http::Router router_;
  store::Store store_;
  WorkerPool workers_;
  Chain chain_;
  Topology topology_;
  Reloader reloader_;
  http::Server server_;
  std::vector<http::Route> routes_;
  asio::signal_set signals_;
  asio::signal_set reload_signal_;
  const std::int64_t started_unix_ns_;
  asio::steady_timer start_done_;
  bool started_ = false;
  bool stopping_ = false;
};

void configure_log(const config::Log& log) {
  telemetry::Log::configure(static_cast<telemetry::LogLevel>(log.level), static_cast<telemetry::LogFormat>(log.format));
}

}  // namespace

int run_agent(Plan plan, ConfigSource source) {
  configure_log(plan.config.agent.log);
  auto stage = open_stage(plan.config.agent.state_dir);
  if (!stage) {
    log_error(component, stage.error().message);
    return 1;
  }
  auto courier = open_courier(plan.config.agent);
  if (!courier) {
    log_error(component, courier.error().message);
    return 1;
  }
  Agent agent(plan, std::move(source), std::move(*stage), std::move(*courier));
  return agent.run(std::move(plan));
}

int run_once(Plan plan) {
  configure_log(plan.config.agent.log);
  auto stage = open_stage(plan.config.agent.state_dir);
  if (!stage) {
    log_error(component, stage.error().message);
    return 1;
  }
  asio::io_context control(1);
  http::Router router;
  store::Store store(plan.config.agent.history.memory_bytes);
  WorkerPool workers(plan.config.agent.workers);
  const AgentLabels labels(labels_of(plan.config.agent));
  Topology topology({control, workers, store, system_clock(), router, labels}, std::move(*stage));

  int code = 0;
  const auto print_and_stop = [&]() -> asio::awaitable<void> {
    const Verdict started = co_await topology.apply(std::move(plan));
    for (const auto& [name, reason] : started.not_running)
      log_warning(component, "not running: " + name + ": " + reason);
    auto stop = [&]() -> asio::awaitable<void> {
      const Verdict verdict = co_await topology.apply(Plan());
      if (verdict.hanging.empty()) co_return;
      for (const auto& [name, call] : verdict.hanging) log_error(component, "'" + name + "' hangs in '" + call + "'");
      std::fflush(stdout);
      _exit(1);
    };
    auto print = [&, stop](const Result<std::string>& text) {
      if (text) {
        std::fwrite(text->data(), 1, text->size(), stdout);
      } else {
        log_error(component, text.error().message);
        code = 1;
      }
      asio::co_spawn(control, stop, asio::detached);
    };
    topology.render(std::move(print));
  };
  asio::co_spawn(control, print_and_stop, asio::detached);
  control.run();
  return code;
}

}  // namespace sentinel::runtime
