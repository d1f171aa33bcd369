#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <span>
#include <string>
#include <utility>

#include "core/config/suggest.hpp"
#include "rules/rule.hpp"

namespace sentinel::rules {

namespace {

using config::quote;

constexpr std::size_t excerpt_bytes = 60;

/// The part of a text around a mistake, for people to find it in a file where the text stands otherwise.
std::string excerpt(std::string_view text, std::size_t offset) {
  const std::size_t begin = offset < excerpt_bytes / 2 ? 0 : offset - excerpt_bytes / 2;
  std::size_t first = begin;
  while (first < text.size() && (static_cast<unsigned char>(text[first]) & 0xC0U) == 0x80U) ++first;
  return (first > 0 ? "…" : "") + quote(text.substr(first));
}

/// Reads a word of the file back into the enumerator that is printed as it; load() has refused all others.
template <class Word>
std::optional<Word> find_word(std::string_view text, Word last) {
  for (int i = 0; i <= static_cast<int>(last); ++i) {
    if (to_string(static_cast<Word>(i)) == text) return static_cast<Word>(i);
  }
  return std::nullopt;
}

class Compiler {
 public:
  Compiler(const config::Pipeline& pipeline, std::vector<config::Diagnostic>& diagnostics)
      : pipeline_(pipeline), diagnostics_(diagnostics) {}

  std::shared_ptr<const Rule> compile() {
    Rule rule;
    rule.name = pipeline_.name;
    if (pipeline_.from_given) rule.from = pipeline_.from;
    rule.to = pipeline_.to;
    rule.alerts_to = pipeline_.alerts_to;
    rule.where = pipeline_.where;
    read_filter(rule);
    for (const auto& window : pipeline_.windows) read_window(window, rule);
    if (pipeline_.alert) read_alert(*pipeline_.alert, rule);
    if (!good_) return nullptr;
    return std::make_shared<const Rule>(std::move(rule));
  }

 private:
  /// A text that load() complained about is empty; it is not complained about twice.
  bool is_there(const config::Text& text) {
    good_ = good_ && !text.text.empty();
    return !text.text.empty();
  }

  void mistake(const config::Text& text, std::string_view key, const Mistake& mistake) {
    good_ = false;
    config::Where where = text.where;
    std::string place;
    if (text.verbatim) {
      where.column += static_cast<int>(mistake.offset);
    } else {
      place = "at column " + std::to_string(mistake.offset + 1) + " of " + excerpt(text.text, mistake.offset) + ": ";
    }
    config::add_error(diagnostics_, where,
                      "pipeline " + quote(pipeline_.name) + ": " + std::string(key) + ": " + place + mistake.message);
  }

  void warn(const config::Where& where, const std::string& message) {
    config::add_warning(diagnostics_, where, "pipeline " + quote(pipeline_.name) + ": " + message);
  }

  std::optional<Selector> read_selector(const config::Text& text, std::string_view key) {
    if (!is_there(text)) return std::nullopt;
    auto parsed = parse_selector(text.text);
    if (parsed.mistake) mistake(text, key, *parsed.mistake);
    return std::move(parsed.value);
  }

  void read_filter(Rule& rule) {
    if (!pipeline_.filter) {
      good_ = good_ && pipeline_.named_windows;
      return;
    }
    filter_ = read_selector(*pipeline_.filter, "filter");
    if (pipeline_.windows.empty()) rule.filter = filter_;
  }

  void read_window(const config::Window& window, Rule& rule) {
    WindowSpec spec;
    spec.name = window.name;
    if (pipeline_.named_windows) {
      if (auto filter = read_selector(window.filter, "windows: " + window.name + ": filter")) {
        spec.filter = std::move(*filter);
      }
    } else if (filter_) {
      spec.filter = *filter_;
    }
    const auto function = find_word(window.fn, Function::distinct);
    const auto aggregation = window.agg.empty() ? Aggregation::none : find_word(window.agg, Aggregation::count);
    if (!function || !aggregation || window.over.count() <= 0) {
      good_ = false;
      return;
    }
    spec.over = window.over;
    spec.every = window.every;
    spec.function = *function;
    spec.quantile = window.quantile;
    spec.distinct_of = window.of;
    spec.aggregation = *aggregation;
    spec.by = window.by;
    if (spec.by) std::sort(spec.by->begin(), spec.by->end());
    spec.groups = window.groups;
    rule.windows.push_back(std::move(spec));
  }

