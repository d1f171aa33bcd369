#include "core/runtime/alerts_api.hpp"

#include <boost/json.hpp>
#include <charconv>
#include <cstdio>

#include "core/runtime/rfc3339.hpp"

namespace sentinel::runtime {
namespace json = boost::json;
namespace {

/// As Prometheus' API gives a value, since JSON has no NaN.
json::string number(double value) {
  char text[32];
  const auto written = std::to_chars(text, text + sizeof(text), value);
  return json::string(text, static_cast<std::size_t>(written.ptr - text));
}

json::string hexadecimal(std::uint64_t value) {
  char text[17];
  std::snprintf(text, sizeof(text), "%016llx", static_cast<unsigned long long>(value));
  return json::string(text);
}

template <class Map>
json::object texts(const Map& map) {
  json::object object;
  for (const auto& [name, value] : map) object[name] = value;
  return object;
}

json::object context_of(const rules::Context& context) {
  json::array stack;
  for (const auto address : context.stack) stack.push_back(hexadecimal(address));
  json::array symbols;
  for (const auto& symbol : context.symbols) symbols.emplace_back(symbol);
  return {{"pid", context.pid},
          {"tid", context.tid},
          {"ppid", context.ppid},
          {"comm", context.comm},
          {"parentComm", context.parent_comm},
          {"cgroupId", context.cgroup_id},
          {"containerId", context.container_id},
          {"exe", context.exe},
          {"pod", context.pod},
          {"stack", std::move(stack)},
          {"symbols", std::move(symbols)}};
}

json::object alert_of(const rules::Alert& alert) {
  json::object out{{"labels", texts(alert.labels)},
                   {"annotations", texts(alert.annotations)},
                   {"state", rules::to_string(alert.state)},
                   {"activeAt", rfc3339(alert.active_since_ns)},
                   {"value", number(alert.value)},
                   {"fingerprint", hexadecimal(alert.fingerprint)},
                   {"firedAt", rfc3339(alert.fired_at_ns)},
                   {"threshold", number(alert.threshold)},
                   {"expression", alert.rule ? alert.rule->expression() : std::string()},
                   {"lost", alert.lost}};
  if (alert.context) out["context"] = context_of(*alert.context);
  return out;
}

std::string success(json::object data) {
  return json::serialize(json::object{{"status", "success"}, {"data", std::move(data)}}) + "\n";
}

}  // namespace

std::string alerts_json(const rules::Engine& engine) {
  json::array alerts;
  for (const auto& alert : engine.alerts()) alerts.push_back(alert_of(alert));
  return success({{"alerts", std::move(alerts)}});
}

std::string rules_json(const rules::Engine& engine) {
  json::array all;
  for (const auto& rule : engine.stats()) {
    json::object out{{"name", rule.name},       {"expression", rule.expression}, {"idle", rule.idle},
                     {"records", rule.records}, {"groups", rule.groups},         {"overflow", rule.overflow},
                     {"late", rule.late},       {"pending", rule.pending},       {"firing", rule.firing}};
    if (!rule.severity.empty()) out["severity"] = rule.severity;
    all.push_back(std::move(out));
  }
  return success({{"rules", std::move(all)}});
}

}  // namespace sentinel::runtime
