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

std::string human(const json::object& status) {
  std::string out = "sentinel " + text(status, "version") + ", " + text(status, "config_file") + ", listening on " +
                    text(status, "listen") + ", started " + text(status, "started") + "\n\n";
  std::vector<std::vector<std::string>> rows{{"NAME", "KIND", "PLUGIN", "VERSION", "STATE", "LAST RUN", "ERRORS"}};
  std::string errors;
  for (const auto& value : status.at("instances").as_array()) {
    const json::object& instance = value.as_object();
    rows.push_back({text(instance, "name"), text(instance, "kind"), text(instance, "plugin"), text(instance, "version"),
                    text(instance, "state"), text(instance, "last_run"),
                    text(instance.at("counts").as_object(), "errors")});
    if (const auto* error = instance.at("last_error").if_object(); error != nullptr) {
      errors +=
          text(instance, "name") + ", last error at " + text(*error, "time") + ": " + text(*error, "message") + "\n";
    }
  }
  out += table(rows);
  if (const auto* reload = status.if_contains("reload"); reload != nullptr && reload->is_object()) {
    if (const auto* last = reload->as_object().at("last").if_object(); last != nullptr) {
      const auto reason = text(*last, "reason");
      out += "\nlast reload, by " + text(*last, "by") + " at " + text(*last, "time") + ": " + text(*last, "result") +
             (reason.empty() ? "" : " at " + text(*last, "stage") + ": " + reason) +
             (text(*last, "probation") == "true" ? "; what it replaced stands by" : "") + "\n";
    }
  }
  return errors.empty() ? out : out + "\n" + errors;
}

}  // namespace

int status(const AskOptions& options, bool as_json) {
  int code = good;
  const auto answer = ask(options, "status", "/api/v1/status", std::nullopt, code);
  if (!answer) return code;
  if (answer->status != 200) {
    std::fprintf(stderr, "sentinel status: the agent answered %d: %s", answer->status, answer->body.c_str());
    return failed;
  }
  const auto* root = answer->json.if_object();
  if (root == nullptr || !root->contains("instances")) {
    std::fprintf(stderr, "sentinel status: what answered is no agent of this version\n");
    return failed;
  }
  std::fputs(as_json ? (answer->body + "\n").c_str() : human(*root).c_str(), stdout);
  return good;
}

}  // namespace sentinel::app
