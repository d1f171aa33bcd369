#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/app/ask.hpp"

namespace sentinel::app {

/// Exit codes of every command.
enum ExitCode : int {
  good = 0,
  failed = 1,
  bad_file = 2,  ///< the pipeline file, or a plugin that it names, has mistakes; all of them were printed
};

/// `sentinel run [FILE] [--once]`
struct RunOptions {
  std::filesystem::path file;
  bool once = false;
};
int run(const RunOptions& options);

/// `sentinel check [--explain] FILE`: with `explain`, where each rule's filter, panes and threshold are evaluated.
int check(const std::filesystem::path& file, bool explain);

/// `sentinel plugin list`: of the pipeline file's `plugin_path`, or of `folders` when there are some.
int plugin_list(const std::filesystem::path& file, const std::vector<std::filesystem::path>& folders);
/// `sentinel plugin inspect X.so`
int plugin_inspect(const std::filesystem::path& plugin, bool as_json);

/// `sentinel rules test FILE…`: whether rules do what their tests say. `failed` when one does not.
int rules_test(const std::vector<std::filesystem::path>& files);
/// `sentinel rules export --prometheus [FILE]`: its rules as Prometheus' own on standard output; on standard error
/// those that Prometheus cannot evaluate.
int rules_export(const std::filesystem::path& file, const std::string& scrape_interval);

/// `sentinel status`
int status(const AskOptions& options, bool as_json);

/// `sentinel plan [FILE]`: what a reload of the running agent would do if FILE were its pipeline file; does nothing.
int plan(const AskOptions& options, const std::filesystem::path& file, bool as_json);
/// `sentinel reload [--wait]`: has the running agent look at its pipeline file and plugins anew, and prints the
/// verdict; with `wait` after the probation of what entered. `failed` unless what was asked for runs.
int reload(const AskOptions& options, bool wait, bool as_json);

/// `sentinel alerts`: what is pending or firing in the running agent.
int alerts(const AskOptions& options, bool as_json);
/// `sentinel snapshot`: has the running agent take a snapshot of the host now, and prints its name.
int snapshot(const AskOptions& options, const std::string& reason);

}  // namespace sentinel::app
