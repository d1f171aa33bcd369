#include "rules/prometheus.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "core/config/duration.hpp"
#include "rules/scanner.hpp"

namespace sentinel::rules {

namespace {

using namespace std::chrono_literals;

constexpr std::string_view instance = "instance";

/// What YAML would not take for itself inside double quotes or a comment, with YAML's own escapes.
std::string escaped(std::string_view text, bool quotes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (quotes && (text[i] == '"' || text[i] == '\\')) {
      out += '\\';
      out += text[i];
    } else if (text[i] == '\n') {
      out += "\\n";
    } else if (byte < 0x20 || byte == 0x7F) {
      out += "\\x";
      out += digits[byte >> 4U];
      out += digits[byte & 0xFU];
    } else if (byte == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0) {
      const auto next = static_cast<unsigned char>(text[++i]);  // U+0080 to U+009F, a line end among them
      out += "\\x";
      out += digits[next >> 4U];
      out += digits[next & 0xFU];
    } else if (text.substr(i, 3) == "\u2028" || text.substr(i, 3) == "\u2029") {
      out += text[i + 2] == '\xa8' ? "\\u2028" : "\\u2029";
      i += 2;
    } else if (text.substr(i, 3) == "\ufeff") {
      out += "\\ufeff";
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string yaml_text(std::string_view text) {
  return '"' + escaped(text, true) + '"';
}

/// Prometheus knows nothing shorter than a millisecond.
std::string duration(std::chrono::nanoseconds time) {
  return config::format_duration(std::chrono::ceil<std::chrono::milliseconds>(time));
}

/// One rule with an alert on its way to PromQL.
class Exporter {
 public:
  Exporter(const Rule& rule, const std::set<std::string>& events, const ScrapeOptions& options)
      : rule_(rule), events_(events), options_(options) {}

  /// Nothing when Prometheus cannot evaluate it; reason() says why.
  std::optional<std::string> expression() {
    const auto& used = rule_.alert->when.windows();
    std::vector<std::string> texts(rule_.windows.size());
    for (const auto index : used) {
      const auto& window = rule_.windows[index];
      check_source(window);
      texts[index] = window_text(window);
      if (labels_differ(window, rule_.windows[used.front()])) {
        refuse("its windows keep different labels, which PromQL does not match by itself: give them the same by:");
      }
    }
    if (!reason_.empty()) return std::nullopt;
    return to_string(rule_.alert->when, texts);
  }

  [[nodiscard]] const std::string& reason() const { return reason_; }
  /// What is not quite as in the agent.
  [[nodiscard]] const std::vector<std::string>& notes() const { return notes_; }

 private:
  void refuse(std::string reason) {
    if (reason_.empty()) reason_ = std::move(reason);
  }

  void note(std::string text) {
    if (std::find(notes_.begin(), notes_.end(), text) == notes_.end()) notes_.push_back(std::move(text));
  }

  static bool labels_differ(const WindowSpec& a, const WindowSpec& b) {
    const auto kept = [](const WindowSpec& window) -> std::optional<std::vector<std::string>> {
      if (window.by) return window.by;
      if (window.aggregation != Aggregation::none) return std::vector<std::string>();
      return std::nullopt;
    };
    return kept(a) != kept(b);
  }

  void check_source(const WindowSpec& window) {
    const Selector& filter = window.filter;
    const auto event = std::find_if(events_.begin(), events_.end(),
                                    [&](const std::string& metric) { return filter.matches_metric(metric); });
    if (event != events_.end()) return refuse(*event + " is an event, which never appears as a sample");
    std::vector<std::string> names = window.by.value_or(std::vector<std::string>());
    for (const auto& matcher : filter.matchers) names.push_back(matcher.label());
    const auto context = std::find_if(names.begin(), names.end(),
                                      [](const auto& name) { return context_field(name) != ContextField::none; });
    if (context != names.end()) return refuse(*context + " is known of events alone, which never appear as samples");
    if (window.function == Function::distinct) refuse("fn: distinct looks into events, which never appear as samples");
    if (filter.metric.empty()) refuse("it selects several metrics, whose names PromQL drops: name one metric");
  }

  std::string selector(const WindowSpec& window) {
    const bool rate = window.function == Function::rate;
    const auto shortest = options_.interval * (rate ? 4 : 1);
    const auto over = std::max<std::chrono::nanoseconds>(window.over, shortest);
    if (over != window.over) {
      note("a range is " + duration(over) + " instead of " + duration(window.over) + ", to hold " +
           (rate ? "two samples" : "a sample"));
    }
    const std::string range = duration(over);
    if (!window.filter.comparison) return to_string(window.filter) + "[" + range + "]";
    if (window.function == Function::count || window.function == Function::sum || rate) {
      refuse("its filter compares values, and PromQL does not " + std::string(to_string(window.function)) +
             " what was left out");
    }
    return "(" + to_string(window.filter) + ")[" + range + ":]";
  }

  std::string window_text(const WindowSpec& window) {
    const std::string range = selector(window);
    const auto over_time = [&](std::string_view function) {
      return std::string(function) + "_over_time(" + range + ")";
    };
    std::string series;
    switch (window.function) {
      case Function::rate:
        series = "rate(" + range + ")";
        break;
      case Function::quantile:
        series = "quantile_over_time(" + format_number(window.quantile) + ", " + range + ")";
        break;
      case Function::count:
      case Function::sum:
        note("what is counted and summed are scrapes, not the agent's own collections");
        [[fallthrough]];
      default:
        series = over_time(to_string(window.function));
    }
    if (window.aggregation != Aggregation::none) return joined(to_string(window.aggregation), window, series);
    if (!window.by) return series;
    return pooled(window, series, over_time);
  }

  static std::string joined(std::string_view operation, const WindowSpec& window, const std::string& series) {
    std::string by;
    for (const auto& label : window.by.value_or(std::vector<std::string>())) {
      if (label != instance) by += label + ", ";
    }
    return std::string(operation) + " by (" + by + std::string(instance) + ") (" + series + ")";
  }

  /// Without an aggregation the records of a group are one population, whatever series they are of.
  template <class OverTime>
  std::string pooled(const WindowSpec& window, const std::string& series, OverTime over_time) {
    switch (window.function) {
      case Function::count:
      case Function::sum:
      case Function::rate:
        return joined("sum", window, series);
      case Function::min:
      case Function::max:
        return joined(to_string(window.function), window, series);
      case Function::avg:
        return "(" + joined("sum", window, over_time("sum")) + " / " + joined("sum", window, over_time("count")) + ")";
      case Function::last:
      case Function::quantile:
      case Function::distinct:
        break;
    }
    refuse("by: without agg: takes the samples of several series for one, which PromQL cannot: add agg:");
    return series;
  }

  const Rule& rule_;
  const std::set<std::string>& events_;
  const ScrapeOptions& options_;
  std::string reason_;
  std::vector<std::string> notes_;
};

std::string rule_text(const Rule& rule, const std::string& expression, const std::vector<std::string>& notes) {
  const AlertSpec& alert = *rule.alert;
  std::string out;
  for (const auto& note : notes) out += "      # " + escaped(note, false) + "\n";
  out += "      - alert: " + rule.name + "\n        expr: " + yaml_text(expression) + "\n";
  if (alert.hold > 0ns) out += "        for: " + duration(alert.hold) + "\n";
  if (const auto keep = alert.keep_firing_for(false); keep > 0ns) {
    out += "        keep_firing_for: " + duration(keep) + "\n";
  }
  out += "        labels:\n";
  for (const auto& [name, value] : alert.labels) out += "          " + name + ": " + yaml_text(value) + "\n";
  out += "          severity: " + std::string(to_string(alert.severity)) + "\n";
  if (alert.annotations.empty()) return out;
  out += "        annotations:\n";
  for (const auto& [name, text] : alert.annotations) {
    out += "          " + name + ": " + yaml_text(to_prometheus(text)) + "\n";
  }
  return out;
}

}  // namespace

std::string to_prometheus(std::span<const std::shared_ptr<const Rule>> rules,
                          const std::set<std::string>& event_metrics, std::vector<std::string>& not_exportable,
                          const ScrapeOptions& options) {
  std::string texts;
  std::string refused;
  for (const auto& rule : rules) {
    if (!rule->alert) continue;
    Exporter exporter(*rule, event_metrics, options);
    if (const auto expression = exporter.expression()) {
      texts += rule_text(*rule, *expression, exporter.notes());
    } else {
      not_exportable.push_back(rule->name + ": " + exporter.reason());
      refused += "# " + escaped(not_exportable.back(), false) + "\n";
    }
  }
  std::string out =
      "# The alerting rules of sentinel's pipeline file, for Prometheus 2.42 or newer. Written by sentinel; edits are\n"
      "# lost. Ranges suit a scrape_interval of up to " +
      duration(options.interval) + ": they are at least that long, those of rate() four times.\n";
  if (!refused.empty()) out += "#\n# Not here, because the agent alone can evaluate them:\n" + refused;
  if (texts.empty()) return out + "groups: []\n";
  return out + "groups:\n  - name: sentinel\n    rules:\n" + texts;
}

}  // namespace sentinel::rules
