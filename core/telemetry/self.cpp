#include <sentinel/collector.hpp>
#include <string>

#include "core/telemetry/process.hpp"
#include "core/telemetry/snapshot.hpp"
#include "core/telemetry/version.hpp"

namespace sentinel::telemetry {
namespace {

/// The agent's own metrics. Names of the process follow Prometheus' client libraries, so that dashboards made for any
/// exporter show this one too.
class Self {
 public:
  Self(const Config&, Host& host)
      : source_(static_cast<const SnapshotSource*>(host.raw()->extension(host.raw(), snapshot_extension))),
        build_info_(host.gauge({"sentinel_build_info", "Version of the agent and what compiled it; always 1."},
                               {"version", "compiler"})),
        up_(host.gauge({"sentinel_collector_up", "Whether the collector's last collection succeeded."}, {"collector"})),
        duration_(host.histogram(
            {"sentinel_collector_duration_seconds", "Time that a collection took in the plugin.", "seconds"},
            duration_bounds, {"collector"})),
        runs_(host.counter({"sentinel_collector_runs_total", "Collections that were begun."}, {"collector"})),
        errors_(host.counter({"sentinel_collector_errors_total", "Collections that failed or overran their deadline."},
                             {"collector"})),
        overruns_(
            host.counter({"sentinel_collector_overruns_total", "Calls that overran their deadline."}, {"collector"})),
        skipped_(host.counter(
            {"sentinel_collector_skipped_total", "Collections left out because an earlier call still ran."},
            {"collector"})),
        records_(
            host.counter({"sentinel_collector_records_total", "Records of successful collections."}, {"collector"})),
        lost_events_(host.counter({"sentinel_collector_lost_events_total",
                                   "Events that were lost before the rules saw them, in the kernel or on the way."},
                                  {"collector"})),
        last_success_(host.gauge({"sentinel_collector_last_success_timestamp_seconds",
                                  "Unix time of the collector's last successful collection.", "seconds"},
                                 {"collector"})),
        sink_up_(host.gauge({"sentinel_sink_up", "Whether the sink's last call succeeded."}, {"sink"})),
        queue_(host.gauge({"sentinel_sink_queue_batches", "Batches that wait for the sink."}, {"sink"})),
        queue_capacity_(
            host.gauge({"sentinel_sink_queue_capacity_batches", "Batches that may wait for the sink."}, {"sink"})),
        delivered_(host.counter({"sentinel_sink_delivered_records_total", "Records that the sink took."}, {"sink"})),
        dropped_(host.counter({"sentinel_sink_dropped_records_total",
                               "Records that were dropped because the sink's queue was full or the sink failed."},
                              {"sink"})),
        sink_errors_(host.counter({"sentinel_sink_errors_total", "Calls of the sink that failed."}, {"sink"})),
        plugin_info_(host.gauge({"sentinel_plugin_info", "A loaded plugin; always 1."},
                                {"instance", "plugin", "kind", "version", "sha256", "generation"})),
        connections_(host.gauge({"sentinel_http_connections", "Open connections of the listener."})),
        accepted_(host.counter({"sentinel_http_connections_accepted_total", "Connections that were accepted."})),
        rejected_(host.counter({"sentinel_http_connections_rejected_total",
                                "Connections that were turned away because too many were open."})),
        responses_(host.counter({"sentinel_http_responses_total", "Responses by class of status code."}, {"code"})),
        series_(host.gauge({"sentinel_store_series", "Live series in the store."})),
        history_(host.gauge({"sentinel_store_history_bytes", "Memory of the store's history.", "bytes"})),
        overflow_(host.counter({"sentinel_store_series_overflow_total",
                                "Label sets that were folded into `other` because their metric was full."},
                               {"collector", "metric"})),
        rules_(host.gauge({"sentinel_rules", "Rules of the chain, by whether anything feeds them."}, {"state"})),
        alerts_(host.gauge({"sentinel_alerts", "Alerts of a rule, by state; none is no series."},
                           {"alertname", "severity", "state"})),
        chain_records_(host.counter({"sentinel_chain_records_total", "Records that the chain of rules took."})),
        chain_dropped_(host.counter(
            {"sentinel_chain_dropped_records_total", "Records that were dropped because the chain's queue was full."})),
        chain_late_(
            host.counter({"sentinel_chain_late_records_total", "Records of windows that were closed already."})),
        chain_groups_(host.gauge({"sentinel_chain_groups", "Groups in the windows of all rules."})),
        chain_overflow_(host.counter({"sentinel_chain_overflow_records_total",
                                      "Records left out because their window had its most groups already."},
                                     {"rule"})),
        chain_saved_(host.gauge(
            {"sentinel_chain_state_saved", "Whether the last write of alert states to agent.state_dir went well."})),
        delivery_up_(
            host.gauge({"sentinel_delivery_up", "Whether the last post to the receiver went well."}, {"receiver"})),
        delivery_pending_(
            host.gauge({"sentinel_delivery_pending", "Notifications that wait for the receiver."}, {"receiver"})),
        delivery_delivered_(
            host.counter({"sentinel_delivery_delivered_total", "Notifications that the receiver took."}, {"receiver"})),
        delivery_dropped_(host.counter({"sentinel_delivery_dropped_total",
                                        "Notifications given up: too old, too many, or refused by the receiver."},
                                       {"receiver"})),
        delivery_retries_(
            host.counter({"sentinel_delivery_retries_total", "Posts that had to be tried again."}, {"receiver"})),
        sink_counters_(
            host.counter({"sentinel_sink_counter_total", "What a sink counts of its own work."}, {"sink", "counter"})),
        sink_gauges_(host.gauge({"sentinel_sink_gauge", "What a sink tells of its state."}, {"sink", "gauge"})),
        reload_good_(host.gauge(
            {"sentinel_config_last_reload_successful", "Whether the last change of the configuration was applied."})),
        reload_time_(host.gauge({"sentinel_config_last_reload_success_timestamp_seconds",
                                 "Unix time at which the configuration was applied last.", "seconds"})),
        reloads_(host.counter({"sentinel_reloads_total",
                               "Reloads and edits of the env file, by result and the last stage that they came to."},
                              {"result", "stage"})),
        reload_stages_(
            host.histogram({"sentinel_reload_stage_duration_seconds", "Time that a stage of a reload took.", "seconds"},
                           duration_bounds, {"stage"})),
        libraries_(host.gauge({"sentinel_plugin_resident_libraries", "Plugin libraries that are mapped."})),
        zombies_(host.gauge({"sentinel_plugin_zombies",
                             "Plugin libraries that no instance needs and that could not be unloaded, by reason."},
                            {"reason"})),
        swap_lost_(host.counter({"sentinel_swap_records_lost_total", "Records that a swap of a plugin lost."})),
        rules_written_(host.gauge(
            {"sentinel_prometheus_rules_written", "Whether the last write of prometheus.rules_file went well."})),
        prometheus_pending_(host.gauge(
            {"sentinel_prometheus_reload_pending", "Whether a reload of the Prometheus has not been taken yet."})),
        prometheus_reloads_(host.counter(
            {"sentinel_prometheus_reloads_total", "Posts to prometheus.reload_url, by result."}, {"result"})),
        workers_(host.gauge({"sentinel_worker_threads", "Threads that run plugin code."})),
        worker_queue_(host.gauge({"sentinel_worker_queue_jobs", "Calls that wait for a worker thread."})),
        cpu_(host.counter({"process_cpu_seconds_total", "User and system CPU time of the agent.", "seconds"})),
        resident_(host.gauge({"process_resident_memory_bytes", "Resident memory of the agent.", "bytes"})),
        virtual_(host.gauge({"process_virtual_memory_bytes", "Virtual memory of the agent.", "bytes"})),
        fds_(host.gauge({"process_open_fds", "Open file descriptors of the agent."})),
        max_fds_(host.gauge({"process_max_fds", "Limit of open file descriptors of the agent."})),
        threads_(host.gauge({"process_threads", "Threads of the agent."})),
        start_time_(host.gauge({"process_start_time_seconds", "Unix time at which the agent started.", "seconds"})) {
    if (source_ == nullptr) throw PluginError({Errc::unsupported, "`self` runs inside the agent alone"});
  }

