#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/config/config.hpp"
#include "core/runtime/agent_labels.hpp"
#include "core/runtime/clock.hpp"
#include "core/runtime/file_watch.hpp"
#include "core/runtime/plan.hpp"
#include "core/runtime/prometheus_rules.hpp"
#include "core/runtime/reload_verdict.hpp"
#include "core/runtime/topology.hpp"

namespace sentinel::runtime {

/// Where a configuration comes from: all that is needed to read it again.
struct ConfigSource {
  std::filesystem::path file;
  config::Variables environment;
  std::filesystem::path program;  ///< the agent's own executable, for make_plan() and probe()
};

/// Changes what runs, one transaction after another: on a signal or a request, by the pipeline file and the plugins'
/// files as they are now; on an edit of the env file, by that alone. What is wrong is refused whole, and what proves
/// bad afterwards is rolled back. Control loop, unless said.
class Reloader {
 public:
  struct Parts {
    boost::asio::io_context& control;
    Topology& topology;
    const Clock& clock;
    const AgentLabels& labels;
    delivery::Courier& courier;
  };
  Reloader(const Parts& parts, ConfigSource source);

  using Answer = std::function<void(const ReloadVerdict&)>;

  /// The configuration of `plan` runs: notes it, tells Prometheus, and watches its env file. Reloads that were asked
  /// for before begin now.
  boost::asio::awaitable<void> started(config::Texts texts, std::optional<std::string> env_text,
                                       std::set<std::string> events);
  /// Has everything looked at anew. All that ask while a reload runs share the next one.
  void reload(std::string by, Answer answer = nullptr);
  /// Answers with what a reload would do if `file` (empty: the agent's own) were its pipeline file; does nothing.
  void plan(std::filesystem::path file, Answer answer);
  /// Begins nothing more, and returns when nothing is under way, or after `patience`: whether nothing is.
  boost::asio::awaitable<bool> stop(std::chrono::nanoseconds patience);

  /// The last reload's verdict; nothing before the first.
  [[nodiscard]] const std::optional<ReloadVerdict>& last() const { return last_; }
  /// "idle", "reloading" or "probation".
  [[nodiscard]] std::string_view state() const;
  /// Any thread.
  [[nodiscard]] telemetry::ReloadStats stats() const;

 private:
  /// What was asked for.
  struct Wanted {
    bool files_too = false;
    std::string by;
    std::vector<Answer> answers;
  };
  /// What reading the files came to.
  struct Read {
    Planned planned;
    config::Texts texts;
  };
  /// What goes back with a rollback.
  struct Facts {
    config::Texts texts;
    std::set<std::string> events;
  };

  void env_changed();
  void ask(bool files_too, std::string by, Answer answer);
  void wake();
  boost::asio::awaitable<void> run();
  boost::asio::awaitable<void> reload(Wanted wanted);
  boost::asio::awaitable<bool> look(const Wanted& wanted, Read& read, ReloadVerdict& verdict);
  boost::asio::awaitable<bool> probe_changes(Plan& plan, ReloadVerdict& verdict);
  boost::asio::awaitable<void> commit(Read read, ReloadVerdict& verdict);
  boost::asio::awaitable<void> roll_back(ReloadVerdict& verdict);
  boost::asio::awaitable<void> plan_only(std::filesystem::path file, Answer answer);
  boost::asio::awaitable<void> tell_prometheus();
  void watch_env(std::optional<std::string> known);
  void follow_settings();
  void conclude(ReloadVerdict& verdict);

  Parts parts_;
  const ConfigSource source_;
  PrometheusRules prometheus_;
  std::unique_ptr<FileWatch> watch_;
  std::filesystem::path watched_;
  Facts facts_;
  Facts facts_before_;
  std::optional<Wanted> wanted_;
  std::optional<std::string> failed_;  // in probation: who, and why
  bool probation_over_ = false;
  bool started_ = false;
  bool busy_ = false;
  bool stopped_ = false;
  std::optional<ReloadVerdict> last_;
  ReloadVerdict standing_;  // of the reload that is on probation
  boost::asio::steady_timer idle_;

  mutable std::mutex mutex_;  // guards what stats() reads
  telemetry::ReloadStats stats_;
  std::string reload_url_;
};

}  // namespace sentinel::runtime
