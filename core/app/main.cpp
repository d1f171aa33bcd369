#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "core/app/commands.hpp"
#include "core/app/top/top.hpp"
#include "core/app/trace.hpp"
#include "core/plugin/description.hpp"
#include "core/runtime/placement.hpp"
#include "core/runtime/probe.hpp"
#include "core/telemetry/version.hpp"

namespace {

using sentinel::app::ExitCode;

constexpr const char* default_file = "sentinel.yaml";

/// `trace` with a command for each kind, whose options outlive the parsing.
void add_trace(CLI::App& app, sentinel::app::TraceOptions& options, int& code) {
  auto* trace = app.add_subcommand("trace", "Print events of the kernel as they come; needs no agent");
  trace->require_subcommand(1);
  for (const auto& kind : sentinel::app::trace_kinds()) {
    auto* command = trace->add_subcommand(kind.name, kind.help);
    for (const auto& filter : kind.filters) {
      const auto add = [&options, key = filter.key](const std::vector<std::string>& values) {
        options.filters[key] = values;
      };
      command->add_option_function<std::vector<std::string>>(filter.option, add, filter.help)
          ->delimiter(',')
          ->allow_extra_args(false);
    }
    command->add_flag("--json", options.json, "One JSON object a line");
    command->add_flag("--stack", options.stack, "With the kernel's stack");
    command->add_option("--count", options.count, "Events, then end; 0: until stopped")->capture_default_str();
    command->add_option("--seconds", options.seconds, "Then end")->check(CLI::Range(0.001, 1e6));
    command->add_option("--config", options.file, "Pipeline file, whose plugin_path counts")->capture_default_str();
    command->add_option("--plugin-path", options.plugin_path, "Folders of plugins instead");
    command->callback([&] { code = sentinel::app::trace(kind, options); });
  }
}

int command_line(int argc, char** argv) {
  CLI::App app("Sentinel: host observability agent with hot-swappable plugins", "sentinel");
  app.set_version_flag("--version", std::string(sentinel::telemetry::version()));
  app.require_subcommand(1);
  int code = ExitCode::good;

  sentinel::app::RunOptions run{default_file, false};
  auto* run_command = app.add_subcommand("run", "Run the agent until SIGTERM or SIGINT");
  run_command->add_option("file", run.file, "Pipeline file")->capture_default_str();
  run_command->add_flag("--once", run.once, "Collect once, print the metrics, and end");
  run_command->callback([&] { code = sentinel::app::run(run); });

  std::filesystem::path checked = default_file;
  auto* check_command = app.add_subcommand("check", "Check a pipeline file and the plugins it names; 0 good, 2 bad");
  check_command->add_option("file", checked, "Pipeline file")->capture_default_str();
  bool explained = false;
  check_command->add_flag("--explain", explained, "Show what of each rule is evaluated in the kernel, and why not all");
  check_command->callback([&] { code = sentinel::app::check(checked, explained); });

  auto* plugin_command = app.add_subcommand("plugin", "Look at plugins");
  plugin_command->require_subcommand(1);
  std::filesystem::path list_file = default_file;
  std::vector<std::filesystem::path> folders;
  auto* list_command = plugin_command->add_subcommand("list", "List the plugins of the pipeline file's plugin_path");
  list_command->add_option("--config", list_file, "Pipeline file")->capture_default_str();
  list_command->add_option("--plugin-path", folders, "Folders to list instead");
  list_command->callback([&] { code = sentinel::app::plugin_list(list_file, folders); });

  std::filesystem::path inspected;
  bool inspect_json = false;
  auto* inspect_command = plugin_command->add_subcommand("inspect", "Show what a plugin is, needs and measures");
  inspect_command->add_option("plugin", inspected, "Shared object")->required();
  inspect_command->add_flag("--json", inspect_json, "As JSON");
  inspect_command->callback([&] { code = sentinel::app::plugin_inspect(inspected, inspect_json); });

  std::filesystem::path described;
  auto* describe_command = plugin_command->add_subcommand("describe", "The child's half of inspect")->group("");
  describe_command->add_option("plugin", described)->required();
  describe_command->callback([&] { code = sentinel::plugin::describe_main(described); });

  plugin_command->add_subcommand("offer", "The child's half of check --explain")->group("")->callback([] {
    sentinel::runtime::offer_main();
  });
  plugin_command->add_subcommand("probe", "The child's half of a reload")->group("")->callback([] {
    sentinel::runtime::probe_main();
  });

  auto* rules_command = app.add_subcommand("rules", "Prove alerting rules, and hand them to Prometheus");
  rules_command->require_subcommand(1);
  std::vector<std::filesystem::path> tests;
  auto* rules_test_command =
      rules_command->add_subcommand("test", "Run rule tests without a host; 0 good, 1 a check failed, 2 a bad file");
  rules_test_command->add_option("files", tests, "Files of rule tests")->required();
  rules_test_command->callback([&] { code = sentinel::app::rules_test(tests); });
  std::filesystem::path exported = default_file;
  std::string scrape_interval = "15s";
  bool for_prometheus = false;
  auto* export_command = rules_command->add_subcommand("export", "Print the rules for another program");
  export_command->add_flag("--prometheus", for_prometheus, "As Prometheus alerting rules")->required();
  export_command->add_option("--scrape-interval", scrape_interval, "How often that Prometheus scrapes")
      ->capture_default_str();
  export_command->add_option("file", exported, "Pipeline file")->capture_default_str();
  export_command->callback([&] { code = sentinel::app::rules_export(exported, scrape_interval); });

  sentinel::app::AskOptions asked{default_file, {}, {}};
  bool answer_json = false;
  const auto add_ask_options = [&](CLI::App* command) {
    command->add_option("--config", asked.file, "Pipeline file, whose state_dir holds the agent's socket")
        ->capture_default_str();
    command->add_option("--socket", asked.socket, "The agent's unix socket");
    command->add_option("--address", asked.address, "host:port of the agent");
  };
  auto* status_command = app.add_subcommand("status", "Ask the running agent what runs, what doesn't, and why");
  add_ask_options(status_command);
  status_command->add_flag("--json", answer_json, "As JSON");
  status_command->callback([&] { code = sentinel::app::status(asked, answer_json); });

  std::filesystem::path planned;
  auto* plan_command =
      app.add_subcommand("plan", "Show what a reload of the running agent would do; 0 good, 2 a bad file");
  add_ask_options(plan_command);
  plan_command->add_option("file", planned, "Pipeline file; that of the agent unless given");
  plan_command->add_flag("--json", answer_json, "As JSON");
  plan_command->callback([&] {
    std::error_code unknown;
    // The file of an agent that was not started with the default one leads to it as well as --config does.
    if (!planned.empty() && !std::filesystem::exists(asked.file, unknown)) asked.file = planned;
    code = sentinel::app::plan(asked, planned, answer_json);
  });

  bool wait = false;
  auto* reload_command =
      app.add_subcommand("reload", "Have the running agent take up its pipeline file and plugins as they are now");
  add_ask_options(reload_command);
  reload_command->add_flag("--wait", wait, "Until what was replaced is gone, or back");
  reload_command->add_flag("--json", answer_json, "As JSON");
  reload_command->callback([&] { code = sentinel::app::reload(asked, wait, answer_json); });

  auto* alerts_command = app.add_subcommand("alerts", "List the running agent's pending and firing alerts");
  add_ask_options(alerts_command);
  alerts_command->add_flag("--json", answer_json, "As JSON");
  alerts_command->callback([&] { code = sentinel::app::alerts(asked, answer_json); });

  std::string reason = "by hand";
  auto* snapshot_command = app.add_subcommand("snapshot", "Have the running agent take a snapshot of the host now");
  add_ask_options(snapshot_command);
  snapshot_command->add_option("--reason", reason, "What the report says it was taken for")->capture_default_str();
  snapshot_command->callback([&] { code = sentinel::app::snapshot(asked, reason); });

  sentinel::app::TraceOptions trace;
  trace.file = default_file;
  add_trace(app, trace, code);

  sentinel::top::TopOptions top;
  double interval_seconds = 2;
  auto* top_command = app.add_subcommand("top", "Live view of CPU, memory, load, TCP and processes; needs no agent");
  top_command->add_option("--procfs", top.procfs, "Where the proc filesystem is mounted")->capture_default_str();
  top_command->add_option("--interval", interval_seconds, "Seconds between two looks")
      ->capture_default_str()
      ->check(CLI::Range(0.1, 3600.0));
  top_command->add_option("--count", top.count, "Looks, then end; 0: until stopped")->capture_default_str();
  top_command->callback([&] {
    top.interval = std::chrono::milliseconds(static_cast<long>(interval_seconds * 1000));
    code = sentinel::top::run_top(top);
  });

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? ExitCode::good : ExitCode::failed;
  }
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return command_line(argc, argv);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "sentinel: %s\n", e.what());
    return ExitCode::failed;
  }
}
