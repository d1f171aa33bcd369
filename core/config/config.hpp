#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/config/diagnostic.hpp"
#include "core/config/text.hpp"
#include "core/config/value.hpp"
#include "core/config/variables.hpp"

namespace sentinel::config {

using Labels = std::map<std::string, std::string>;

enum class LogLevel { debug, info, warning, error };
enum class LogFormat { text, json };

struct Log {
  LogLevel level = LogLevel::info;
  LogFormat format = LogFormat::text;

  friend bool operator==(const Log&, const Log&) = default;
};

/// The samples that the agent remembers.
struct History {
  std::uint64_t memory_bytes = 2U << 20U;

  friend bool operator==(const History&, const History&) = default;
};

/// `agent:`. Paths are relative to the file that holds the section, here joined with its directory.
struct Agent {
  std::string listen = "127.0.0.1:8000";  ///< "host:port", "[::1]:port", ":port"; empty: `none`, no listener
  std::vector<std::filesystem::path> plugin_path = {"plugins"};
  std::filesystem::path state_dir = "state";
  std::filesystem::path env_file = ".env";  ///< absent when it was not named: no mistake
  std::filesystem::path web_config;         ///< empty: none
  Labels labels;                            ///< as written; `instance` has no default here
  std::chrono::nanoseconds stop_timeout = std::chrono::seconds(5);
  std::chrono::nanoseconds probation = std::chrono::seconds(30);  ///< how long what a swap replaced stands by at most
  std::uint32_t workers = 2;
  std::uint64_t series_limit = 10'000;  ///< per metric; ten modes of a thousand CPUs fit
  History history;
  std::vector<std::string> alerts_to;  ///< sinks of alerts, unless a pipeline names its own
  Log log;
  Place where;

  friend bool operator==(const Agent&, const Agent&) = default;
};

struct Collector {
  std::string name;
  std::string plugin;
  std::chrono::nanoseconds every = std::chrono::seconds(5);
  std::chrono::nanoseconds deadline = std::chrono::seconds(5);  ///< of one call; unless given: `every`, at most 10 s
  std::chrono::nanoseconds start_deadline = std::chrono::seconds(10);  ///< of `start`: as `deadline` if that is given
  bool optional = false;
  Labels labels;                              ///< constant ones of all its series
  std::optional<std::uint64_t> series_limit;  ///< instead of the agent's
  Value config;                               ///< `config:` as written, variables put in; resolve() checks it
  Place where;                                ///< of its name

  friend bool operator==(const Collector&, const Collector&) = default;
};

struct Sink {
  std::string name;
  std::string plugin;
  bool optional = false;
  std::size_t queue = 64;  ///< batches that wait for it at most
  Value config;
  Place where;

  friend bool operator==(const Sink&, const Sink&) = default;
};

/// `window:`, or one of `windows:`. Words are checked, expressions are not: rules/ compiles them.
struct Window {
  std::string name;  ///< its key in `windows:`, or `as:`; may be empty
  Text filter;       ///< of one in `windows:`; the pipeline's own stands there
  std::chrono::nanoseconds over{};
  std::optional<std::chrono::nanoseconds> every;
  std::string fn;       ///< count, sum, rate, avg, min, max, last, quantile, distinct
  double quantile = 0;  ///< `q:` of quantile
  std::string of;       ///< of distinct: the label or context field
  std::string agg;      ///< sum, avg, min, max, count; empty: none
  std::optional<std::vector<std::string>> by;
  std::size_t groups = 10'000;
  Place where;

  friend bool operator==(const Window&, const Window&) = default;
};

/// `alert:` of a pipeline.
struct Alert {
  Text when;
  std::chrono::nanoseconds hold{};  ///< `for:`
  std::optional<std::chrono::nanoseconds> keep_firing_for;
  std::optional<std::chrono::nanoseconds> cooldown;
  std::string severity = "warning";  ///< info, warning, critical
  Labels labels;
  std::map<std::string, Text> annotations;  ///< `summary:`, `description:` and `runbook_url:` among them
  Place where;

  friend bool operator==(const Alert&, const Alert&) = default;
};

struct Pipeline {
  std::string name;
  std::vector<std::string> from;       ///< collectors, `self` among them; unless given: all of them and `self`
  bool from_given = true;              ///< else a pipeline with a filter takes what feeds it, whoever makes it
  std::vector<std::string> to;         ///< sinks of records and window values; empty for one with an alert
  std::vector<std::string> alerts_to;  ///< sinks of its alerts; unless given: the agent's
  std::optional<Text> filter;
  std::vector<Window> windows;  ///< of `window:` one, of `windows:` all
  bool named_windows = false;   ///< `windows:`
  std::optional<Alert> alert;
  Place where;

  /// Whether it filters: rules/ compiles it.
  [[nodiscard]] bool is_rule() const { return filter.has_value() || !windows.empty() || alert.has_value(); }

  friend bool operator==(const Pipeline&, const Pipeline&) = default;
};

/// `prometheus:`: the Prometheus that is to evaluate the same rules.
struct PrometheusRules {
  std::filesystem::path rules_file;  ///< written when the rules change; empty: none
  std::string reload_url;            ///< POSTed to until it took; empty: none

  friend bool operator==(const PrometheusRules&, const PrometheusRules&) = default;
};

/// A pipeline file with what it includes. Plain: compares by content, wherever it was written. The file's order.
struct Config {
  Agent agent;
  std::vector<Collector> collectors;
  std::vector<Sink> sinks;
  std::vector<Pipeline> pipelines;
  PrometheusRules prometheus;
  std::vector<std::filesystem::path> files;  ///< that were read: the file itself, included ones, the env file

  [[nodiscard]] const Collector* find_collector(std::string_view name) const;
  [[nodiscard]] const Sink* find_sink(std::string_view name) const;
  [[nodiscard]] const Pipeline* find_pipeline(std::string_view name) const;
};

/// The name under which pipelines know the agent's own metrics; no collector may bear it.
inline constexpr std::string_view self_name = "self";

/// Texts of pipeline files by the path under which they were read.
using Texts = std::map<std::filesystem::path, std::string>;

/// What load() made of a file.
struct Loaded {
  Config config;  ///< to be run only when ok(); else what could be read, good for further checks alone
  std::vector<Diagnostic> diagnostics;  ///< every mistake and warning, in the order of files and lines
  Texts texts;                          ///< of the file and those it includes, not of the env file
  std::optional<std::string> env_text;  ///< of the env file; nothing when there is none

  [[nodiscard]] bool ok() const { return !has_errors(diagnostics); }
};

/// Reads the pipeline file at \p path, what it includes, and its env file, whose variables win over \p environment.
/// Reports every mistake that it finds, not the first. Reads files of at most 1 MiB, blocks on none. Any thread.
/// A pipeline file that is in \p remembered is taken from there: so an edit of the env file alone applies alone.
[[nodiscard]] Loaded load(const std::filesystem::path& path, const Variables& environment,
                          const Texts& remembered = {});

/// The same for a file whose rules are to be looked at alone, be it a main file or one that others include: no name of
/// a collector or sink is looked up, no version need be there, no env file is read.
[[nodiscard]] Loaded load_rules(const std::filesystem::path& path, const Variables& environment);

}  // namespace sentinel::config
