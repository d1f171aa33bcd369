#include "core/runtime/reloader.hpp"

#include <algorithm>
#include <atomic>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <system_error>
#include <thread>
#include <utility>

#include "core/plugin/threads.hpp"
#include "core/runtime/aside.hpp"
#include "core/runtime/probe.hpp"
#include "core/telemetry/log.hpp"

namespace sentinel::runtime {
namespace asio = boost::asio;
using std::chrono::steady_clock;
namespace {

constexpr std::string_view component = "reload";
/// Children that try plugins at once.
constexpr std::size_t most_probes = 4;

double seconds_since(steady_clock::time_point begin) {
  return std::chrono::duration<double>(steady_clock::now() - begin).count();
}

void refuse(ReloadVerdict& verdict, std::string stage, std::string reason) {
  verdict.result = ReloadVerdict::Result::refused;
  verdict.stage = std::move(stage);
  verdict.reason = std::move(reason);
}

/// The first mistake, and how many more there are.
std::string summary(const std::vector<config::Diagnostic>& diagnostics) {
  std::string first;
  std::size_t errors = 0;
  for (const auto& diagnostic : diagnostics) {
    if (diagnostic.severity != config::Severity::error) continue;
    if (errors++ == 0) first = config::to_string(diagnostic);
  }
  return errors > 1 ? first + " (and " + std::to_string(errors - 1) + " more)" : first;
}

/// An instance that enters, and what came of trying it.
struct Tried {
  Step& step;
  InstanceSpec& spec;
  Result<void> result;
};

std::vector<Tried> entering(Plan& plan) {
  std::vector<Tried> all;
  for (auto& step : plan.steps) {
    if (step.action == Action::kept || step.action == Action::removed) continue;
    const auto found = std::find_if(plan.instances.begin(), plan.instances.end(), [&](const auto& spec) {
      return to_string(spec.kind) == step.what && spec.name == step.name;
    });
    if (found != plan.instances.end()) all.push_back({step, *found, {}});
  }
  return all;
}

/// Tries each in a child, a few at once.
void probe_all(std::vector<Tried>& all, const AgentLabels& labels, const std::filesystem::path& program) {
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    const plugin::OwnThread own;
    for (std::size_t i = next++; i < all.size(); i = next++) all[i].result = probe(all[i].spec, labels, program);
  };
  const std::size_t at_once = std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, most_probes);
  std::vector<std::thread> threads;
  for (std::size_t i = 1; i < std::min(at_once, all.size()); ++i) threads.emplace_back(work);
  work();
  for (auto& thread : threads) thread.join();
}

/// What a failure does: nothing where there is nothing to lose, which is noted in the plan; else it is the error.
Result<void> judge(std::vector<Tried>& all, ReloadVerdict& verdict) {
  for (auto& [step, spec, result] : all) {
    if (result) continue;
    if (step.retried) {
      step.action = Action::kept;
      verdict.not_running.emplace_back(spec.name, result.error().message);
    } else if (spec.optional && step.action == Action::added) {
      spec.unavailable = result.error().message;
    } else {
      return result.error().in(step.what + " '" + spec.name + "'");
    }
  }
  return {};
}

}  // namespace

Reloader::Reloader(const Parts& parts, ConfigSource source)
    : parts_(parts), source_(std::move(source)), prometheus_(parts.courier), idle_(parts.control) {
  Topology::Probation events;
  events.over = [this] {
    probation_over_ = true;
    wake();
  };
  events.failed = [this](const std::string& instance, const std::string& reason) {
    failed_ = "'" + instance + "': " + reason;
    wake();
  };
  parts_.topology.on_probation(std::move(events));
}

asio::awaitable<void> Reloader::started(config::Texts texts, std::optional<std::string> env_text,
                                        std::set<std::string> events) {
  facts_ = {std::move(texts), std::move(events)};
  {
    const std::lock_guard lock(mutex_);
    stats_.success_unix_seconds = static_cast<double>(parts_.clock.unix_ns()) / 1e9;
  }
  watch_env(std::move(env_text));
  co_await tell_prometheus();
  started_ = true;
  wake();
}

void Reloader::watch_env(std::optional<std::string> known) {
  const auto& file = parts_.topology.config().agent.env_file;
  watched_ = file;
  auto watch = FileWatch::open(parts_.control, file, std::move(known), [this] { env_changed(); });
  if (watch) {
    watch_ = std::move(*watch);
  } else {
    watch_.reset();
    telemetry::log_error(component, watch.error().message + "; edits of it apply at the next reload");
  }
}

void Reloader::reload(std::string by, Answer answer) {
  ask(true, std::move(by), std::move(answer));
}

void Reloader::env_changed() {
  ask(false, "env file", nullptr);
}

