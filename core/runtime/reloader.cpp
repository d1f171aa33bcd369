#include "core/runtime/reloader.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "core/telemetry/log.hpp"

namespace sentinel::runtime {
namespace asio = boost::asio;
namespace {

constexpr std::string_view component = "reload";

}  // namespace

Reloader::Reloader(const Parts& parts, ConfigSource source)
    : parts_(parts), source_(std::move(source)), prometheus_(parts.courier) {}

asio::awaitable<void> Reloader::started(config::Texts texts, std::optional<std::string> env_text,
                                        std::set<std::string> events) {
  texts_ = std::move(texts);
  events_ = std::move(events);
  note(true);
  const auto& agent = parts_.topology.config().agent;
  auto watch = FileWatch::open(parts_.control, agent.env_file, std::move(env_text), [this] { env_changed(); });
  if (watch) {
    watch_ = std::move(*watch);
  } else {
    telemetry::log_error(component, watch.error().message + "; edits of it apply at the next start");
  }
  co_await tell_prometheus();
}

void Reloader::stop() {
  stopped_ = true;
  watch_.reset();
}

asio::awaitable<void> Reloader::on_worker(std::function<void()> job) {
  const auto done = std::make_shared<asio::steady_timer>(parts_.control, asio::steady_timer::time_point::max());
  auto and_tell = [this, done, job = std::move(job)] {
    job();
    asio::post(parts_.control, [done] { done->cancel(); });
  };
  parts_.workers.submit(std::move(and_tell));
  co_await done->async_wait(asio::as_tuple(asio::use_awaitable));
}

void Reloader::env_changed() {
  again_ = true;
  if (applying_ || stopped_) return;
  applying_ = true;
  asio::co_spawn(parts_.control, apply_env(), asio::detached);
}

asio::awaitable<void> Reloader::apply_env() {
  while (again_ && !stopped_) {
    again_ = false;
    std::vector<config::Diagnostic> diagnostics;
    Planned planned;
    std::function<void()> read = [&] {
      // With the pipeline files as they were: an edit of those waits for its own signal.
      auto loaded = config::load(source_.file, source_.environment, texts_);
      diagnostics = std::move(loaded.diagnostics);
      if (config::has_errors(diagnostics)) return;
      planned = make_plan(parts_.topology.config(), std::move(loaded.config), source_.program, parts_.topology.specs());
      diagnostics.insert(diagnostics.end(), planned.diagnostics.begin(), planned.diagnostics.end());
    };
    co_await on_worker(std::move(read));
    if (stopped_) break;
    if (config::has_errors(diagnostics)) {
      refuse(diagnostics);
      continue;
    }
    const config::Diff diff = planned.plan.diff;
    tell_what_changed(diff);
    const Verdict verdict = co_await parts_.topology.apply(std::move(planned.plan));
    for (const auto& [name, reason] : verdict.not_running) {
      telemetry::log_warning(component, "not running: " + name + ": " + reason);
    }
    note(true);
    co_await tell_prometheus();
  }
  applying_ = false;
}

asio::awaitable<void> Reloader::tell_prometheus() {
  const auto settings = parts_.topology.config().prometheus;
  {
    const std::lock_guard lock(mutex_);
    has_prometheus_ = !settings.rules_file.empty();
    reload_url_ = settings.reload_url;
  }
  if (settings.rules_file.empty()) co_return;
  std::function<void()> update = [this, settings, rules = parts_.topology.rules()] {
    prometheus_.update(settings, rules, events_);
  };
  co_await on_worker(std::move(update));
}

void Reloader::refuse(const std::vector<config::Diagnostic>& diagnostics) {
  for (const auto& diagnostic : diagnostics) telemetry::log_error(component, config::to_string(diagnostic));
  telemetry::log_error(component, "the change of " + parts_.topology.config().agent.env_file.string() +
                                      " is refused; what ran before stays in force");
  note(false);
}

void Reloader::tell_what_changed(const config::Diff& diff) const {
  const auto tell = [](std::string_view what, const std::vector<config::Change>& changes) {
    for (const auto& change : changes) {
      if (change.kind == config::ChangeKind::kept) continue;
      telemetry::log_info(component, std::string(what) + " " + change.name + ": " +
                                         std::string(config::to_string(change.kind)) +
                                         (change.reason.empty() ? "" : ": " + change.reason));
    }
  };
  tell("collector", diff.collectors);
  tell("sink", diff.sinks);
  tell("pipeline", diff.pipelines);
  for (const auto& change : diff.agent) {
    telemetry::log_warning(component, "agent." + change.name + ": " + change.reason + ": applies at the next start");
  }
  if (diff.empty()) telemetry::log_info(component, "the env file changed, and nothing that it is used for");
}

void Reloader::note(bool successful) {
  const std::lock_guard lock(mutex_);
  successful_ = successful;
  if (successful) success_unix_seconds_ = static_cast<double>(parts_.clock.unix_ns()) / 1e9;
}

telemetry::ReloadStats Reloader::stats() const {
  telemetry::ReloadStats stats;
  std::string reload_url;
  {
    const std::lock_guard lock(mutex_);
    stats.successful = successful_;
    stats.success_unix_seconds = success_unix_seconds_;
    stats.has_prometheus = has_prometheus_;
    reload_url = reload_url_;
  }
  stats.rules_written = prometheus_.written();
  for (const auto& post : parts_.courier.posts()) {
    if (post.url != reload_url) continue;
    stats.reload_pending = post.pending;
    stats.reloads = post.succeeded;
    stats.reload_failures = post.failed;
  }
  return stats;
}

}  // namespace sentinel::runtime
