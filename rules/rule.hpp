#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/config/config.hpp"
#include "rules/expression.hpp"
#include "rules/selector.hpp"
#include "rules/template.hpp"

namespace sentinel::rules {

/// What a window makes of the values of one series, or of the events of one group.
enum class Function { count, sum, rate, avg, min, max, last, quantile, distinct };
/// How the series of a group are joined.
enum class Aggregation { none, sum, avg, min, max, count };
enum class Severity { info, warning, critical };

[[nodiscard]] std::string_view to_string(Function function) noexcept;
[[nodiscard]] std::string_view to_string(Aggregation aggregation) noexcept;
[[nodiscard]] std::string_view to_string(Severity severity) noexcept;

struct WindowSpec {
  std::string name;  ///< in the rule's arithmetic; `as:` when it is emitted
  Selector filter;
  std::chrono::nanoseconds over{};
  std::optional<std::chrono::nanoseconds>
      every;  ///< unless given: the source's interval for samples, `over` for events
  Function function = Function::avg;
  double quantile = 0;      ///< of Function::quantile, 0 to 1
  std::string distinct_of;  ///< of Function::distinct: a label or context field
  Aggregation aggregation = Aggregation::none;
  std::optional<std::vector<std::string>> by;  ///< unless given: all labels of samples, none of events
  std::size_t groups = 10'000;                 ///< at most; what comes more is counted and left out

  /// All that makes it this window, as one text: a change of it starts the window anew.
  [[nodiscard]] std::string identity() const;
};

struct AlertSpec {
  Expression when;
  std::string when_text;
  std::chrono::nanoseconds hold{};  ///< `for`
  std::chrono::nanoseconds keep_firing{};
  bool keep_firing_given = true;  ///< else keep_firing_for() decides
  std::chrono::nanoseconds cooldown{};
  Severity severity = Severity::warning;
  std::map<std::string, std::string> labels;    ///< constant ones of its own
  std::map<std::string, Template> annotations;  ///< summary, description and runbook_url among them

  /// `keep_firing_for`. Unless given, 5 min of a window of events, or a burst would be over before anyone is told.
  [[nodiscard]] std::chrono::nanoseconds keep_firing_for(bool events) const {
    return keep_firing_given || !events ? keep_firing : std::chrono::minutes(5);
  }
};

/// One pipeline with a filter, compiled. Its last stage is what it emits: alerts, window values, or records.
struct Rule {
  std::string name;               ///< of the pipeline, and `alertname`
  std::vector<std::string> from;  ///< empty: every producer of the metrics that its filters select
  std::vector<std::string> to;    ///< of records and window values
  std::vector<std::string> alerts_to;
  std::optional<Selector> filter;   ///< of a rule without windows
  std::vector<WindowSpec> windows;  ///< one, or several named ones
  std::optional<AlertSpec> alert;
  config::Place where;

  /// In one line to be read: `avg over 15s of sentinel_tcp_connections{state="time_wait"} > 80`.
  [[nodiscard]] std::string expression() const;
  /// Its windows and where they take records from: as long as it stays, alert states go on.
  [[nodiscard]] std::string identity() const;
};

/// The rule of a pipeline that has a filter or windows; each mistake at its column. Null when there was one, or when
/// load() has refused a part of it already. Any thread.
[[nodiscard]] std::shared_ptr<const Rule> compile(const config::Pipeline& pipeline,
                                                  std::vector<config::Diagnostic>& diagnostics);

/// Those of all pipelines that are rules, in the file's order, without the bad ones; whom alerts go to is looked up.
/// Also reports what only shows beside the rest of the configuration. Any thread.
[[nodiscard]] std::vector<std::shared_ptr<const Rule>> compile_all(const config::Config& config,
                                                                   std::vector<config::Diagnostic>& diagnostics);

}  // namespace sentinel::rules
