#include <boost/json.hpp>
#include <cstdio>

#include "core/app/ask.hpp"
#include "core/app/commands.hpp"
#include "core/app/table.hpp"

namespace sentinel::app {
namespace json = boost::json;
namespace {

std::string text(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  if (value == nullptr || value->is_null()) return "-";
  return value->is_string() ? std::string(value->get_string()) : json::serialize(*value);
}

/// `alertname` and `severity` have columns of their own.
std::string labels_of(const json::object& labels) {
  std::string out;
  for (const auto& [name, value] : labels) {
    if (name == "alertname" || name == "severity") continue;
    out += (out.empty() ? "" : ",") + std::string(name) + "=" + std::string(value.as_string());
  }
  return out.empty() ? "-" : out;
}

std::string human(const json::array& alerts) {
  if (alerts.empty()) return "no alert is pending or firing\n";
  std::vector<std::vector<std::string>> rows{{"ALERT", "SEVERITY", "STATE", "SINCE", "VALUE", "LABELS", "SUMMARY"}};
  for (const auto& value : alerts) {
    const json::object& alert = value.as_object();
    const json::object& labels = alert.at("labels").as_object();
    rows.push_back({text(labels, "alertname"), text(labels, "severity"), text(alert, "state"), text(alert, "activeAt"),
                    text(alert, "value"), labels_of(labels), text(alert.at("annotations").as_object(), "summary")});
  }
  return table(rows);
}

int no_such_agent(std::string_view command, const Answer& answer) {
  std::fprintf(stderr, "sentinel %s: the agent answered %d: %s\n", std::string(command).c_str(), answer.status,
               answer.body.c_str());
  return failed;
}

}  // namespace

int alerts(const AskOptions& options, bool as_json) {
  int code = good;
  const auto answer = ask(options, "alerts", "/api/v1/alerts", std::nullopt, code);
  if (!answer) return code;
  const auto* root = answer->json.if_object();
  const auto* data = root == nullptr ? nullptr : root->if_contains("data");
  if (answer->status != 200 || data == nullptr || !data->is_object() || !data->as_object().contains("alerts")) {
    return no_such_agent("alerts", *answer);
  }
  const std::string out = as_json ? answer->body : human(data->as_object().at("alerts").as_array());
  std::fputs(out.c_str(), stdout);
  return good;
}

int snapshot(const AskOptions& options, const std::string& reason) {
  int code = good;
  const std::string body = json::serialize(json::object{{"reason", reason}});
  const auto answer = ask(options, "snapshot", "/api/v1/snapshots", body, code);
  if (!answer) return code;
  if (answer->status == 404) {
    std::fputs("sentinel snapshot: no sink takes snapshots: add `incident: {plugin: webhook_snapshot}` to `sinks:`\n",
               stderr);
    return failed;
  }
  const auto* root = answer->json.if_object();
  if (answer->status != 202 || root == nullptr) return no_such_agent("snapshot", *answer);
  std::printf("%s\n", text(*root, "snapshot").c_str());
  return good;
}

}  // namespace sentinel::app