void Reloader::ask(bool files_too, std::string by, Answer answer) {
  if (stopped_) return;
  if (!wanted_) wanted_ = Wanted();
  wanted_->files_too |= files_too;
  wanted_->by = std::move(by);
  if (answer) wanted_->answers.push_back(std::move(answer));
  wake();
}

void Reloader::wake() {
  if (busy_ || stopped_ || !started_) return;
  busy_ = true;
  asio::co_spawn(parts_.control, run(), asio::detached);
}

asio::awaitable<void> Reloader::run() {
  while (!stopped_) {
    if (failed_) {
      ReloadVerdict verdict = standing_;
      co_await roll_back(verdict);
      conclude(verdict);
    } else if (std::exchange(probation_over_, false)) {
      co_await parts_.topology.end_probation();
      if (last_) last_->probation = false;
      telemetry::log_info(component, "the probation is over: what was replaced is gone");
    } else if (wanted_) {
      Wanted wanted = std::move(*wanted_);
      wanted_.reset();
      co_await reload(std::move(wanted));
    } else {
      break;
    }
  }
  busy_ = false;
  idle_.cancel();
}

asio::awaitable<bool> Reloader::stop(std::chrono::nanoseconds patience) {
  stopped_ = true;
  watch_.reset();
  idle_.expires_after(patience);
  if (busy_) co_await idle_.async_wait(asio::as_tuple(asio::use_awaitable));
  co_return !busy_;
}

std::string_view Reloader::state() const {
  if (busy_) return "reloading";
  return parts_.topology.on_probation() ? "probation" : "idle";
}

asio::awaitable<void> Reloader::reload(Wanted wanted) {
  ReloadVerdict verdict;
  verdict.by = wanted.by;
  Read read;
  bool good = co_await look(wanted, read, verdict);
  if (good) good = co_await probe_changes(read.planned.plan, verdict);
  if (good && failed_) {
    // What this was planned upon does not stay.
    ReloadVerdict before = standing_;
    co_await roll_back(before);
    conclude(before);
    verdict = ReloadVerdict();
    verdict.by = wanted.by;
    read = Read();
    good = co_await look(wanted, read, verdict);
    if (good) good = co_await probe_changes(read.planned.plan, verdict);
  }
  if (good) co_await commit(std::move(read), verdict);
  if (failed_ && verdict.result == ReloadVerdict::Result::committed) co_await roll_back(verdict);
  conclude(verdict);
  for (const auto& answer : wanted.answers) answer(verdict);
}

asio::awaitable<bool> Reloader::look(const Wanted& wanted, Read& read, ReloadVerdict& verdict) {
  verdict.stage = "check";
  const auto begun = steady_clock::now();
  std::function<void()> job = [&, running = parts_.topology.running()] {
    // On an edit of the env file with the pipeline files as they were: an edit of those waits for its own signal.
    auto loaded = config::load(source_.file, source_.environment, wanted.files_too ? config::Texts() : facts_.texts);
    verdict.diagnostics = std::move(loaded.diagnostics);
    read.texts = std::move(loaded.texts);
    // Planned even when the file is bad: what is wrong with its plugins belongs to the same report.
    read.planned = make_plan(running, std::move(loaded.config), source_.program,
                             wanted.files_too ? Look::files_too : Look::configuration);
    auto& more = read.planned.diagnostics;
    verdict.diagnostics.insert(verdict.diagnostics.end(), more.begin(), more.end());
  };
  co_await run_aside(parts_.control, std::move(job));
  verdict.seconds.emplace_back("check", seconds_since(begun));
  if (config::has_errors(verdict.diagnostics)) {
    refuse(verdict, "check", summary(verdict.diagnostics));
    co_return false;
  }
  verdict.steps = read.planned.plan.steps;
  co_return !stopped_;
}

asio::awaitable<bool> Reloader::probe_changes(Plan& plan, ReloadVerdict& verdict) {
  verdict.stage = "probe";
  auto tried = entering(plan);
  if (tried.empty()) co_return true;
  const auto begun = steady_clock::now();
  std::function<void()> job = [&] { probe_all(tried, parts_.labels, source_.program); };
  co_await run_aside(parts_.control, std::move(job));
  verdict.seconds.emplace_back("probe", seconds_since(begun));
  if (const auto judged = judge(tried, verdict); !judged) {
    refuse(verdict, "probe", judged.error().message);
    co_return false;
  }
  verdict.steps = plan.steps;
  co_return !stopped_;
}

