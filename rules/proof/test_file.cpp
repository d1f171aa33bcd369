#include "rules/proof/test_file.hpp"

#include <algorithm>
#include <utility>

#include "core/config/fields.hpp"
#include "core/config/file.hpp"
#include "core/config/suggest.hpp"
#include "core/config/yaml.hpp"

namespace sentinel::rules {

namespace {

using namespace std::chrono_literals;
using config::Fields;
using config::quote;
using config::Value;

constexpr std::size_t most_inputs = 1'000'000;
constexpr std::chrono::nanoseconds longest_test = 7 * 24h;

class TestFileReader {
 public:
  TestFileReader(const std::filesystem::path& file, std::vector<config::Diagnostic>& diagnostics)
      : file_(file), diagnostics_(diagnostics) {}

  RuleTestFile read(const Value& root) {
    RuleTestFile out;
    Fields fields(root, "", "rule_files: [rules.yaml]", diagnostics_);
    std::vector<config::Key> files;
    fields.read_list("rule_files", files);
    for (const auto& each : files) out.rule_files.push_back({config::beside(file_, each.name), each.where});
    if (out.rule_files.empty() && !fields.has("rule_files") && fields.is_map()) {
      config::add_error(diagnostics_, {file_.string(), 1, 1},
                        "rule_files is missing; name the pipeline files whose rules are to be tested");
    }
    fields.read_duration("evaluation_interval", 100ms, 24h, interval_);
    environment_ = read_texts(fields, "env", "environment");
    for_each(fields, "tests", [&](const Value& value) { out.tests.push_back(read_test(value, out.tests.size() + 1)); });
    fields.finish();
    return out;
  }

 private:
  template <class Read>
  void for_each(Fields& fields, std::string_view key, Read read) {
    const Value* list = fields.get(key);
    if (list == nullptr || list->kind == Value::Kind::null) return;
    if (list->kind != Value::Kind::list) {
      return fields.error(list->where, key, "must be a list, not " + config::describe(*list));
    }
    for (const auto& item : list->items) {
      if (!item.broken) read(item);
    }
  }

  /// A map from names to texts, whatever the names.
  std::map<std::string, std::string, std::less<>> read_texts(Fields& fields, std::string_view key,
                                                             const std::string& owner) {
    std::map<std::string, std::string, std::less<>> out;
    const Value* map = fields.get(key);
    if (map == nullptr) return out;
    Fields texts(*map, owner, "{name: text}", diagnostics_);
    for (const auto& name : map->keys) {
      const Value* value = texts.get(name.name);
      if (value == nullptr || value->kind == Value::Kind::null) {
        out[name.name] = "";
      } else if (value->kind == Value::Kind::scalar) {
        out[name.name] = value->text;
      } else {
        texts.error(value->where, name.name, "must be text, not " + config::describe(*value));
      }
    }
    return out;
  }

  RuleTest read_test(const Value& section, std::size_t number) {
    RuleTest test;
    test.where = section.where;
    const Value* given = section.find("name");
    const bool named = given != nullptr && given->kind == Value::Kind::scalar && !given->broken;
    test.name = named ? config::printable(given->text, 60) : "test " + std::to_string(number);
    test.interval = interval_;
    Fields fields(section, test.name, "{input_series: [], alert_rule_test: []}", diagnostics_);
    std::string text;
    fields.read_text("name", text);
    fields.read_duration("interval", 100ms, 24h, test.interval);
    test.environment = environment_;
    for (auto& [name, value] : read_texts(fields, "env", test.name + ": env")) test.environment[name] = value;
    for_each(fields, "input_series", [&](const Value& value) { read_series(value, test); });
    for_each(fields, "events", [&](const Value& value) { read_events(value, test); });
    for_each(fields, "alert_rule_test", [&](const Value& value) { read_check(value, test); });
    if (test.checks.empty() && !fields.has("alert_rule_test") && fields.is_map()) {
      fields.error(section.where, "alert_rule_test", "is missing; say which alerts are expected when");
    }
    fields.finish();
    return test;
  }

  void mistake(Fields& fields, const config::Text& text, std::string_view key, const Mistake& mistake) {
    config::Where where = text.where;
    std::string place;
    if (text.verbatim) {
      where.column += static_cast<int>(mistake.offset);
    } else {
      place = "at column " + std::to_string(mistake.offset + 1) + ": ";
    }
    fields.error(where, key, place + mistake.message);
  }

  /// A selector of equalities alone, as series are written.
  std::optional<SeriesName> read_name(Fields& fields, const Value& section, std::string_view key) {
    if (!fields.has(key)) {
      if (fields.is_map()) fields.error(section.where, key, "is missing; write for example m{a=\"b\"}");
      return std::nullopt;
    }
    config::Text text;
    if (!fields.read_source(key, text)) return std::nullopt;
    const auto parsed = parse_selector(text.text);
    if (parsed.mistake) {
      mistake(fields, text, key, *parsed.mistake);
      return std::nullopt;
    }
    SeriesName name;
    name.metric = parsed.value->metric;
    bool plain = !name.metric.empty() && !parsed.value->comparison;
    for (const auto& matcher : parsed.value->matchers) {
      plain =
          plain && matcher.op() == Matcher::Op::equal && name.labels.emplace(matcher.label(), matcher.value()).second;
    }
    if (!plain) {
      fields.error(text.where, key, quote(text.text) + " is no series; write for example m{a=\"b\"}, each label once");
      return std::nullopt;
    }
    return name;
  }

