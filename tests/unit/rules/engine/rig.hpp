#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <sentinel/abi.h>
#include <sentinel/config.hpp>

#include "rules/engine/engine.hpp"

namespace sentinel::rules {

inline constexpr std::uint64_t second = 1'000'000'000;
inline constexpr std::uint64_t ms = 1'000'000;
/// Unix time of the tests' boot.
inline constexpr std::int64_t boot_unix = 1'700'000'000'000'000'000;

inline Moment at(std::uint64_t boottime_ns) {
  return {boottime_ns, boot_unix + static_cast<std::int64_t>(boottime_ns)};
}

struct WindowText {
  std::string filter;
  std::uint64_t over = 15 * second;
  Function fn = Function::avg;
  std::uint64_t every = 0;
  Aggregation agg = Aggregation::none;
  std::optional<std::vector<std::string>> by = {};
  double quantile = 0;
  std::string of = {};
  std::size_t groups = 10'000;
  std::string name = "value";
};

struct RuleText {
  std::string name = "rule";
  std::vector<WindowText> windows = {};
  std::string when = {};  ///< empty: no alert
  std::uint64_t hold = 0;
  std::optional<std::uint64_t> keep_firing = 0;
  std::uint64_t cooldown = 0;
  Severity severity = Severity::warning;
  std::map<std::string, std::string> labels = {};
  std::map<std::string, std::string> annotations = {};
  std::vector<std::string> from = {};
  std::string filter = {};  ///< of a rule without windows
};

inline Selector selector(const std::string& text) {
  auto parsed = parse_selector(text);
  EXPECT_FALSE(parsed.mistake) << text << ": " << parsed.mistake->message;
  return parsed.value ? *std::move(parsed.value) : Selector();
}

inline std::shared_ptr<const Rule> make_rule(const RuleText& text) {
  auto rule = std::make_shared<Rule>();
  rule->name = text.name;
  rule->from = text.from;
  if (!text.filter.empty()) rule->filter = selector(text.filter);
  std::vector<std::string> names;
  for (const auto& from : text.windows) {
    WindowSpec& window = rule->windows.emplace_back();
    window.name = from.name;
    names.push_back(from.name);
    window.filter = selector(from.filter);
    window.over = std::chrono::nanoseconds(from.over);
    if (from.every > 0) window.every = std::chrono::nanoseconds(from.every);
    window.function = from.fn;
    window.quantile = from.quantile;
    window.distinct_of = from.of;
    window.aggregation = from.agg;
    window.by = from.by;
    window.groups = from.groups;
  }
  if (text.when.empty()) return rule;
  AlertSpec& alert = rule->alert.emplace();
  auto when = parse_expression(text.when, names);
  EXPECT_FALSE(when.mistake) << text.when << ": " << when.mistake->message;
  alert.when = *std::move(when.value);
  alert.when_text = text.when;
  alert.hold = std::chrono::nanoseconds(text.hold);
  alert.keep_firing_given = text.keep_firing.has_value();
  alert.keep_firing = std::chrono::nanoseconds(text.keep_firing.value_or(0));
  alert.cooldown = std::chrono::nanoseconds(text.cooldown);
  alert.severity = text.severity;
  alert.labels = text.labels;
  for (const auto& [name, annotation] : text.annotations) {
    auto parsed = parse_template(annotation);
    EXPECT_FALSE(parsed.mistake) << annotation;
    alert.annotations.emplace(name, *std::move(parsed.value));
  }
  return rule;
}

struct EventContext {
  std::uint32_t pid = 0;
  std::string comm = {};
  std::uint64_t start_time_ns = 0;
  std::string container = {};
  std::vector<std::uint64_t> stack = {};
};

/// What a host would be: it declares metrics, hands out series, and makes batches.
class Host {
 public:
  std::uint32_t metric(std::string name, sentinel_metric_kind kind, std::vector<std::string> keys = {}) {
    Metric& made = metrics_.emplace_back();
    made.name = std::move(name);
    made.keys = std::move(keys);
    for (const auto& key : made.keys) made.key_views.push_back(to_abi(key));
    made.abi = {sizeof(sentinel_metric),
                static_cast<std::uint32_t>(kind),
                to_abi(made.name),
                {},
                {},
                made.key_views.data(),
                nullptr,
                static_cast<std::uint32_t>(made.keys.size()),
                0};
    return static_cast<std::uint32_t>(metrics_.size());  // from 1
  }
  std::uint32_t gauge(std::string name, std::vector<std::string> keys = {}) {
    return metric(std::move(name), SENTINEL_GAUGE, std::move(keys));
  }
  std::uint32_t counter(std::string name, std::vector<std::string> keys = {}) {
    return metric(std::move(name), SENTINEL_COUNTER, std::move(keys));
  }
  std::uint32_t event(std::string name, std::vector<std::string> keys = {}) {
    return metric(std::move(name), SENTINEL_EVENT, std::move(keys));
  }

  /// The handle of a series; end_series() makes the next one of these labels another.
  std::uint64_t series(std::uint32_t metric, const std::vector<std::string>& values) {
    const auto [found, added] = by_labels_.try_emplace({metric, values}, 0);
    if (added) {
      series_.emplace_back();
      series_.back().values = values;
      for (const auto& value : series_.back().values) series_.back().views.push_back(to_abi(value));
      found->second = 1ULL << 32 | series_.size();
    }
    return found->second;
  }
  void end_series(std::uint32_t metric, const std::vector<std::string>& values) { by_labels_.erase({metric, values}); }