asio::awaitable<void> Reloader::commit(Read read, ReloadVerdict& verdict) {
  Plan& plan = read.planned.plan;
  Facts facts{std::move(read.texts), plan.events};
  verdict.stage = "commit";
  if (plan.changes_nothing()) {
    facts_ = std::move(facts);
    verdict.result = ReloadVerdict::Result::unchanged;
    co_return;
  }
  probation_over_ = false;
  const Verdict applied = co_await parts_.topology.apply(std::move(plan));
  verdict.seconds.insert(verdict.seconds.end(), applied.seconds.begin(), applied.seconds.end());
  if (applied.refused) {
    refuse(verdict, applied.refused->stage, applied.refused->reason);
    co_return;
  }
  verdict.result = ReloadVerdict::Result::committed;
  verdict.not_running.insert(verdict.not_running.end(), applied.not_running.begin(), applied.not_running.end());
  verdict.probation = applied.probation;
  facts_before_ = std::exchange(facts_, std::move(facts));
  follow_settings();
  co_await tell_prometheus();
}

/// What of `agent:` applies at once and is not the topology's.
void Reloader::follow_settings() {
  const auto& agent = parts_.topology.config().agent;
  telemetry::Log::configure(static_cast<telemetry::LogLevel>(agent.log.level),
                            static_cast<telemetry::LogFormat>(agent.log.format));
  if (agent.env_file != watched_) watch_env(std::nullopt);
}

asio::awaitable<void> Reloader::roll_back(ReloadVerdict& verdict) {
  verdict.result = ReloadVerdict::Result::rolled_back;
  verdict.stage = "probation";
  verdict.reason = std::move(*failed_);
  verdict.probation = false;
  failed_.reset();
  probation_over_ = false;
  co_await parts_.topology.roll_back();
  facts_ = facts_before_;
  follow_settings();
  co_await tell_prometheus();
}

void Reloader::plan(std::filesystem::path file, Answer answer) {
  // Named as the agent's own file is: paths in it begin where it lies, and must not look changed for their spelling.
  std::error_code failed;
  const auto near = file.empty() ? file : std::filesystem::proximate(file, failed);
  if (source_.file.is_relative() && !failed) file = near;
  asio::co_spawn(parts_.control, plan_only(std::move(file), std::move(answer)), asio::detached);
}

asio::awaitable<void> Reloader::plan_only(std::filesystem::path file, Answer answer) {
  ReloadVerdict verdict;
  verdict.by = "plan";
  verdict.stage = "check";
  std::function<void()> job = [&, running = parts_.topology.running()] {
    auto loaded = config::load(file.empty() ? source_.file : file, source_.environment);
    verdict.diagnostics = std::move(loaded.diagnostics);
    const auto planned = make_plan(running, std::move(loaded.config), source_.program);
    verdict.diagnostics.insert(verdict.diagnostics.end(), planned.diagnostics.begin(), planned.diagnostics.end());
    verdict.steps = planned.plan.steps;
    verdict.result =
        planned.plan.changes_nothing() ? ReloadVerdict::Result::unchanged : ReloadVerdict::Result::committed;
  };
  co_await run_aside(parts_.control, std::move(job));
  if (config::has_errors(verdict.diagnostics)) refuse(verdict, "check", summary(verdict.diagnostics));
  verdict.unix_ns = parts_.clock.unix_ns();
  answer(verdict);
}

asio::awaitable<void> Reloader::tell_prometheus() {
  const auto settings = parts_.topology.config().prometheus;
  {
    const std::lock_guard lock(mutex_);
    stats_.has_prometheus = !settings.rules_file.empty();
    reload_url_ = settings.reload_url;
  }
  if (settings.rules_file.empty()) co_return;
  std::function<void()> update = [this, settings, rules = parts_.topology.rules()] {
    prometheus_.update(settings, rules, facts_.events);
  };
  co_await run_aside(parts_.control, std::move(update));
}

/// Tells and notes it.
void Reloader::conclude(ReloadVerdict& verdict) {
  const bool undoes = verdict.unix_ns != 0;  // one that was concluded before
  verdict.unix_ns = parts_.clock.unix_ns();
  const bool unchanged = verdict.result == ReloadVerdict::Result::unchanged;
  if (unchanged) verdict.probation = parts_.topology.on_probation();
  // That nothing changed since is not the last word on what is on probation.
  if (!verdict.probation || !unchanged) last_ = verdict;
  if (verdict.probation && !unchanged) standing_ = verdict;
  tell(verdict);
  const bool good =
      verdict.result == ReloadVerdict::Result::committed || verdict.result == ReloadVerdict::Result::unchanged;
  const std::lock_guard lock(mutex_);
  stats_.successful = good;
  if (good) stats_.success_unix_seconds = static_cast<double>(parts_.clock.unix_ns()) / 1e9;
  ++stats_.verdicts[{std::string(to_string(verdict.result)), verdict.stage}];
  // A rollback has the laps of the reload that it undoes, which were counted.
  if (undoes) return;
  for (const auto& [stage, seconds] : verdict.seconds) stats_.stages[stage].observe(seconds);
}

telemetry::ReloadStats Reloader::stats() const {
  telemetry::ReloadStats stats;
  std::string reload_url;
  {
    const std::lock_guard lock(mutex_);
    stats = stats_;
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
