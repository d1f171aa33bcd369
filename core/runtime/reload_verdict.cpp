#include "core/runtime/reload_verdict.hpp"

#include <boost/json/array.hpp>
#include <cstdio>
#include <string>

#include "core/runtime/rfc3339.hpp"
#include "core/telemetry/log.hpp"

namespace sentinel::runtime {
namespace json = boost::json;
namespace {

constexpr std::string_view component = "reload";

std::string milliseconds(double seconds) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f ms", seconds * 1e3);
  return text;
}

std::string summary(const ReloadVerdict& verdict) {
  std::string took;
  for (const auto& [stage, seconds] : verdict.seconds) {
    took += (took.empty() ? " (" : ", ") + stage + " " + milliseconds(seconds);
  }
  if (!took.empty()) took += ")";
  switch (verdict.result) {
    case ReloadVerdict::Result::committed:
      return "committed" + took + (verdict.probation ? "; what it replaced stands by" : "");
    case ReloadVerdict::Result::unchanged:
      return "nothing has changed";
    case ReloadVerdict::Result::refused:
      return "refused at " + verdict.stage + ": " + verdict.reason + "; what ran before goes on";
    case ReloadVerdict::Result::rolled_back:
      return "rolled back: " + verdict.reason + "; what ran before goes on";
  }
  return {};
}

}  // namespace

std::string_view to_string(ReloadVerdict::Result result) {
  switch (result) {
    case ReloadVerdict::Result::committed:
      return "committed";
    case ReloadVerdict::Result::unchanged:
      return "unchanged";
    case ReloadVerdict::Result::refused:
      return "refused";
    case ReloadVerdict::Result::rolled_back:
      return "rolled_back";
  }
  return "unchanged";
}

json::object to_json(const ReloadVerdict& verdict) {
  json::array changes;
  for (const auto& step : verdict.steps) {
    changes.push_back(json::object{
        {"what", step.what}, {"name", step.name}, {"action", to_string(step.action)}, {"reason", step.reason}});
  }
  json::array lines;
  for (auto& line : to_lines(verdict.steps)) lines.emplace_back(std::move(line));
  json::array mistakes;
  for (const auto& diagnostic : verdict.diagnostics) mistakes.emplace_back(config::to_string(diagnostic));
  json::array not_running;
  for (const auto& [name, reason] : verdict.not_running) {
    not_running.push_back(json::object{{"name", name}, {"reason", reason}});
  }
  json::object seconds;
  for (const auto& [stage, value] : verdict.seconds) seconds[stage] = value;
  return {{"result", to_string(verdict.result)},
          {"by", verdict.by},
          {"time", rfc3339(verdict.unix_ns)},
          {"stage", verdict.stage},
          {"reason", verdict.reason},
          {"changes", std::move(changes)},
          {"lines", std::move(lines)},
          {"diagnostics", std::move(mistakes)},
          {"not_running", std::move(not_running)},
          {"seconds", std::move(seconds)},
          {"probation", verdict.probation}};
}

void tell(const ReloadVerdict& verdict) {
  const bool good =
      verdict.result == ReloadVerdict::Result::committed || verdict.result == ReloadVerdict::Result::unchanged;
  for (const auto& diagnostic : verdict.diagnostics) {
    telemetry::Log::write(
        diagnostic.severity == config::Severity::error ? telemetry::LogLevel::error : telemetry::LogLevel::warning,
        component, config::to_string(diagnostic));
  }
  // A rollback's steps were told when they were committed.
  if (verdict.result != ReloadVerdict::Result::rolled_back) {
    for (const auto& line : to_lines(verdict.steps)) telemetry::log_info(component, line);
  }
  for (const auto& [name, reason] : verdict.not_running) {
    telemetry::log_warning(component, "not running: " + name + ": " + reason);
  }
  const std::string line = verdict.by + ": " + summary(verdict);
  if (good) {
    telemetry::log_info(component, line);
  } else {
    telemetry::log_error(component, line);
  }
}

}  // namespace sentinel::runtime