  void read_series(const Value& section, RuleTest& test) {
    Fields fields(section, test.name + ": input_series", "{series: m, values: 1+1x5}", diagnostics_);
    auto name = read_name(fields, section, "series");
    config::Text text;
    if (!fields.has("values") && fields.is_map())
      fields.error(section.where, "values", "is missing; write for example 1+1x5");
    if (fields.read_source("values", text)) {
      auto values = parse_values(text.text, most_inputs - values_);
      if (values.mistake) mistake(fields, text, "values", *values.mistake);
      if (name && values.value) {
        values_ += values.value->size();
        test.series.push_back({std::move(*name), std::move(*values.value)});
      }
    }
    fields.finish();
  }

  void read_events(const Value& section, RuleTest& test) {
    Fields fields(section, test.name + ": events", "{at: 10s, event: m, count: 60, over: 1s}", diagnostics_);
    InputEvents events;
    auto name = read_name(fields, section, "event");
    if (!fields.has("at") && fields.is_map())
      fields.error(section.where, "at", "is missing; write for example at: 10s");
    fields.read_duration("at", 0s, longest_test, events.at);
    fields.read_duration("over", 0s, longest_test, events.over);
    std::int64_t count = 1;
    fields.read_integer("count", 1, static_cast<std::int64_t>(most_inputs), count);
    events.count = static_cast<std::size_t>(count);
    read_context(fields, test.name, events.context);
    fields.finish();
    if (events.count > most_inputs - events_) {
      return fields.error(section.where, "count", "there are more than 1000000 events here");
    }
    events_ += events.count;
    if (!name) return;
    events.name = std::move(*name);
    test.events.push_back(std::move(events));
  }

  void read_context(Fields& outer, const std::string& test, Context& context) {
    const Value* section = outer.get("context");
    if (section == nullptr) return;
    Fields fields(*section, test + ": events: context", "{pid: 42, comm: curl}", diagnostics_);
    const auto read_id = [&](std::string_view key, std::int64_t most, auto& out) {
      std::int64_t number = 0;
      if (fields.read_integer(key, 0, most, number)) out = static_cast<std::decay_t<decltype(out)>>(number);
    };
    constexpr std::int64_t most_ids = 4'194'304;  // PID_MAX_LIMIT of 64-bit kernels
    read_id("pid", most_ids, context.pid);
    read_id("tid", most_ids, context.tid);
    read_id("ppid", most_ids, context.ppid);
    read_id("cgroup_id", INT64_MAX, context.cgroup_id);
    read_id("start_time_ns", INT64_MAX, context.start_time_ns);
    if (context.tid == 0) context.tid = context.pid;
    fields.read_text("comm", context.comm);
    fields.read_text("parent_comm", context.parent_comm);
    fields.read_text("container_id", context.container_id);
    fields.read_text("exe", context.exe);
    fields.read_text("pod", context.pod);
    fields.finish();
  }

  void read_check(const Value& section, RuleTest& test) {
    AlertCheck check;
    check.where = section.where;
    Fields fields(section, test.name + ": alert_rule_test", "{eval_time: 5m, alertname: x, exp_alerts: []}",
                  diagnostics_);
    for (const std::string_view key : {"eval_time", "alertname"}) {
      if (!fields.has(key) && fields.is_map()) fields.error(section.where, key, "is missing");
    }
    const bool timed = fields.read_duration("eval_time", 0s, longest_test, check.eval_time);
    const bool named = fields.read_text("alertname", check.alertname);
    if (named) check.name_where = section.find("alertname")->where;
    for_each(fields, "exp_alerts", [&](const Value& value) { read_expected(value, test.name, check); });
    fields.finish();
    if (timed && named) test.checks.push_back(std::move(check));
  }

  void read_expected(const Value& section, const std::string& test, AlertCheck& check) {
    ExpectedAlert expected;
    const std::string owner = test + ": exp_alerts";
    Fields fields(section, owner, "{exp_labels: {severity: warning}}", diagnostics_);
    for (auto& [name, value] : read_texts(fields, "exp_labels", owner + ": exp_labels")) {
      if (name != "alertname" && !value.empty()) expected.labels.emplace(name, value);
    }
    if (fields.has("exp_annotations")) {
      auto texts = read_texts(fields, "exp_annotations", owner + ": exp_annotations");
      expected.annotations.emplace(texts.begin(), texts.end());
    }
    std::size_t state = 0;
    fields.read_choice("state", {"firing", "pending"}, state);
    expected.pending = state == 1;
    fields.finish();
    check.expected.push_back(std::move(expected));
  }

  const std::filesystem::path& file_;
  std::vector<config::Diagnostic>& diagnostics_;
  std::chrono::nanoseconds interval_ = 1min;  // promtool's default
  config::Variables environment_;
  std::size_t values_ = 0;
  std::size_t events_ = 0;
};

}  // namespace

RuleTestFile parse_test_file(std::string_view text, const std::filesystem::path& file,
                             std::vector<config::Diagnostic>& diagnostics) {
  if (!config::check_text(text, file.string(), diagnostics)) return {};
  const auto root = config::parse_yaml(text, file.string(), diagnostics);
  if (!root) return {};
  if (root->kind != Value::Kind::map) {
    config::add_error(diagnostics, root->where, "a file of rule tests is a map with rule_files: and tests:");
    return {};
  }
  return TestFileReader(file, diagnostics).read(*root);
}

}  // namespace sentinel::rules
