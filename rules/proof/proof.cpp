#include "rules/proof/proof.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "core/config/duration.hpp"
#include "core/config/file.hpp"
#include "core/config/suggest.hpp"
#include "rules/engine/engine.hpp"
#include "rules/proof/synthetic.hpp"
#include "rules/proof/test_file.hpp"
#include "rules/scanner.hpp"

namespace sentinel::rules {

namespace {

using config::quote;

/// Virtual time 0: the host has been up for a day, so that each pane is aligned to it.
constexpr std::uint64_t boot_ns = 86'400'000'000'000;
constexpr std::int64_t boot_unix_ns = 1'700'000'000'000'000'000;
/// What the engine waits for records that are under way.
constexpr std::uint64_t lag_ns = 200'000'000;

using Rules = std::vector<std::shared_ptr<const Rule>>;

/// Transitions are of no interest: what stands at a time is asked for.
class NoOutput : public Output {
 public:
  void transition(const Alert& /*alert*/) override {}
  void window_value(const WindowValue& /*value*/) override {}
  void record(const Rule& /*rule*/, const sentinel_delivery& /*batch*/, const sentinel_record& /*record*/) override {}
};

/// One test: its inputs and checks in the order of time.
class Run {
 public:
  Run(const RuleTest& test, const Rules& rules, const Labels& agent_labels, std::vector<ProofFailure>& failures)
      : test_(test), failures_(failures), engine_(agent_labels), handles_(test.series.size(), 0) {
    for (const auto& series : test.series) samples_.declare(series.name, false);
    for (const auto& events : test.events) events_.declare(events.name, true);
    engine_.set_rules(rules, moment(0), out_);
  }

  void run() {
    // Of one instant the records come first, then what is asked of them.
    enum class Kind { collection, event, check };
    struct Step {
      std::uint64_t time_ns;
      Kind kind;
      std::size_t index;
    };
    std::vector<Step> steps;
    std::size_t collections = 0;
    for (const auto& series : test_.series) collections = std::max(collections, series.values.size());
    const auto interval = static_cast<std::uint64_t>(test_.interval.count());
    for (std::size_t i = 0; i < collections; ++i) steps.push_back({i * interval, Kind::collection, i});
    for (std::size_t i = 0; i < test_.events.size(); ++i) {
      const auto& events = test_.events[i];
      for (std::size_t n = 0; n < events.count; ++n) {
        const auto offset = static_cast<std::uint64_t>(events.over.count()) / events.count * n;
        steps.push_back({static_cast<std::uint64_t>(events.at.count()) + offset, Kind::event, i});
      }
    }
    std::uint64_t end_ns = 0;
    for (std::size_t i = 0; i < test_.checks.size(); ++i) {
      end_ns = std::max(end_ns, static_cast<std::uint64_t>(test_.checks[i].eval_time.count()));
      steps.push_back({static_cast<std::uint64_t>(test_.checks[i].eval_time.count()), Kind::check, i});
    }
    std::stable_sort(steps.begin(), steps.end(), [](const Step& a, const Step& b) {
      return std::pair(a.time_ns, a.kind) < std::pair(b.time_ns, b.kind);
    });
    for (const auto& step : steps) {
      if (step.time_ns > end_ns) break;
      advance(step.time_ns);
      if (step.kind == Kind::collection) collect(step.index, step.time_ns);
      if (step.kind == Kind::event) happen(test_.events[step.index], step.time_ns);
      if (step.kind == Kind::check) check(test_.checks[step.index], step.time_ns);
    }
  }

 private:
  static Moment moment(std::uint64_t time_ns) {
    return {boot_ns + time_ns, boot_unix_ns + static_cast<std::int64_t>(time_ns)};
  }

  /// Wakes the engine when it asked to be, as the runtime does.
  void advance(std::uint64_t time_ns) {
    const std::uint64_t now = boot_ns + time_ns;
    for (std::uint64_t next = engine_.next_ns(); next <= now; next = engine_.next_ns()) {
      engine_.advance(moment(std::max(next, boot_ns) - boot_ns), out_);
      if (engine_.next_ns() <= next) break;
    }
    engine_.advance(moment(time_ns), out_);
  }

  void collect(std::size_t index, std::uint64_t time_ns) {
    samples_.begin(boot_ns + time_ns);
    bool any = false;
    for (std::size_t i = 0; i < test_.series.size(); ++i) {
      const auto& series = test_.series[i];
      if (index >= series.values.size() || !series.values[index]) {
        handles_[i] = 0;
        continue;
      }
      if (handles_[i] == 0) handles_[i] = ++last_handle_;
      samples_.add_sample(series.name, handles_[i], *series.values[index]);
      any = true;
    }
    if (any) {
      engine_.consume(samples_.delivery(), boot_ns + time_ns, static_cast<std::uint64_t>(test_.interval.count()), out_);
    }
  }

  void happen(const InputEvents& events, std::uint64_t time_ns) {
    events_.begin(boot_ns + time_ns);
    events_.add_event(events);
    engine_.consume(events_.delivery(), boot_ns + time_ns, 0, out_);
  }

  static std::string show(const std::map<std::string, std::string, std::less<>>& map) {
    std::string out;
    for (const auto& [name, value] : map) out += (out.empty() ? "" : ", ") + name + "=" + quote_string(value);
    return "{" + out + "}";
  }
  static std::string show(const std::map<std::string, std::string>& map) {
    return show(std::map<std::string, std::string, std::less<>>(map.begin(), map.end()));
  }

  /// Alerts as text: what is compared is what is shown.
  static std::string show(bool pending, const Labels& labels, const std::map<std::string, std::string>* annotations) {
    return (pending ? "pending " : "firing ") + show(labels) +
           (annotations == nullptr ? std::string() : " with " + show(*annotations));
  }