  Result<void> collect(Batch& batch) {
    const Snapshot now = source_->snapshot();
    batch.add(build_info_, 1, {version(), compiler()});
    add_collectors(batch, now);
    add_sinks(batch, now);
    for (const auto& plugin : now.plugins) {
      batch.add(plugin_info_, 1,
                {plugin.instance, plugin.plugin, plugin.kind, plugin.version, plugin.sha256,
                 std::to_string(plugin.generation)});
    }
    add_chain(batch, now.chain);
    add_delivery(batch, now);
    add_reload(batch, now.reload);
    add_core(batch, now);
    add_process(batch, now);
    return {};
  }

 private:
  void add_collectors(Batch& batch, const Snapshot& now) const {
    for (const auto& collector : now.collectors) {
      batch.add(up_, collector.up ? 1 : 0, {collector.name});
      batch.add(duration_, collector.duration.sum_seconds, collector.duration.buckets, {collector.name});
      batch.add(runs_, static_cast<double>(collector.runs), {collector.name});
      batch.add(errors_, static_cast<double>(collector.errors), {collector.name});
      batch.add(overruns_, static_cast<double>(collector.overruns), {collector.name});
      batch.add(skipped_, static_cast<double>(collector.skipped), {collector.name});
      batch.add(records_, static_cast<double>(collector.records), {collector.name});
      batch.add(lost_events_, static_cast<double>(collector.lost_events), {collector.name});
      if (collector.last_success_unix_seconds > 0) {
        batch.add(last_success_, collector.last_success_unix_seconds, {collector.name});
      }
    }
  }

