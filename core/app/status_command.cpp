#include <boost/json.hpp>
#include <cstdio>

#include "core/app/commands.hpp"
#include "core/app/table.hpp"
#include "core/config/config.hpp"
#include "core/http/client.hpp"

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
  return errors.empty() ? out : out + "\n" + errors;
}

Result<http::Endpoint> endpoint(const StatusOptions& options) {
  if (!options.address.empty()) return http::Endpoint{{}, options.address};
  if (!options.socket.empty()) return http::Endpoint{options.socket, {}};
  const auto loaded = config::load(options.file, config::process_environment());
  if (!loaded.ok()) {
    return Error{Errc::invalid_argument, config::to_string(loaded.diagnostics.front()) +
                                             "\nname the agent's socket with --socket, or its address with --address"};
  }
  return http::Endpoint{loaded.config.agent.state_dir / "sentinel.sock", {}};
}

}  // namespace

int status(const StatusOptions& options) {
  const auto where = endpoint(options);
  if (!where) {
    std::fprintf(stderr, "%s\n", where.error().message.c_str());
    return bad_file;
  }
  const auto response = http::get(*where, "/api/v1/status");
  if (!response) {
    std::fprintf(stderr, "sentinel status: %s\n", response.error().message.c_str());
    return failed;
  }
  if (response->status != 200) {
    std::fprintf(stderr, "sentinel status: the agent answered %d: %s", response->status, response->body.c_str());
    return failed;
  }
  boost::system::error_code bad;
  const json::value parsed = json::parse(response->body, bad);
  if (bad || !parsed.is_object() || !parsed.as_object().contains("instances")) {
    std::fprintf(stderr, "sentinel status: what answered is no agent of this version\n");
    return failed;
  }
  std::fputs(options.as_json ? (response->body + "\n").c_str() : human(parsed.as_object()).c_str(), stdout);
  return good;
}

}  // namespace sentinel::app
