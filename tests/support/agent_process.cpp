#include "tests/support/agent_process.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <charconv>
#include <csignal>
#include <cstdlib>

#include "core/http/client.hpp"

namespace sentinel::testing {

namespace fs = std::filesystem;
namespace json = boost::json;

namespace {

const fs::path built = SENTINEL_BINARY_DIR;

std::optional<fs::path> write_file(const fs::path& file, std::string_view text) {
  write_text(file, text);
  return file;
}

}  // namespace

std::string sentinel_program() {
  return built / "sentinel";
}

fs::path plugin_file(std::string_view name) {
  const std::string file = std::string(name) + ".so";
  const fs::path shipped = built / "plugins" / file;
  return fs::exists(shipped) ? shipped : built / "tests" / "plugins" / file;
}

std::string pipeline_file(std::string_view body, std::string_view agent) {
  std::string text = "version: 1\nagent: {listen: '127.0.0.1:0', state_dir: state, stop_timeout: 2s, plugin_path: ['" +
                     (built / "plugins").string() + "', '" + (built / "tests" / "plugins").string() + "']";
  if (!agent.empty()) text.append(", ").append(agent);
  return text.append("}\n").append(body);
}

Ended sentinel(std::vector<std::string> words) {
  words.insert(words.begin(), sentinel_program());
  return run(std::move(words));
}

std::map<std::string, double> samples(std::string_view exposition) {
  std::map<std::string, double> all;
  while (!exposition.empty()) {
    const auto end = std::min(exposition.find('\n'), exposition.size());
    const std::string_view line = exposition.substr(0, end);
    exposition.remove_prefix(std::min(end + 1, exposition.size()));
    if (line.empty() || line.front() == '#') continue;
    const auto space = line.rfind(' ');
    if (space == std::string_view::npos) {
      ADD_FAILURE() << "no sample: " << line;
      continue;
    }
    const std::string value(line.substr(space + 1));
    char* parsed = nullptr;
    all[std::string(line.substr(0, space))] = std::strtod(value.c_str(), &parsed);
    EXPECT_EQ(*parsed, '\0') << "no number: " << line;
  }
  return all;
}

AgentProcess::AgentProcess(const TempFolder& folder, std::string_view file)
    : file_(*write_file(folder / "sentinel.yaml", file)),
      socket_(folder / "state" / "sentinel.sock"),
      process_({sentinel_program(), "run", file_.string()}) {}

bool AgentProcess::logs(std::string_view text) const {
  return log().find(text) != std::string::npos;
}

bool AgentProcess::wait_ready() {
  return eventually([&] { return logs("sentinel: metrics: ") || !process_.running(); }) && process_.running();
}

std::string AgentProcess::address() {
  if (!address_.empty()) return address_;
  const bool listening = eventually([&] {
    const json::object all = status();
    if (const auto* listen = all.if_contains("listen")) address_ = listen->as_string();
    return !address_.empty() || !process_.running();
  });
  EXPECT_TRUE(listening && !address_.empty()) << log();
  return address_;
}

std::uint16_t AgentProcess::port() {
  const std::string where = address();
  return static_cast<std::uint16_t>(std::atoi(where.substr(where.rfind(':') + 1).c_str()));
}

http::Response AgentProcess::get(std::string_view path) {
  auto response = http::get({{}, address()}, path, {.timeout = patience});
  if (response) return std::move(*response);
  ADD_FAILURE() << response.error().message << "\n" << log();
  http::Response none;
  none.status = 0;
  return none;
}

std::map<std::string, double> AgentProcess::metrics() {
  const auto response = get("/metrics");
  return response.status == 200 ? samples(response.body) : std::map<std::string, double>();
}

std::optional<double> AgentProcess::metric(const std::string& series) {
  const auto all = metrics();
  const auto found = all.find(series);
  return found == all.end() ? std::nullopt : std::optional(found->second);
}

json::object AgentProcess::status() const {
  const auto response = http::get({socket_, {}}, "/api/v1/status", {.timeout = patience});
  if (!response || response->status != 200) return {};
  boost::system::error_code bad;
  json::value parsed = json::parse(response->body, bad);
  return bad || !parsed.is_object() ? json::object() : parsed.as_object();
}

json::object AgentProcess::instance(std::string_view name) const {
  const json::object all = status();
  const auto* instances = all.if_contains("instances");
  if (instances == nullptr) return {};
  for (const auto& each : instances->as_array()) {
    if (each.at("name").as_string() == name) return each.as_object();
  }
  return {};
}

std::string AgentProcess::state(std::string_view name) const {
  const json::object found = instance(name);
  return found.empty() ? std::string() : std::string(found.at("state").as_string());
}

std::string AgentProcess::last_error(std::string_view name) const {
  const json::object found = instance(name);
  if (found.empty() || !found.at("last_error").is_object()) return {};
  return std::string(found.at("last_error").at("message").as_string());
}

std::int64_t AgentProcess::count(std::string_view name, std::string_view what) const {
  const json::object found = instance(name);
  return found.empty() ? -1 : found.at("counts").at(what).to_number<std::int64_t>();
}

std::vector<json::object> AgentProcess::alerts(std::string_view name) const {
  std::vector<json::object> all;
  const auto response = http::get({socket_, {}}, "/api/v1/alerts", {.timeout = patience});
  if (!response || response->status != 200) return all;
  const json::value parsed = json::parse(response->body);
  for (const auto& each : parsed.at("data").at("alerts").as_array()) {
    if (name.empty() || each.at("labels").at("alertname").as_string() == name) all.push_back(each.as_object());
  }
  return all;
}

bool AgentProcess::fires(std::string_view name) const {
  const auto all = alerts(name);
  return std::any_of(all.begin(), all.end(), [](const auto& each) { return each.at("state").as_string() == "firing"; });
}

std::optional<http::Response> AgentProcess::post(std::string_view path, std::string_view json) const {
  auto response = http::post({socket_, {}}, path, json, {.timeout = patience});
  return response ? std::optional(std::move(*response)) : std::nullopt;
}

bool AgentProcess::wait_for_runs(std::string_view collector, std::int64_t wanted) {
  const std::int64_t before = count(collector, "runs");
  // One more than wanted: the last that began may not have ended.
  return eventually([&] { return count(collector, "runs") > before + wanted; });
}

Ended AgentProcess::stop() {
  process_.send(SIGTERM);
  if (auto ended = process_.wait()) return *ended;
  ADD_FAILURE() << "SIGTERM does not end the agent:\n" << log();
  return {-1, SIGKILL, process_.out(), log()};
}

}  // namespace sentinel::testing
