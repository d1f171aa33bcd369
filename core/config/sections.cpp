#include "core/config/sections.hpp"

#include <algorithm>
#include <chrono>

#include "core/config/fields.hpp"
#include "core/config/file.hpp"
#include "core/config/names.hpp"
#include "core/config/number.hpp"
#include "core/config/suggest.hpp"

namespace sentinel::config {

namespace {

using namespace std::chrono_literals;

constexpr std::chrono::nanoseconds longest_default_deadline = 10s;
constexpr std::int64_t most_series = 10'000'000;

void read_history(const Value* section, History& history, std::vector<Diagnostic>& diagnostics) {
  if (section == nullptr) return;
  Fields fields(*section, "agent: history", "{memory: 2MiB}", diagnostics);
  fields.read_bytes("memory", 64U << 10U, 1U << 30U, history.memory_bytes);
  fields.finish();
}

void read_log(const Value* section, Log& log, std::vector<Diagnostic>& diagnostics) {
  if (section == nullptr) return;
  Fields fields(*section, "agent: log", "{level: info, format: text}", diagnostics);
  std::size_t choice = 0;
  if (fields.read_choice("level", {"debug", "info", "warning", "error"}, choice))
    log.level = static_cast<LogLevel>(choice);
  if (fields.read_choice("format", {"text", "json"}, choice)) log.format = static_cast<LogFormat>(choice);
  fields.finish();
}

/// `plugin:`, which each collector and sink must have.
void read_plugin(Fields& fields, const Key& owner, std::string& plugin) {
  if (!fields.is_map()) return;
  if (!fields.has("plugin")) {
    fields.error(owner.where, "plugin", "is missing; name the plugin, as in plugin: proc_cpu");
    return;
  }
  if (fields.read_text("plugin", plugin) && !is_name(plugin)) {
    fields.error(
        fields.get("plugin")->where, "plugin",
        quote(plugin) + " is no plugin name; give the name of the file in agent.plugin_path without path and .so");
  }
}

/// `config:`, kept as it is until the plugin's schema is known.
void read_config(Fields& fields, const Key& owner, Value& config) {
  config.where = owner.where;
  const Value* value = fields.get("config");
  if (value == nullptr) return;
  if (value->kind != Value::Kind::map && value->kind != Value::Kind::null) {
    fields.error(value->where, "config", "must be a map such as {procfs: /proc}, not " + describe(*value));
    return;
  }
  config = *value;
}

/// The form alone; who connects to it resolves it.
Result<std::string> parse_url(std::string_view text) {
  const std::size_t scheme = text.starts_with("http://") ? 7 : text.starts_with("https://") ? 8 : 0;
  const bool clean = std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7F; });
  if (scheme != 0 && clean && text.size() > scheme && text[scheme] != '/') return std::string(text);
  return Error{Errc::invalid_argument, quote(text) + " is no URL; write for example http://127.0.0.1:9090/-/reload"};
}

}  // namespace

Result<std::string> parse_listen(std::string_view text) {
  if (text == "none") return std::string();
  const auto refuse = [text](std::string_view why) {
    return Error{Errc::invalid_argument, quote(text) + std::string(why) +
                                             "; write 127.0.0.1:8000, [::1]:8000, :8000 for every interface, or none"};
  };
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return refuse(" has no port");
  auto host = text.substr(0, colon);
  const auto port_text = text.substr(colon + 1);
  const auto port = parse_integer(port_text);
  const bool digits = !port_text.empty() && port_text.find_first_not_of("0123456789") == std::string_view::npos;
  if (!digits || !port || *port > 65535) return refuse(" has no port between 0 and 65535");
  constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
    if (host.find(':') == std::string_view::npos ||
        host.find_first_not_of(std::string(letters) + ":.%_-") != std::string_view::npos) {
      return refuse(" has no IPv6 address between [ and ]");
    }
  } else if (host.find(':') != std::string_view::npos) {
    return refuse(" has an IPv6 address without [ and ]");
  } else if (host.find_first_not_of(std::string(letters) + ".-_") != std::string_view::npos || host.size() > 253) {
    return refuse(" has no host name or address");
  }
  return std::string(text);
}

