#include "core/runtime/plan.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "core/config/diff.hpp"
#include "core/plugin/description.hpp"
#include "core/plugin/find.hpp"
#include "core/plugin/image.hpp"
#include "core/plugin/permissions.hpp"
#include "core/telemetry/snapshot.hpp"

namespace sentinel::runtime {
namespace {

using config::Diagnostic;

constexpr std::chrono::seconds self_every(5);
constexpr std::chrono::seconds sink_deadline(10);

/// Applied as soon as the file says so; the rest of `agent:` at the next start.
constexpr std::string_view applied_at_once[] = {"alerts_to",   "env_file",  "log.format",  "log.level",
                                                "plugin_path", "probation", "stop_timeout"};

std::string short_hash(const std::string& sha256) {
  return sha256.substr(0, 12);
}

bool names_its_plugin(const plugin::DeclaredMetric& metric) {
  return std::find(metric.label_keys.begin(), metric.label_keys.end(), "plugin") != metric.label_keys.end();
}

/// Makes the instances of one configuration, asking each plugin's file once.
class Planner {
 public:
  Planner(const config::Config& config, std::filesystem::path program, const Running& running, Look look)
      : config_(config),
        program_(std::move(program)),
        running_(running),
        look_(look),
        diff_(config::diff(running.config, config)) {}

  std::vector<InstanceSpec> instances() {
    std::vector<InstanceSpec> all;
    for (const auto& collector : config_.collectors) {
      InstanceSpec spec;
      spec.name = collector.name;
      spec.kind = Kind::collector;
      spec.plugin = collector.plugin;
      spec.optional = collector.optional;
      spec.every = collector.every;
      spec.deadline = collector.deadline;
      spec.start_deadline = collector.start_deadline;
      spec.labels.insert(collector.labels.begin(), collector.labels.end());
      spec.series_limit = collector.series_limit.value_or(config_.agent.series_limit);
      complete(spec, collector.config, collector.where);
      all.push_back(std::move(spec));
    }
    all.push_back(self());
    for (const auto& sink : config_.sinks) {
      InstanceSpec spec;
      spec.name = sink.name;
      spec.kind = Kind::sink;
      spec.plugin = sink.plugin;
      spec.optional = sink.optional;
      spec.deadline = sink_deadline;
      spec.queue = sink.queue;
      complete(spec, sink.config, sink.where);
      all.push_back(std::move(spec));
    }
    return all;
  }

  std::vector<Diagnostic> take_diagnostics() { return std::move(diagnostics_); }

  /// After instances().
  std::vector<Step> steps() const {
    std::vector<Step> all;
    const auto add_instances = [&](Kind kind, const std::vector<config::Change>& changes) {
      for (const auto& change : changes) {
        const auto found = steps_.find({kind, change.name});
        all.push_back(found != steps_.end()
                          ? found->second
                          : Step{std::string(to_string(kind)), change.name, Action::removed, change.reason});
      }
    };
    const auto add = [&](std::string_view what, const std::vector<config::Change>& changes) {
      for (const auto& change : changes) {
        all.push_back({std::string(what), change.name, action_of(change.kind), change.reason});
      }
    };
    add_instances(Kind::collector, diff_.collectors);
    add_instances(Kind::sink, diff_.sinks);
    add("pipeline", diff_.pipelines);
    add("prometheus", diff_.prometheus);
    // At the start all of it is new, and there is nothing to tell.
    if (running_.specs.empty()) return all;
    for (const auto& change : diff_.agent) {
      const bool now =
          std::find(std::begin(applied_at_once), std::end(applied_at_once), change.name) != std::end(applied_at_once);
      all.push_back(
          {"agent", change.name, Action::reconfigured, change.reason + (now ? "" : "; applies at the next start")});
    }
    return all;
  }

 private:
  static Action action_of(config::ChangeKind kind) {
    switch (kind) {
      case config::ChangeKind::added:
        return Action::added;
      case config::ChangeKind::removed:
        return Action::removed;
      case config::ChangeKind::changed:
        return Action::reconfigured;
      case config::ChangeKind::kept:
        break;
    }
    return Action::kept;
  }

  const config::Change* change_of(const InstanceSpec& spec) const {
    const auto& changes = spec.kind == Kind::collector ? diff_.collectors : diff_.sinks;
    const auto found =
        std::find_if(changes.begin(), changes.end(), [&](const auto& change) { return change.name == spec.name; });
    return found == changes.end() ? nullptr : &*found;
  }

  /// What runs under its name, and whether it does.
  const InstanceSpec* predecessor(const InstanceSpec& spec) const {
    const auto found = std::find_if(running_.specs.begin(), running_.specs.end(), [&](const auto& other) {
      return other.kind == spec.kind && other.name == spec.name;
    });
    return found == running_.specs.end() ? nullptr : &*found;
  }
  std::string broken(const InstanceSpec& spec) const {
    const auto found = running_.broken.find({spec.kind, spec.name});
    return found == running_.broken.end() ? std::string() : found->second;
  }

