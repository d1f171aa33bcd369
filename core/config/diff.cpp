#include "core/config/diff.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "core/config/bytes.hpp"
#include "core/config/duration.hpp"
#include "core/config/suggest.hpp"

namespace sentinel::config {

namespace {

std::string show(const std::string& text) {
  return text.empty() ? "none" : text;
}
std::string show(const std::filesystem::path& path) {
  return show(path.string());
}
std::string show(std::chrono::nanoseconds duration) {
  return format_duration(duration);
}
std::string show(double number) {
  std::array<char, 32> text{};
  return {text.data(), std::to_chars(text.data(), text.data() + text.size(), number).ptr};
}
std::string show(bool flag) {
  return flag ? "true" : "false";
}
std::string show(std::uint32_t number) {
  return std::to_string(number);
}
std::string show(std::uint64_t number) {
  return std::to_string(number);
}
std::string show(const std::optional<std::uint64_t>& number) {
  return number ? std::to_string(*number) : "none";
}

std::string show(LogLevel level) {
  constexpr const char* names[] = {"debug", "info", "warning", "error"};
  return names[static_cast<std::size_t>(level)];
}

std::string show(LogFormat format) {
  return format == LogFormat::json ? "json" : "text";
}

std::string show(const std::vector<std::string>& list) {
  std::string out = "[";
  for (const auto& item : list) out += (out.size() == 1 ? "" : ", ") + item;
  return out + "]";
}

std::string show(const std::vector<std::filesystem::path>& list) {
  std::vector<std::string> texts;
  for (const auto& path : list) texts.push_back(path.string());
  return show(texts);
}

std::string show(const Labels& labels) {
  std::string out = "{";
  for (const auto& [name, value] : labels) out += (out.size() == 1 ? "" : ", ") + name + ": " + value;
  return out + "}";
}

std::string show(const Text& text) {
  return show(text.text);
}
std::string show(const std::optional<std::chrono::nanoseconds>& duration) {
  return duration ? show(*duration) : "none";
}

/// All keys of a window, as in the file.
std::string show(const Window& window) {
  std::string out = "{";
  if (!window.filter.text.empty()) out += "filter: " + window.filter.text + ", ";
  out += "over: " + show(window.over);
  if (window.every) out += ", every: " + show(*window.every);
  out += ", fn: " + window.fn;
  if (window.fn == "quantile") out += ", q: " + show(window.quantile);
  if (!window.of.empty()) out += ", of: " + window.of;
  if (!window.agg.empty()) out += ", agg: " + window.agg;
  if (window.by) out += ", by: " + show(*window.by);
  if (!window.name.empty()) out += ", as: " + window.name;
  return out + ", groups: " + show(window.groups) + "}";
}

/// Long lists and maps are cut, and line ends shown as such.
std::string shorten(const std::string& text) {
  const std::string quoted = quote(text);
  return quoted.size() == text.size() + 2 ? text : quoted;
}

/// Gathers what differs between two items.
class Comparison {
 public:
  template <class T>
  void operator()(const std::string& key, const T& before, const T& after) {
    if (before != after) add(key, ": " + shorten(show(before)) + " -> " + shorten(show(after)));
  }

  /// Key by key. Values stay out of the reason: a plugin's may be secrets that came from the environment.
  void config(const Value& before, const Value& after) {
    for (std::size_t i = 0; i < after.keys.size(); ++i) {
      const Value* old = before.find(after.keys[i].name);
      if (old == nullptr || *old != after.items[i]) add("config." + after.keys[i].name, "");
    }
    for (const auto& key : before.keys) {
      if (after.find(key.name) == nullptr) add("config." + key.name, "");
    }
  }

  [[nodiscard]] Change change(std::string name) const {
    return {keys_.empty() ? ChangeKind::kept : ChangeKind::changed, std::move(name), keys_, reason_};
  }

 private:
  void add(const std::string& key, const std::string& values) {
    keys_.push_back(key);
    reason_ += (reason_.empty() ? "" : ", ") + key + values;
  }

