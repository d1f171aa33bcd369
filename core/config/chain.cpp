#include "core/config/chain.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "core/config/duration.hpp"
#include "core/config/fields.hpp"
#include "core/config/names.hpp"
#include "core/config/number.hpp"
#include "core/config/suggest.hpp"

namespace sentinel::config {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t most_windows = 16;
constexpr std::int64_t most_groups = 1'000'000;
constexpr std::chrono::nanoseconds longest_wait = 7 * 24h;

const std::vector<std::string>& functions() {
  static const std::vector<std::string> words = {"count", "sum",  "rate",     "avg",     "min",
                                                 "max",   "last", "quantile", "distinct"};
  return words;
}

const Where& place_of(const Value& section, std::string_view key) {
  const Value* value = section.find(key);
  return value == nullptr ? section.where : value->where;
}

void read_times(Fields& fields, const Value& section, Window& window) {
  if (!fields.has("over")) {
    if (fields.is_map())
      fields.error(window.where, "over", "is missing; say how far the window reaches back: over: 15s");
  }
  const bool over = fields.read_duration("over", 1s, 24h, window.over);
  std::chrono::nanoseconds every{};
  if (!fields.read_duration("every", 100ms, 24h, every)) return;
  window.every = every;
  if (!over || window.over % every == 0ns) return;
  fields.error(place_of(section, "every"), "every",
               "the window is made of panes of this length, and over: " + format_duration(window.over) +
                   " is no multiple of " + format_duration(every));
}

/// `fn:` with `q:` and `of:`, which belong to one each.
void read_function(Fields& fields, const Value& section, Window& window) {
  if (!fields.has("fn") && fields.is_map()) {
    fields.error(window.where, "fn", "is missing; write one of " + join_names(functions()));
  }
  std::size_t choice = 0;
  const bool known = fields.read_choice("fn", functions(), choice);
  if (known) window.fn = functions()[choice];

  const auto quantile = [](std::string_view text) -> Result<double> {
    auto number = parse_number(text);
    if (!number || (*number >= 0 && *number <= 1)) return number;
    return Error{Errc::invalid_argument, quote(text) + " is not between 0 and 1"};
  };
  fields.read("q", quantile, window.quantile);
  if (fields.read_text("of", window.of) && !is_label_name(window.of)) {
    fields.error(place_of(section, "of"), "of", quote(window.of) + " is no name of a label or context field");
  }
  if (!known) return;
  const auto belongs = [&](std::string_view key, std::string_view function, std::string_view example) {
    if (window.fn == function && !fields.has(key)) {
      fields.error(place_of(section, "fn"), key,
                   "is missing; fn: " + window.fn + " needs it, as in " + std::string(example));
    } else if (window.fn != function && fields.has(key)) {
      fields.error(place_of(section, key), key,
                   "belongs to fn: " + std::string(function) + "; fn: " + window.fn + " has none");
    }
  };
  belongs("q", "quantile", "q: 0.99");
  belongs("of", "distinct", "of: comm");
}

void read_groups(Fields& fields, Window& window) {
  static const std::vector<std::string> aggregations = {"sum", "avg", "min", "max", "count"};
  std::size_t choice = 0;
  if (fields.read_choice("agg", aggregations, choice)) window.agg = aggregations[choice];
  if (fields.has("by")) {
    window.by.emplace();
    for (const auto& label : read_names(fields, "by")) {
      if (!is_label_name(label.name)) {
        fields.error(label.where, "by", quote(label.name) + " is no name of a label or context field");
      } else if (label.name.starts_with("__")) {
        fields.error(label.where, "by", quote(label.name) + " begins with __, which Prometheus keeps for itself");
      } else {
        window.by->push_back(label.name);
      }
    }
  }
  std::int64_t groups = 0;
  if (fields.read_integer("groups", 1, most_groups, groups)) window.groups = static_cast<std::size_t>(groups);
}

void check_window_name(const Key& name, const std::string& owner, std::vector<Diagnostic>& diagnostics) {
  static constexpr std::array<std::string_view, 6> taken = {"and", "or", "unless", "bool", "inf", "nan"};
  if (!is_name(name.name)) {
    add_error(diagnostics, name.where,
              owner + ": " + quote(name.name) +
                  " is no name for a window; begin with a small letter, then small letters, digits and _, at most 47");
  } else if (std::find(taken.begin(), taken.end(), name.name) != taken.end()) {
    add_error(diagnostics, name.where,
              owner + ": no window may be named " + quote(name.name) + ": it means something else in when:");
  }
}

/// Annotations of Prometheus: three with keys of their own, all others in `annotations:`.
void read_annotations(Fields& fields, const std::string& owner, Alert& alert, std::vector<Diagnostic>& diagnostics) {
  for (const std::string_view key : {"summary", "description", "runbook_url"}) {
    if (Text text; fields.read_source(key, text)) alert.annotations.emplace(key, std::move(text));
  }
  const Value* map = fields.get("annotations");
  if (map == nullptr) return;
  Fields texts(*map, owner + ": annotations", "{dashboard: https://…}", diagnostics);
  if (map->kind != Value::Kind::map) return;
  for (const auto& key : map->keys) {
    Text text;
    if (!texts.read_source(key.name, text)) continue;
    if (!is_label_name(key.name)) {
      texts.error(key.where, key.name, "is no name for an annotation; use letters, digits and _");
    } else if (alert.annotations.contains(key.name)) {
      texts.error(key.where, key.name, "stands also beside annotations:; leave one out");
    } else {
      alert.annotations.emplace(key.name, std::move(text));
    }
  }
}

}  // namespace