  void add_sinks(Batch& batch, const Snapshot& now) const {
    for (const auto& sink : now.sinks) {
      batch.add(sink_up_, sink.up ? 1 : 0, {sink.name});
      batch.add(queue_, static_cast<double>(sink.queued_batches), {sink.name});
      batch.add(queue_capacity_, static_cast<double>(sink.queue_capacity), {sink.name});
      batch.add(delivered_, static_cast<double>(sink.delivered_records), {sink.name});
      batch.add(dropped_, static_cast<double>(sink.dropped_records), {sink.name});
      batch.add(sink_errors_, static_cast<double>(sink.errors), {sink.name});
    }
  }

  void add_chain(Batch& batch, const ChainStats& chain) const {
    double idle = 0;
    double groups = 0;
    double late = 0;
    for (const auto& rule : chain.rules) {
      idle += rule.idle ? 1 : 0;
      groups += static_cast<double>(rule.groups);
      late += static_cast<double>(rule.late);
      if (rule.overflow > 0) batch.add(chain_overflow_, static_cast<double>(rule.overflow), {rule.name});
      if (rule.severity.empty()) continue;
      // Of rules without one nothing, as Prometheus has it of its ALERTS: most rules have none at any time.
      if (rule.pending > 0) {
        batch.add(alerts_, static_cast<double>(rule.pending), {rule.name, rule.severity, "pending"});
      }
      if (rule.firing > 0) batch.add(alerts_, static_cast<double>(rule.firing), {rule.name, rule.severity, "firing"});
    }
    batch.add(rules_, idle, {"idle"});
    batch.add(rules_, static_cast<double>(chain.rules.size()) - idle, {"fed"});
    batch.add(chain_records_, static_cast<double>(chain.records));
    batch.add(chain_dropped_, static_cast<double>(chain.dropped_records));
    batch.add(chain_late_, late);
    batch.add(chain_groups_, groups);
    batch.add(chain_saved_, chain.state_saved ? 1 : 0);
  }

  void add_delivery(Batch& batch, const Snapshot& now) const {
    for (const auto& receiver : now.receivers) {
      batch.add(delivery_up_, receiver.up ? 1 : 0, {receiver.name});
      batch.add(delivery_pending_, static_cast<double>(receiver.pending), {receiver.name});
      batch.add(delivery_delivered_, static_cast<double>(receiver.delivered), {receiver.name});
      batch.add(delivery_dropped_, static_cast<double>(receiver.dropped), {receiver.name});
      batch.add(delivery_retries_, static_cast<double>(receiver.retries), {receiver.name});
    }
    for (const auto& counter : now.sink_counters) {
      batch.add(sink_counters_, counter.value, {counter.sink, counter.name});
    }
    for (const auto& gauge : now.sink_gauges) batch.add(sink_gauges_, gauge.value, {gauge.sink, gauge.name});
  }

  void add_reload(Batch& batch, const ReloadStats& reload) const {
    batch.add(reload_good_, reload.successful ? 1 : 0);
    if (reload.success_unix_seconds > 0) batch.add(reload_time_, reload.success_unix_seconds);
    for (const auto& [verdict, count] : reload.verdicts) {
      batch.add(reloads_, static_cast<double>(count), {verdict.first, verdict.second});
    }
    for (const auto& [stage, seconds] : reload.stages) {
      batch.add(reload_stages_, seconds.sum_seconds, seconds.buckets, {stage});
    }
    if (!reload.has_prometheus) return;
    batch.add(rules_written_, reload.rules_written ? 1 : 0);
    batch.add(prometheus_pending_, reload.reload_pending ? 1 : 0);
    batch.add(prometheus_reloads_, static_cast<double>(reload.reloads), {"success"});
    batch.add(prometheus_reloads_, static_cast<double>(reload.reload_failures), {"failure"});
  }