  void begin(std::string instance, std::uint64_t tick_ns) {
    instance_ = std::move(instance);
    tick_ns_ = tick_ns;
    records_.clear();
    events_.clear();
  }
  void sample(std::uint32_t metric, const std::vector<std::string>& values, double value) {
    records_.push_back(
        {sizeof(sentinel_record), metric, series(metric, values), tick_ns_, value, 0, 0, nullptr, nullptr, 0, 0});
  }
  void add_event(std::uint32_t metric, const std::vector<std::string>& values, std::uint64_t time_ns,
                 EventContext context = {}, double value = 1) {
    Event& event = events_.emplace_back();
    event.context = std::move(context);
    event.values = values;
    for (const auto& text : event.values) event.views.push_back(to_abi(text));
    event.abi = {sizeof(sentinel_context),
                 event.context.pid,
                 event.context.pid,
                 1,
                 event.context.start_time_ns,
                 0,
                 to_abi(event.context.comm),
                 {},
                 to_abi(event.context.container),
                 event.context.stack.data(),
                 event.views.data(),
                 static_cast<std::uint32_t>(event.context.stack.size()),
                 static_cast<std::uint32_t>(event.views.size()),
                 {},
                 {},
                 nullptr};
    records_.push_back({sizeof(sentinel_record), metric, 0, time_ns, value, 0, 0, nullptr, &event.abi, 0, 0});
  }
  /// Valid until the next begin().
  [[nodiscard]] sentinel_delivery delivery() {
    const auto metric_of = [](const sentinel_delivery* self, const sentinel_record* record) {
      return static_cast<const sentinel_metric*>(&static_cast<Host*>(self->context)->metrics_[record->metric - 1].abi);
    };
    const auto labels_of = [](const sentinel_delivery* self, const sentinel_record* record) {
      if (record->context != nullptr) return record->context->labels;
      return static_cast<const sentinel_string*>(
          static_cast<Host*>(self->context)->series_[(record->series & 0xffffffffU) - 1].views.data());
    };
    return {sizeof(sentinel_delivery), 0,    records_.data(), records_.size(),
            to_abi(instance_),         this, metric_of,       labels_of};
  }

 private:
  struct Metric {
    std::string name;
    std::vector<std::string> keys;
    std::vector<sentinel_string> key_views;
    sentinel_metric abi;
  };
  struct Labelled {
    std::vector<std::string> values;
    std::vector<sentinel_string> views;
  };
  struct Event {
    EventContext context;
    std::vector<std::string> values;
    std::vector<sentinel_string> views;
    sentinel_context abi;
  };

  std::deque<Metric> metrics_;
  std::deque<Labelled> series_;
  std::map<std::pair<std::uint32_t, std::vector<std::string>>, std::uint64_t> by_labels_;
  std::string instance_;
  std::uint64_t tick_ns_ = 0;
  std::vector<sentinel_record> records_;
  std::deque<Event> events_;
};

/// Keeps what the chain makes.
class Outcome : public Output {
 public:
  struct Value {
    std::string rule;
    Labels labels;
    double value;
    std::uint64_t time_ns;
    friend bool operator==(const Value&, const Value&) = default;
  };
  void transition(const Alert& alert) override { transitions.push_back(alert); }
  void window_value(const WindowValue& value) override {
    values.push_back({value.rule.name, value.labels, value.value, value.time_ns});
  }
  void record(const Rule& rule, const sentinel_delivery&, const sentinel_record& record) override {
    records.emplace_back(rule.name, record.value);
  }
  /// "firing", "resolved", "no_data" … of each transition, `rule[value of the group's labels]`, at whole seconds.
  [[nodiscard]] std::vector<std::string> story() const {
    std::vector<std::string> lines;
    for (const auto& alert : transitions) {
      const bool firing = alert.state == AlertState::firing;
      const std::int64_t unix_ns = firing ? alert.fired_at_ns : alert.resolved_at_ns;
      lines.push_back(std::to_string((unix_ns - boot_unix) / 1'000'000'000) + "s " +
                      (firing ? std::string("firing") : alert.reason) + (alert.silent ? " (silent)" : ""));
    }
    return lines;
  }

  std::vector<Alert> transitions;
  std::vector<Value> values;
  std::vector<std::pair<std::string, double>> records;
};

/// An engine with a host before it and an outcome behind.
struct Rig {
  explicit Rig(const std::vector<RuleText>& rules = {}, Labels agent_labels = {}) : engine(std::move(agent_labels)) {
    set(rules, 0);
  }
  void set(const std::vector<RuleText>& texts, std::uint64_t now_ns) {
    std::vector<std::shared_ptr<const Rule>> made;
    for (const auto& text : texts) made.push_back(make_rule(text));
    engine.set_rules(std::move(made), at(now_ns), out);
  }
  void advance(std::uint64_t now_ns) { engine.advance(at(now_ns), out); }
  void consume(std::uint64_t tick_ns, std::uint64_t every_ns) {
    engine.consume(host.delivery(), tick_ns, every_ns, out);
  }
  /// One sample in a collection of its own.
  void sample(std::uint32_t metric, const std::vector<std::string>& labels, double value, std::uint64_t tick_ns,
              std::uint64_t every_ns) {
    host.begin("collector", tick_ns);
    host.sample(metric, labels, value);
    consume(tick_ns, every_ns);
  }
  /// One event in a batch of its own, that comes when it happens.
  void event(std::uint32_t metric, const std::vector<std::string>& labels, std::uint64_t time_ns,
             EventContext context = {}, double value = 1) {
    host.begin("events", time_ns);
    host.add_event(metric, labels, time_ns, std::move(context), value);
    consume(time_ns, 0);
  }

  Host host;
  Outcome out;
  Engine engine;
};

}  // namespace sentinel::rules
