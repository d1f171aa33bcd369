#include "core/runtime/status.hpp"

#include <boost/json.hpp>
#include <chrono>
#include <cstdio>

#include "core/runtime/rfc3339.hpp"

namespace sentinel::runtime {
namespace json = boost::json;
namespace {

double seconds(std::chrono::nanoseconds duration) {
  return std::chrono::duration<double>(duration).count();
}

json::object counts(const InstanceStatus& instance) {
  if (instance.spec.kind == Kind::collector) {
    const auto& c = instance.collector;
    return {{"runs", c.runs},
            {"errors", c.errors},
            {"overruns", c.overruns},
            {"skipped", c.skipped},
            {"records", c.records}};
  }
  const auto& s = instance.sink;
  return {{"errors", s.errors},
          {"delivered_records", s.delivered_records},
          {"dropped_records", s.dropped_records},
          {"queued_batches", s.queued_batches},
          {"queue_capacity_batches", s.queue_capacity}};
}

/// Tables by name, each an array of objects.
json::object details(const std::vector<DetailRow>& rows) {
  json::object tables;
  for (const auto& row : rows) {
    json::object cells;
    for (const auto& [key, value] : row.cells) cells[key] = value;
    auto& table = tables[row.table];
    if (!table.is_array()) table = json::array();
    table.as_array().push_back(std::move(cells));
  }
  return tables;
}

json::object instance_json(const InstanceStatus& instance) {
  const InstanceSpec& spec = instance.spec;
  json::object out{{"name", spec.name},
                   {"kind", to_string(spec.kind)},
                   {"plugin", spec.plugin},
                   {"version", spec.version},
                   {"sha256", spec.sha256},
                   {"generation", instance.generation},
                   {"state", to_string(instance.state)},
                   {"call", instance.call},
                   {"optional", spec.optional},
                   {"started", rfc3339(instance.started_unix_ns)}};
  if (spec.kind == Kind::collector) {
    out["every_seconds"] = seconds(spec.every);
    out["last_run"] = rfc3339(instance.last_run_unix_ns);
    out["last_success"] =
        rfc3339(static_cast<std::int64_t>(instance.collector.last_success_unix_seconds * 1e3) * 1'000'000);
    out["last_duration_seconds"] = instance.last_duration_seconds;
  }
  out["last_error"] = nullptr;
  if (instance.last_error) {
    out["last_error"] = {{"time", rfc3339(instance.last_error->unix_ns)}, {"message", instance.last_error->message}};
  }
  out["counts"] = counts(instance);
  if (!instance.details.empty()) out["details"] = details(instance.details);
  return out;
}

}  // namespace

std::string status_json(const AgentStatus& agent, const std::vector<InstanceStatus>& instances) {
  json::array all;
  for (const auto& instance : instances) all.push_back(instance_json(instance));
  json::object labels;
  for (const auto& [key, value] : agent.labels) labels[key] = value;
  json::object reload{{"state", agent.reload_state}, {"last", nullptr}};
  if (agent.last_reload) reload["last"] = to_json(*agent.last_reload);
  json::array zombies;
  for (const auto& zombie : agent.zombies) {
    zombies.push_back(
        json::object{{"file", zombie.source.string()}, {"reason", zombie.reason}, {"message", zombie.text}});
  }
  json::object out{{"version", agent.version},
                   {"config_file", agent.config_file},
                   {"ready", agent.ready},
                   {"started", rfc3339(agent.started_unix_ns)},
                   {"listen", agent.address},
                   {"labels", std::move(labels)},
                   {"store", {{"series", agent.store.series}, {"history_bytes", agent.store.history_bytes}}},
                   {"reload", std::move(reload)},
                   {"zombies", std::move(zombies)},
                   {"instances", std::move(all)}};
  return json::serialize(out);
}

}  // namespace sentinel::runtime