  InstanceSpec self() const {
    const sentinel_plugin* plugin = telemetry::self_plugin();
    InstanceSpec spec;
    spec.name = config::self_name;
    spec.plugin = from_abi(plugin->name);
    spec.built_in = plugin;
    spec.version = from_abi(plugin->version);
    spec.every = spec.deadline = self_every;
    spec.series_limit = config_.agent.series_limit;
    return spec;
  }

  /// What only the plugin's file can tell.
  void complete(InstanceSpec& spec, const config::Value& config, const config::Where& where) {
    if (!plugin::is_plugin_name(spec.plugin)) return;  // reading the file has said so
    const InstanceSpec* old = predecessor(spec);
    Step& step = steps_[{spec.kind, spec.name}];
    const auto* change = change_of(spec);
    step = {std::string(to_string(spec.kind)), spec.name, action_of(change->kind), change->reason};
    const bool same_configuration = change->kind == config::ChangeKind::kept && old != nullptr;
    if (same_configuration && look_ == Look::configuration) return keep(spec, *old);

    const std::string owner = std::string(to_string(spec.kind)) + " \"" + spec.name + "\"";
    const auto file = plugin::find(spec.plugin, config_.agent.plugin_path);
    if (!file) return refuse(spec, owner, where, file.error());
    if (same_configuration && broken(spec).empty() && has_content(*file, old->sha256)) {
      keep(spec, *old);
      spec.file = *file;
      return;
    }
    const auto& described = describe(*file);
    if (!described) return refuse(spec, owner, where, described.error());

    spec.file = *file;
    spec.version = described->version;
    spec.sha256 = described->sha256;
    spec.config = config::resolve(config, described->fields, owner, diagnostics_);
    const auto expected = spec.kind == Kind::collector ? SENTINEL_KIND_COLLECTOR : SENTINEL_KIND_SINK;
    if (described->kind != static_cast<std::uint32_t>(expected)) {
      config::add_error(diagnostics_, where,
                        owner + ": plugin '" + spec.plugin + "' is a " +
                            (spec.kind == Kind::collector ? "sink" : "collector") + ": name it under `" +
                            (spec.kind == Kind::collector ? "sinks" : "collectors") + ":`");
      return;
    }
    spec.takes_alerts = described->takes_alerts;
    spec.consumes = described->consumes;
    for (const auto& metric : described->metrics) {
      spec.metrics.push_back(metric.name);
      if (names_its_plugin(metric)) spec.metrics_by_plugin.insert(metric.name);
      if (metric.kind == SENTINEL_EVENT) spec.events.push_back(metric.name);
    }
    if (spec.kind == Kind::collector) check_metrics(spec, owner, where);
    if (old != nullptr) note_reasons(spec, *old, step);
  }

  void keep(InstanceSpec& spec, const InstanceSpec& old) {
    spec = old;
    note_metrics(spec);
  }

  bool has_content(const std::filesystem::path& file, const std::string& sha256) {
    if (!plugin::check_permissions(file)) return false;  // describe() says why it is refused
    const auto content = plugin::hash_file(file);
    return content && *content == sha256;
  }

  void note_reasons(const InstanceSpec& spec, const InstanceSpec& old, Step& step) const {
    const auto add = [&](const std::string& reason) { step.reason += (step.reason.empty() ? "" : ", ") + reason; };
    step.action = Action::reconfigured;
    const bool other_content = spec.sha256 != old.sha256;
    if (other_content || spec.plugin != old.plugin) step.action = Action::swapped;
    if (other_content && !old.sha256.empty() && spec.plugin == old.plugin) {
      add("content " + short_hash(old.sha256) + " -> " + short_hash(spec.sha256));
      if (spec.version != old.version) add("version " + old.version + " -> " + spec.version);
    }
    if (const auto why = broken(spec); !why.empty()) {
      step.retried = true;
      add("did not run: " + why);
    }
  }

  const Result<plugin::Description>& describe(const std::filesystem::path& file) {
    const auto known = described_.find(file);
    if (known != described_.end()) return known->second;
    const auto allowed = plugin::check_permissions(file);
    auto description = allowed ? plugin::describe(file, program_) : Result<plugin::Description>(allowed.error());
    return described_.emplace(file, std::move(description)).first->second;
  }

  /// What two collectors must not share: a metric, or one of a plugin where the series name their plugin.
  static std::string series_name(const InstanceSpec& spec, const std::string& metric) {
    return spec.metrics_by_plugin.contains(metric) ? metric + " of " + spec.plugin : metric;
  }

