#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/config.hpp"
#include "rules/engine/alert.hpp"
#include "rules/proof/values.hpp"

namespace sentinel::rules {

/// A metric's name and the labels of one of its series.
struct SeriesName {
  std::string metric;
  std::map<std::string, std::string> labels;
};

/// `{series: 'm{a="b"}', values: '1+1x5'}`
struct InputSeries {
  SeriesName name;
  Values values;
};

/// `{at: 10s, event: 'm{a="b"}', context: {pid: 42, comm: curl}, count: 60, over: 1s}`: as many, evenly from `at` on.
struct InputEvents {
  SeriesName name;
  Context context;
  std::chrono::nanoseconds at{};
  std::chrono::nanoseconds over{};
  std::size_t count = 1;
  double value = 1;
};

struct ExpectedAlert {
  Labels labels;  ///< without alertname
  std::optional<std::map<std::string, std::string>> annotations;
  bool pending = false;
};

/// `{eval_time: 5m, alertname: x, exp_alerts: [...]}`
struct AlertCheck {
  std::chrono::nanoseconds eval_time{};
  std::string alertname;
  std::vector<ExpectedAlert> expected;
  config::Place where;
  config::Place name_where;
};

struct RuleTest {
  std::string name;
  std::chrono::nanoseconds interval{};
  std::vector<InputSeries> series;
  std::vector<InputEvents> events;
  std::vector<AlertCheck> checks;
  config::Variables environment;
  config::Place where;
};

struct RuleTestFile {
  struct RuleFile {
    std::filesystem::path path;
    config::Place where;
  };
  std::vector<RuleFile> rule_files;
  std::vector<RuleTest> tests;
};

/// Reads a test file, and reports every mistake in it. What is wrong is left out. \p file names it, and paths in it are
/// relative to it. Bounded: 1,000,000 values and as many events. Any thread.
[[nodiscard]] RuleTestFile parse_test_file(std::string_view text, const std::filesystem::path& file,
                                           std::vector<config::Diagnostic>& diagnostics);

}  // namespace sentinel::rules
