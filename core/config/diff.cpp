#include "core/config/diff.hpp"

#include <algorithm>
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

Change compare(const Pipeline& before, const Pipeline& after) {
  Comparison check;
  check("from", before.from, after.from);
  check("to", before.to, after.to);
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

std::vector<Change> compare(const Agent& before, const Agent& after) {
  std::vector<Change> changes;
  const auto check = [&changes](const std::string& key, const auto& old, const auto& now) {
    Comparison comparison;
    comparison(key, old, now);
    if (auto change = comparison.change(key); change.kind == ChangeKind::changed) changes.push_back(std::move(change));
  };
  check("listen", before.listen, after.listen);
  check("plugin_path", before.plugin_path, after.plugin_path);
  check("state_dir", before.state_dir, after.state_dir);
  check("env_file", before.env_file, after.env_file);
  check("web_config", before.web_config, after.web_config);
  check("labels", before.labels, after.labels);
  check("stop_timeout", before.stop_timeout, after.stop_timeout);
  check("workers", before.workers, after.workers);
  check("series_limit", before.series_limit, after.series_limit);
  check("history.memory", format_bytes(before.history.memory_bytes), format_bytes(after.history.memory_bytes));
  check("log.level", before.log.level, after.log.level);
  check("log.format", before.log.format, after.log.format);
  return changes;
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
  return agent.empty() && all_kept(collectors) && all_kept(sinks) && all_kept(pipelines);
}

Diff diff(const Config& before, const Config& after) {
  return {compare(before.agent, after.agent), compare(before.collectors, after.collectors),
          compare(before.sinks, after.sinks), compare(before.pipelines, after.pipelines)};
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