Agent read_agent(const Value& section, const std::filesystem::path& file, std::vector<Key>& alerts_to,
                 std::vector<Diagnostic>& diagnostics) {
  Agent agent;
  agent.where = section.where;
  for (auto& path : agent.plugin_path) path = beside(file, path);
  agent.state_dir = beside(file, agent.state_dir);
  agent.env_file = beside(file, agent.env_file);

  Fields fields(section, "agent", "{listen: 127.0.0.1:8000}", diagnostics);
  fields.read("listen", parse_listen, agent.listen);
  std::vector<Key> paths;
  if (fields.read_list("plugin_path", paths)) {
    agent.plugin_path.clear();
    for (const auto& path : paths) agent.plugin_path.push_back(beside(path.where.file, path.name));
    if (section.find("plugin_path")->items.empty())
      fields.error(section.find("plugin_path")->where, "plugin_path", "names no directory");
  }
  fields.read_path("state_dir", agent.state_dir);
  fields.read_path("env_file", agent.env_file);
  fields.read_path("web_config", agent.web_config);
  fields.read_labels("labels", agent.labels);
  fields.read_duration("stop_timeout", 100ms, 1h, agent.stop_timeout);
  fields.read_duration("probation", 100ms, 1h, agent.probation);
  std::int64_t number = 0;
  if (fields.read_integer("workers", 1, 64, number)) agent.workers = static_cast<std::uint32_t>(number);
  if (fields.read_integer("series_limit", 1, most_series, number))
    agent.series_limit = static_cast<std::uint64_t>(number);
  alerts_to = read_names(fields, "alerts_to");
  read_history(fields.get("history"), agent.history, diagnostics);
  read_log(fields.get("log"), agent.log, diagnostics);
  fields.finish();
  return agent;
}

Collector read_collector(const Key& name, const Value& section, std::vector<Diagnostic>& diagnostics) {
  check_name(name, "collector", diagnostics);
  Collector collector;
  collector.name = name.name;
  collector.where = name.where;
  Fields fields(section, owner_of("collector", name), "{plugin: proc_cpu, every: 5s}", diagnostics);
  read_plugin(fields, name, collector.plugin);
  fields.read_duration("every", 100ms, 1h, collector.every);
  collector.deadline = std::min(collector.every, longest_default_deadline);
  fields.read_duration("deadline", 10ms, 1min, collector.deadline);
  // A start is no collection: it may load programs into a busy kernel.
  collector.start_deadline = fields.has("deadline") ? collector.deadline : longest_default_deadline;
  fields.read_boolean("optional", collector.optional);
  fields.read_labels("labels", collector.labels);
  std::int64_t limit = 0;
  if (fields.read_integer("series_limit", 1, most_series, limit))
    collector.series_limit = static_cast<std::uint64_t>(limit);
  read_config(fields, name, collector.config);
  fields.finish();
  return collector;
}

Sink read_sink(const Key& name, const Value& section, std::vector<Diagnostic>& diagnostics) {
  check_name(name, "sink", diagnostics);
  Sink sink;
  sink.name = name.name;
  sink.where = name.where;
  Fields fields(section, owner_of("sink", name), "{plugin: prometheus}", diagnostics);
  read_plugin(fields, name, sink.plugin);
  fields.read_boolean("optional", sink.optional);
  std::int64_t queue = 0;
  if (fields.read_integer("queue", 1, 65536, queue)) sink.queue = static_cast<std::size_t>(queue);
  read_config(fields, name, sink.config);
  fields.finish();
  return sink;
}

PrometheusRules read_prometheus(const Value& section, std::vector<Diagnostic>& diagnostics) {
  PrometheusRules prometheus;
  Fields fields(section, "prometheus", "{rules_file: /etc/prometheus/sentinel.yaml}", diagnostics);
  fields.read_path("rules_file", prometheus.rules_file);
  fields.read("reload_url", parse_url, prometheus.reload_url);
  if (fields.has("reload_url") && !fields.has("rules_file")) {
    fields.error(section.find("reload_url")->where, "reload_url",
                 "stands without rules_file:, the file that is to be read again");
  }
  fields.finish();
  return prometheus;
}

}  // namespace sentinel::config