  /// Two collectors must not produce the same series; constant labels with different values tell them apart.
  void check_metrics(const InstanceSpec& spec, const std::string& owner, const config::Where& where) {
    for (const auto& metric : spec.metrics) {
      for (const auto& [name, labels] : producers_[series_name(spec, metric)]) {
        const bool apart = std::any_of(spec.labels.begin(), spec.labels.end(), [&, theirs = labels](const auto& label) {
          const auto found = theirs.find(label.first);
          return found != theirs.end() && found->second != label.second;
        });
        if (apart) continue;
        config::add_error(diagnostics_, where,
                          owner + " and collector \"" + name + "\" would both produce the series of '" + metric +
                              "': give each its own `labels:`, such as `labels: {source: " + spec.name + "}`");
        return;
      }
    }
    note_metrics(spec);
  }

  void note_metrics(const InstanceSpec& spec) {
    if (spec.kind != Kind::collector) return;
    for (const auto& metric : spec.metrics) {
      producers_[series_name(spec, metric)].emplace_back(spec.name, spec.labels);
    }
  }

  void refuse(InstanceSpec& spec, const std::string& owner, const config::Where& where, const Error& error) {
    const InstanceSpec* old = predecessor(spec);
    if (!spec.optional || (old != nullptr && broken(spec).empty())) {
      config::add_error(diagnostics_, where, owner + ": " + error.message);
      return;
    }
    spec.unavailable = error.message;
    // Unavailable as before: nothing to do about it.
    if (old != nullptr && !old->unavailable.empty()) steps_[{spec.kind, spec.name}].action = Action::kept;
  }

  const config::Config& config_;
  const std::filesystem::path program_;
  const Running& running_;
  const Look look_;
  const config::Diff diff_;
  std::map<std::pair<Kind, std::string>, Step> steps_;
  std::map<std::filesystem::path, Result<plugin::Description>> described_;
  std::map<std::string, std::vector<std::pair<std::string, store::Labels>>> producers_;
  std::vector<Diagnostic> diagnostics_;
};

}  // namespace

std::string_view to_string(Action action) {
  switch (action) {
    case Action::kept:
      return "kept";
    case Action::reconfigured:
      return "reconfigured";
    case Action::swapped:
      return "swapped";
    case Action::added:
      return "added";
    case Action::removed:
      return "removed";
  }
  return "kept";
}

std::vector<std::string> to_lines(const std::vector<Step>& steps) {
  constexpr std::ptrdiff_t most_named = 8;
  const auto is_kept_pipeline = [](const Step& step) { return step.what == "pipeline" && step.action == Action::kept; };
  const auto kept_pipelines = std::count_if(steps.begin(), steps.end(), is_kept_pipeline);
  std::vector<std::string> lines;
  std::string kept;
  const auto keep = [&](const std::string& text) { kept += (kept.empty() ? "kept: " : ", ") + text; };
  for (const auto& step : steps) {
    if (step.action != Action::kept) {
      lines.push_back(step.what + " " + step.name + ": " + std::string(to_string(step.action)) +
                      (step.reason.empty() ? "" : ": " + step.reason));
    } else if (!is_kept_pipeline(step) || kept_pipelines <= most_named) {
      keep(step.what + " " + step.name);
    }
  }
  if (kept_pipelines > most_named) keep(std::to_string(kept_pipelines) + " pipelines");
  if (!kept.empty()) lines.push_back(std::move(kept));
  return lines;
}

bool Plan::changes_nothing() const {
  return std::all_of(steps.begin(), steps.end(), [](const Step& step) { return step.action == Action::kept; });
}

const InstanceSpec* Plan::find(Kind kind, std::string_view name) const {
  const auto found = std::find_if(instances.begin(), instances.end(),
                                  [&](const auto& spec) { return spec.kind == kind && spec.name == name; });
  return found == instances.end() ? nullptr : &*found;
}

namespace {

/// Alerts go to sinks that take them.
void check_receivers(const Plan& plan, std::vector<Diagnostic>& diagnostics) {
  for (const auto& rule : plan.rules) {
    if (!rule->alert) continue;
    for (const auto& name : rule->alerts_to) {
      const InstanceSpec* sink = plan.find(Kind::sink, name);
      if (sink == nullptr || sink->takes_alerts || sink->version.empty()) continue;  // reading the file has said so
      config::add_error(diagnostics, rule->where,
                        "pipeline \"" + rule->name + "\": sink \"" + name + "\" (" + sink->plugin +
                            ") takes no alerts: name one such as webhook_snapshot in alerts_to");
    }
  }
}

}  // namespace

Planned make_plan(const Running& running, config::Config wanted, const std::filesystem::path& program, Look look) {
  Planned planned;
  Planner planner(wanted, program, running, look);
  planned.plan.instances = planner.instances();
  planned.plan.steps = planner.steps();
  planned.diagnostics = planner.take_diagnostics();
  planned.plan.rules = rules::compile_all(wanted, planned.diagnostics);
  for (const auto& spec : planned.plan.instances) planned.plan.events.insert(spec.events.begin(), spec.events.end());
  check_receivers(planned.plan, planned.diagnostics);
  planned.plan.config = std::move(wanted);
  return planned;
}

}  // namespace sentinel::runtime