Window read_window(const Value& section, const std::string& owner, const Key* name,
                   std::vector<Diagnostic>& diagnostics) {
  Window window;
  window.where = name == nullptr ? section.where : name->where;
  Fields fields(section, owner, name == nullptr ? "{over: 15s, fn: avg}" : "{filter: x, over: 15s, fn: avg}",
                diagnostics);
  if (name != nullptr) {
    check_window_name(*name, owner, diagnostics);
    window.name = name->name;
    if (!fields.has("filter") && fields.is_map()) {
      fields.error(window.where, "filter", "is missing; each of windows: selects a metric of its own");
    }
    fields.read_source("filter", window.filter);
  } else if (fields.read_text("as", window.name)) {
    check_window_name({window.name, section.find("as")->where}, owner + ": as", diagnostics);
  }
  read_times(fields, section, window);
  read_function(fields, section, window);
  read_groups(fields, window);
  fields.finish();
  return window;
}

std::vector<Window> read_windows(const Value& section, const std::string& owner, std::vector<Diagnostic>& diagnostics) {
  std::vector<Window> windows;
  if (section.kind != Value::Kind::map || section.keys.empty()) {
    add_error(diagnostics, section.where,
              owner + " must be a map from names to windows, such as {sent: {filter: x, over: 1m, fn: rate}}, not " +
                  (section.kind == Value::Kind::map ? std::string("an empty one") : describe(section)));
    return windows;
  }
  if (section.keys.size() > most_windows) {
    add_error(diagnostics, section.keys[most_windows].where, owner + ": is one window too many; a rule has 16 at most");
  }
  for (std::size_t i = 0; i < section.keys.size() && i < most_windows; ++i) {
    if (section.items[i].broken) continue;
    windows.push_back(
        read_window(section.items[i], owner + ": " + section.keys[i].name, &section.keys[i], diagnostics));
  }
  return windows;
}

Alert read_alert(const Value& section, const std::string& owner, std::vector<Diagnostic>& diagnostics) {
  static const std::vector<std::string> severities = {"info", "warning", "critical"};
  Alert alert;
  alert.where = section.where;
  Fields fields(section, owner, "{when: \"> 80\", for: 5m, severity: warning}", diagnostics);
  if (!fields.has("when") && fields.is_map()) {
    fields.error(alert.where, "when", "is missing; say when it fires, as in when: \"> 80\"");
  }
  fields.read_source("when", alert.when);
  fields.read_duration("for", 0s, longest_wait, alert.hold);
  const auto read_optional = [&](std::string_view key, std::optional<std::chrono::nanoseconds>& out) {
    std::chrono::nanoseconds duration{};
    if (fields.read_duration(key, 0s, longest_wait, duration)) out = duration;
  };
  read_optional("keep_firing_for", alert.keep_firing_for);
  read_optional("cooldown", alert.cooldown);
  std::size_t choice = 0;
  if (fields.read_choice("severity", severities, choice)) alert.severity = severities[choice];
  fields.read_labels("labels", alert.labels);
  for (const std::string_view taken : {"alertname", "severity"}) {
    if (alert.labels.erase(std::string(taken)) == 0) continue;
    fields.error(place_of(section, "labels"), "labels",
                 quote(taken) + (taken == "severity" ? " has a key of its own: write severity: beside labels:"
                                                     : " is the pipeline's name; leave it out"));
  }
  for (const auto& [name, value] : alert.labels) {
    if (value.find("{{") == std::string::npos) continue;
    fields.error(place_of(section, "labels"), "labels",
                 quote(name) + " has {{ in it; labels make an alert what it is and are constant: put it into summary:");
  }
  read_annotations(fields, owner, alert, diagnostics);
  fields.finish();
  return alert;
}

}  // namespace sentinel::config