  void read_alert(const config::Alert& alert, Rule& rule) {
    AlertSpec spec;
    read_condition(alert, spec);
    spec.hold = alert.hold;
    spec.keep_firing = alert.keep_firing_for.value_or(std::chrono::nanoseconds(0));
    spec.keep_firing_given = alert.keep_firing_for.has_value();
    spec.cooldown = alert.cooldown.value_or(std::chrono::nanoseconds(0));
    if (const auto severity = find_word(alert.severity, Severity::critical)) spec.severity = *severity;
    spec.labels = alert.labels;
    for (const auto& [name, text] : alert.annotations) {
      auto parsed = parse_template(text.text);
      if (parsed.mistake) mistake(text, "alert: " + name, *parsed.mistake);
      if (parsed.value) spec.annotations.emplace(name, std::move(*parsed.value));
    }
    rule.alert = std::move(spec);
  }

  void read_condition(const config::Alert& alert, AlertSpec& spec) {
    if (pipeline_.windows.empty()) good_ = false;
    if (!is_there(alert.when) || pipeline_.windows.empty()) return;
    std::vector<std::string> names;
    for (const auto& window : pipeline_.windows) names.push_back(window.name);
    auto parsed = parse_expression(alert.when.text, names);
    if (parsed.mistake) return mistake(alert.when, "alert: when", *parsed.mistake);
    spec.when = std::move(*parsed.value);
    spec.when_text = alert.when.text;
    for (std::uint32_t i = 0; i < names.size(); ++i) {
      const auto& used = spec.when.windows();
      if (std::find(used.begin(), used.end(), i) != used.end()) continue;
      warn(pipeline_.windows[i].where,
           "windows: " + quote(names[i]) + " is computed for nobody: when: does not name it");
    }
  }

  const config::Pipeline& pipeline_;
  std::vector<config::Diagnostic>& diagnostics_;
  std::optional<Selector> filter_;
  bool good_ = true;
};

/// Labels that an alert of the rule bears; nothing when they depend on what is measured.
std::optional<std::set<std::string>> labels_of(const Rule& rule, const config::Labels& agent) {
  std::set<std::string> labels = {"alertname", "severity", "instance"};
  for (const auto& [name, value] : agent) labels.insert(name);
  for (const auto& [name, value] : rule.alert->labels) labels.insert(name);
  for (const auto& window : rule.windows) {
    if (window.by) {
      labels.insert(window.by->begin(), window.by->end());
    } else if (window.aggregation == Aggregation::none) {
      return std::nullopt;
    }
  }
  return labels;
}

/// A text that shows a label which no alert of the rule can have shows a gap, each time it matters.
void check_labels_shown(const Rule& rule, const config::Pipeline& pipeline, const config::Labels& agent,
                        std::vector<config::Diagnostic>& diagnostics) {
  const auto labels = labels_of(rule, agent);
  if (!labels) return;
  const std::vector<std::string> known(labels->begin(), labels->end());
  for (const auto& [name, text] : rule.alert->annotations) {
    for (const auto& piece : text.pieces()) {
      if (piece.kind != Template::Piece::Kind::label || labels->contains(piece.text)) continue;
      config::add_warning(diagnostics, pipeline.alert->annotations.at(name).where,
                          "pipeline " + quote(rule.name) + ": alert: " + name +
                              ": no alert of this rule has the label " + quote(piece.text) +
                              config::did_you_mean(piece.text, known) + "; it has " + config::join_names(known));
    }
  }
}

}  // namespace

std::shared_ptr<const Rule> compile(const config::Pipeline& pipeline, std::vector<config::Diagnostic>& diagnostics) {
  return Compiler(pipeline, diagnostics).compile();
}

std::vector<std::shared_ptr<const Rule>> compile_all(const config::Config& config,
                                                     std::vector<config::Diagnostic>& diagnostics) {
  std::vector<std::shared_ptr<const Rule>> rules;
  std::map<std::string, std::string> emitted;  // metric to pipeline
  for (const auto& pipeline : config.pipelines) {
    if (!pipeline.is_rule()) continue;
    auto with_receivers = pipeline;
    if (pipeline.alert && pipeline.alerts_to.empty()) with_receivers.alerts_to = config.agent.alerts_to;
    auto rule = compile(with_receivers, diagnostics);
    if (rule == nullptr) continue;
    if (rule->alert) check_labels_shown(*rule, pipeline, config.agent.labels, diagnostics);
    if (!rule->alert && !rule->windows.empty()) {
      const auto& metric = rule->windows.front().name;
      if (const auto [first, is_new] = emitted.emplace(metric, rule->name); !is_new) {
        config::add_error(diagnostics, pipeline.windows.front().where,
                          "pipeline " + quote(rule->name) + ": window: as: pipeline " + quote(first->second) +
                              " makes the metric " + quote(metric) + " too; give each a name of its own");
      }
    }
    rules.push_back(std::move(rule));
  }
  return rules;
}

}  // namespace sentinel::rules