  void add_core(Batch& batch, const Snapshot& now) const {
    batch.add(connections_, static_cast<double>(now.listener.connections_open));
    batch.add(accepted_, static_cast<double>(now.listener.connections_accepted));
    batch.add(rejected_, static_cast<double>(now.listener.connections_rejected));
    for (const auto& [code, count] : now.listener.responses) {
      batch.add(responses_, static_cast<double>(count), {code});
    }
    batch.add(series_, static_cast<double>(now.store.series));
    batch.add(history_, static_cast<double>(now.store.history_bytes));
    for (const auto& [where, count] : now.store.overflow) {
      batch.add(overflow_, static_cast<double>(count), {where.first, where.second});
    }
    batch.add(libraries_, static_cast<double>(now.libraries.resident));
    for (const auto& [reason, count] : now.libraries.zombies) {
      batch.add(zombies_, static_cast<double>(count), {reason});
    }
    batch.add(swap_lost_, static_cast<double>(now.libraries.records_lost));
    batch.add(workers_, static_cast<double>(now.worker_threads));
    batch.add(worker_queue_, static_cast<double>(now.worker_queue));
  }

  void add_process(Batch& batch, const Snapshot& now) const {
    const ProcessUsage usage = read_process_usage();
    batch.add(cpu_, usage.cpu_seconds);
    batch.add(resident_, static_cast<double>(usage.resident_bytes));
    batch.add(virtual_, static_cast<double>(usage.virtual_bytes));
    batch.add(fds_, static_cast<double>(usage.open_fds));
    batch.add(max_fds_, static_cast<double>(usage.max_fds));
    batch.add(threads_, static_cast<double>(usage.threads));
    batch.add(start_time_, now.start_unix_seconds);
  }

  const SnapshotSource* source_;
  Gauge<2> build_info_;
  Gauge<1> up_;
  Histogram<1> duration_;
  Counter<1> runs_;
  Counter<1> errors_;
  Counter<1> overruns_;
  Counter<1> skipped_;
  Counter<1> records_;
  Counter<1> lost_events_;
  Gauge<1> last_success_;
  Gauge<1> sink_up_;
  Gauge<1> queue_;
  Gauge<1> queue_capacity_;
  Counter<1> delivered_;
  Counter<1> dropped_;
  Counter<1> sink_errors_;
  Gauge<6> plugin_info_;
  Gauge<> connections_;
  Counter<> accepted_;
  Counter<> rejected_;
  Counter<1> responses_;
  Gauge<> series_;
  Gauge<> history_;
  Counter<2> overflow_;
  Gauge<1> rules_;
  Gauge<3> alerts_;
  Counter<> chain_records_;
  Counter<> chain_dropped_;
  Counter<> chain_late_;
  Gauge<> chain_groups_;
  Counter<1> chain_overflow_;
  Gauge<> chain_saved_;
  Gauge<1> delivery_up_;
  Gauge<1> delivery_pending_;
  Counter<1> delivery_delivered_;
  Counter<1> delivery_dropped_;
  Counter<1> delivery_retries_;
  Counter<2> sink_counters_;
  Gauge<2> sink_gauges_;
  Gauge<> reload_good_;
  Gauge<> reload_time_;
  Counter<2> reloads_;
  Histogram<1> reload_stages_;
  Gauge<> libraries_;
  Gauge<1> zombies_;
  Counter<> swap_lost_;
  Gauge<> rules_written_;
  Gauge<> prometheus_pending_;
  Counter<1> prometheus_reloads_;
  Gauge<> workers_;
  Gauge<> worker_queue_;
  Counter<> cpu_;
  Gauge<> resident_;
  Gauge<> virtual_;
  Gauge<> fds_;
  Gauge<> max_fds_;
  Gauge<> threads_;
  Gauge<> start_time_;
};

}  // namespace

const sentinel_plugin* self_plugin() {
  return detail::collector_entry<Self>(
      {.name = "self", .version = version(), .licence = "Apache-2.0", .summary = "The agent's own metrics."});
}

}  // namespace sentinel::telemetry
