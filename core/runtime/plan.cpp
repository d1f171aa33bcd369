#include "core/runtime/plan.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "core/plugin/description.hpp"
#include "core/plugin/find.hpp"
#include "core/plugin/permissions.hpp"
#include "core/telemetry/snapshot.hpp"

namespace sentinel::runtime {
namespace {

using config::Diagnostic;

constexpr std::chrono::seconds self_every(5);
constexpr std::chrono::seconds sink_deadline(10);

/// Makes the instances of one configuration, asking each plugin's file once.
class Planner {
 public:
  Planner(const config::Config& config, std::filesystem::path program, const config::Diff& diff,
          const std::vector<InstanceSpec>& specs)
      : config_(config), program_(std::move(program)) {
    const auto keep = [&](Kind kind, const std::vector<config::Change>& changes) {
      for (const auto& spec : specs) {
        const bool kept = std::any_of(changes.begin(), changes.end(), [&](const auto& change) {
          return change.kind == config::ChangeKind::kept && change.name == spec.name;
        });
        if (spec.kind == kind && kept) kept_.emplace(std::pair(kind, spec.name), spec);
      }
    };
    keep(Kind::collector, diff.collectors);
    keep(Kind::sink, diff.sinks);
  }

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

 private:
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
    if (const auto kept = kept_.find({spec.kind, spec.name}); kept != kept_.end()) {
      spec = kept->second;
      note_metrics(spec);
      return;
    }
    if (!plugin::is_plugin_name(spec.plugin)) return;  // reading the file has said so
    const std::string owner = std::string(to_string(spec.kind)) + " \"" + spec.name + "\"";
    const auto file = plugin::find(spec.plugin, config_.agent.plugin_path);
    if (!file) return refuse(spec, owner, where, file.error());
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
    for (const auto& metric : described->metrics) {
      spec.metrics.push_back(metric.name);
      if (metric.kind == SENTINEL_EVENT) spec.events.push_back(metric.name);
    }
    if (spec.kind == Kind::collector) check_metrics(spec, owner, where);
  }

  const Result<plugin::Description>& describe(const std::filesystem::path& file) {
    const auto known = described_.find(file);
    if (known != described_.end()) return known->second;
    const auto allowed = plugin::check_permissions(file);
    auto description = allowed ? plugin::describe(file, program_) : Result<plugin::Description>(allowed.error());
    return described_.emplace(file, std::move(description)).first->second;
  }

  /// Two collectors must not produce the same series; constant labels with different values tell them apart.
  void check_metrics(const InstanceSpec& spec, const std::string& owner, const config::Where& where) {
    for (const auto& metric : spec.metrics) {
      for (const auto& [name, labels] : producers_[metric]) {
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
    for (const auto& metric : spec.metrics) producers_[metric].emplace_back(spec.name, spec.labels);
  }

  void refuse(InstanceSpec& spec, const std::string& owner, const config::Where& where, const Error& error) {
    if (spec.optional) {
      spec.unavailable = error.message;
    } else {
      config::add_error(diagnostics_, where, owner + ": " + error.message);
    }
  }

  const config::Config& config_;
  const std::filesystem::path program_;
  std::map<std::pair<Kind, std::string>, InstanceSpec> kept_;
  std::map<std::filesystem::path, Result<plugin::Description>> described_;
  std::map<std::string, std::vector<std::pair<std::string, store::Labels>>> producers_;
  std::vector<Diagnostic> diagnostics_;
};

}  // namespace

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

Planned make_plan(const config::Config& running, config::Config wanted, const std::filesystem::path& program,
                  const std::vector<InstanceSpec>& specs) {
  Planned planned;
  planned.plan.diff = config::diff(running, wanted);
  Planner planner(wanted, program, planned.plan.diff, specs);
  planned.plan.instances = planner.instances();
  planned.diagnostics = planner.take_diagnostics();
  planned.plan.rules = rules::compile_all(wanted, planned.diagnostics);
  for (const auto& spec : planned.plan.instances) planned.plan.events.insert(spec.events.begin(), spec.events.end());
  check_receivers(planned.plan, planned.diagnostics);
  planned.plan.config = std::move(wanted);
  return planned;
}

Plan stop_plan(const config::Config& running) {
  Plan plan;
  plan.diff = config::diff(running, plan.config);
  return plan;
}

}  // namespace sentinel::runtime