  std::vector<std::string> keys_;
  std::string reason_;
};

Change compare(const Collector& before, const Collector& after) {
  Comparison check;
  check("plugin", before.plugin, after.plugin);
  check("every", before.every, after.every);
  check("deadline", before.deadline, after.deadline);
  check("optional", before.optional, after.optional);
  check("labels", before.labels, after.labels);
  check("series_limit", before.series_limit, after.series_limit);
  check.config(before.config, after.config);
  return check.change(after.name);
}

Change compare(const Sink& before, const Sink& after) {
  Comparison check;
  check("plugin", before.plugin, after.plugin);
  check("optional", before.optional, after.optional);
  check("queue", before.queue, after.queue);
  check.config(before.config, after.config);
  return check.change(after.name);
}

/// A rule that names none takes what feeds it, whatever collectors there are.
std::vector<std::string> sources(const Pipeline& pipeline) {
  if (pipeline.is_rule() && !pipeline.from_given) return {"whatever feeds it"};
  return pipeline.from;
}

std::vector<std::string> shown(const std::vector<Window>& windows) {
  std::vector<std::string> texts;
  for (const auto& window : windows) texts.push_back(show(window));
  return texts;
}

void compare_alerts(Comparison& check, const Alert& before, const Alert& after) {
  check("alert.when", before.when, after.when);
  check("alert.for", before.hold, after.hold);
  check("alert.keep_firing_for", before.keep_firing_for, after.keep_firing_for);
  check("alert.cooldown", before.cooldown, after.cooldown);
  check("alert.severity", before.severity, after.severity);
  check("alert.labels", before.labels, after.labels);
  std::map<std::string, Text> texts = before.annotations;
  texts.insert(after.annotations.begin(), after.annotations.end());
  for (const auto& [name, text] : texts) {
    const auto of = [&name = name](const Alert& alert) {
      const auto found = alert.annotations.find(name);
      return found == alert.annotations.end() ? Text() : found->second;
    };
    check("alert." + name, of(before), of(after));
  }
}

Change compare(const Pipeline& before, const Pipeline& after) {
  Comparison check;
  check("from", sources(before), sources(after));
  check("to", before.to, after.to);
  check("alerts_to", before.alerts_to, after.alerts_to);
  check("filter", before.filter.value_or(Text()), after.filter.value_or(Text()));
  check(after.named_windows || before.named_windows ? "windows" : "window", shown(before.windows),
        shown(after.windows));
  if (before.alert.has_value() != after.alert.has_value()) {
    check("alert", before.alert.has_value(), after.alert.has_value());
  } else if (after.alert) {
    compare_alerts(check, *before.alert, *after.alert);
  }
  return check.change(after.name);
}

template <class Item>
std::vector<Change> compare(const std::vector<Item>& before, const std::vector<Item>& after) {
  const auto find = [](const std::vector<Item>& items, const std::string& name) {
    return std::find_if(items.begin(), items.end(), [&](const Item& item) { return item.name == name; });
  };
  std::vector<Change> changes;
  for (const auto& item : after) {
    const auto old = find(before, item.name);
    changes.push_back(old == before.end() ? Change{ChangeKind::added, item.name, {}, "new in the file"}
                                          : compare(*old, item));
  }
  for (const auto& item : before) {
    if (find(after, item.name) == after.end()) {
      changes.push_back({ChangeKind::removed, item.name, {}, "no longer in the file"});
    }
  }
  return changes;
}

/// One Change for each key of a section that differs.
class Section {
 public:
  template <class T>
  void operator()(const std::string& key, const T& before, const T& after) {
    Comparison comparison;
    comparison(key, before, after);
    if (auto change = comparison.change(key); change.kind == ChangeKind::changed) changes_.push_back(std::move(change));
  }

  std::vector<Change> take() { return std::move(changes_); }

 private:
  std::vector<Change> changes_;
};

std::vector<Change> compare(const Agent& before, const Agent& after) {
  Section check;
  check("listen", before.listen, after.listen);
  check("plugin_path", before.plugin_path, after.plugin_path);
  check("state_dir", before.state_dir, after.state_dir);
  check("env_file", before.env_file, after.env_file);
  check("web_config", before.web_config, after.web_config);
  check("labels", before.labels, after.labels);
  check("stop_timeout", before.stop_timeout, after.stop_timeout);
  check("probation", before.probation, after.probation);
  check("workers", before.workers, after.workers);
  check("series_limit", before.series_limit, after.series_limit);
  check("alerts_to", before.alerts_to, after.alerts_to);
  check("history.memory", format_bytes(before.history.memory_bytes), format_bytes(after.history.memory_bytes));
  check("log.level", before.log.level, after.log.level);
  check("log.format", before.log.format, after.log.format);
  return check.take();
}

std::vector<Change> compare(const PrometheusRules& before, const PrometheusRules& after) {
  Section check;
  check("rules_file", before.rules_file, after.rules_file);
  check("reload_url", before.reload_url, after.reload_url);
  return check.take();
}

bool all_kept(const std::vector<Change>& changes) {
  return std::all_of(changes.begin(), changes.end(),
                     [](const Change& change) { return change.kind == ChangeKind::kept; });
}

}  // namespace

bool Change::has_key(std::string_view key) const {
  return std::find(keys.begin(), keys.end(), key) != keys.end();
}

bool Diff::empty() const {
  return agent.empty() && prometheus.empty() && all_kept(collectors) && all_kept(sinks) && all_kept(pipelines);
}

Diff diff(const Config& before, const Config& after) {
  return {compare(before.agent, after.agent), compare(before.collectors, after.collectors),
          compare(before.sinks, after.sinks), compare(before.pipelines, after.pipelines),
          compare(before.prometheus, after.prometheus)};
}

std::string_view to_string(ChangeKind kind) {
  switch (kind) {
    case ChangeKind::kept:
      return "kept";
    case ChangeKind::added:
      return "added";
    case ChangeKind::removed:
      return "removed";
    case ChangeKind::changed:
      return "changed";
  }
  return "kept";
}

}  // namespace sentinel::config