  void check(const AlertCheck& check, std::uint64_t time_ns) {
    // What ended by now is judged now; the clock of what follows is not moved by more than the engine waits anyway.
    advance(time_ns + lag_ns);
    const auto has = [&](auto member) { return std::any_of(check.expected.begin(), check.expected.end(), member); };
    const bool pending = has([](const ExpectedAlert& each) { return each.pending; });
    const bool texts = has([](const ExpectedAlert& each) { return each.annotations.has_value(); });
    std::vector<std::string> expected;
    for (const auto& each : check.expected) {
      expected.push_back(show(each.pending, each.labels, each.annotations ? &*each.annotations : nullptr));
    }
    std::vector<std::string> got;
    for (const auto& alert : engine_.alerts()) {
      if (alert.rule->name != check.alertname) continue;
      if (alert.state == AlertState::pending && !pending) continue;
      auto labels = alert.labels;
      labels.erase("alertname");
      const bool is_pending = alert.state == AlertState::pending;
      // One without texts expected stands for it, whatever its texts.
      auto bare = show(is_pending, labels, nullptr);
      const bool whole = texts && std::find(expected.begin(), expected.end(), bare) == expected.end();
      got.push_back(whole ? show(is_pending, labels, &alert.annotations) : std::move(bare));
    }
    compare(check, expected, got);
  }

  void compare(const AlertCheck& check, std::vector<std::string> expected, std::vector<std::string> got) {
    std::sort(expected.begin(), expected.end());
    std::sort(got.begin(), got.end());
    if (expected == got) return;
    std::vector<std::string> missing;
    std::vector<std::string> more;
    std::set_difference(expected.begin(), expected.end(), got.begin(), got.end(), std::back_inserter(missing));
    std::set_difference(got.begin(), got.end(), expected.begin(), expected.end(), std::back_inserter(more));
    std::string message = test_.name + ": " + check.alertname + " at " + config::format_duration(check.eval_time) + ":";
    for (const auto& text : missing) message += "\n    expected: " + text;
    for (const auto& text : more) message += "\n    got:      " + text;
    if (got.empty()) message += "\n    got:      no alert";
    failures_.push_back({check.where, std::move(message)});
  }

  const RuleTest& test_;
  std::vector<ProofFailure>& failures_;
  NoOutput out_;
  Engine engine_;
  Synthetic samples_{"samples"};
  Synthetic events_{"events"};
  std::vector<std::uint64_t> handles_;  ///< of each series while it lives; else 0
  std::uint64_t last_handle_ = 0;
};

/// The rules of a file with the variables of a test.
struct LoadedRules {
  Rules rules;
  Labels agent_labels;
};

class Prover {
 public:
  Proof prove(const std::filesystem::path& path) {
    const auto text = config::read_text_file(path);
    if (!text) {
      config::add_error(proof_.diagnostics, {path.string()}, text.error().message);
      return std::move(proof_);
    }
    const auto file = parse_test_file(*text, path, proof_.diagnostics);
    for (const auto& test : file.tests) check_names(test, load(file, test.environment));
    if (config::has_errors(proof_.diagnostics)) return std::move(proof_);
    for (const auto& test : file.tests) {
      const auto& loaded = load(file, test.environment);
      Run(test, loaded.rules, loaded.agent_labels, proof_.failures).run();
      ++proof_.tests;
      proof_.checks += test.checks.size();
    }
    return std::move(proof_);
  }

 private:
  const LoadedRules& load(const RuleTestFile& file, const config::Variables& environment) {
    const auto [found, is_new] = loaded_.try_emplace(environment);
    LoadedRules& out = found->second;
    if (!is_new) return out;
    for (const auto& each : file.rule_files) {
      auto loaded = config::load_rules(each.path, environment);
      for (auto& pipeline : loaded.config.pipelines) {
        pipeline.from.clear();
        pipeline.from_given = false;
      }
      auto rules = compile_all(loaded.config, loaded.diagnostics);
      out.rules.insert(out.rules.end(), rules.begin(), rules.end());
      out.agent_labels.insert(loaded.config.agent.labels.begin(), loaded.config.agent.labels.end());
      for (auto& diagnostic : loaded.diagnostics) add_once(std::move(diagnostic));
    }
    return out;
  }

  /// Tests with other variables read the same file again.
  void add_once(config::Diagnostic diagnostic) {
    const auto same = [&](const config::Diagnostic& other) {
      return other.where == diagnostic.where && other.message == diagnostic.message;
    };
    auto& all = proof_.diagnostics;
    if (std::none_of(all.begin(), all.end(), same)) all.push_back(std::move(diagnostic));
  }

  void check_names(const RuleTest& test, const LoadedRules& loaded) {
    std::vector<std::string> names;
    for (const auto& rule : loaded.rules) {
      if (rule->alert) names.push_back(rule->name);
    }
    for (const auto& check : test.checks) {
      if (std::find(names.begin(), names.end(), check.alertname) != names.end()) continue;
      // A rule file with mistakes lacks rules, and says why.
      if (config::has_errors(proof_.diagnostics)) continue;
      config::add_error(proof_.diagnostics, check.name_where,
                        test.name + ": alert_rule_test: no rule file has an alert named " + quote(check.alertname) +
                            config::did_you_mean(check.alertname, names));
    }
  }

  Proof proof_;
  std::map<config::Variables, LoadedRules> loaded_;
};

}  // namespace

Proof prove(const std::filesystem::path& file) {
  return Prover().prove(file);
}

}  // namespace sentinel::rules
