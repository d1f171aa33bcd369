#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <memory>
#include <mutex>

#include "core/config/config.hpp"
#include "core/runtime/clock.hpp"
#include "core/runtime/file_watch.hpp"
#include "core/runtime/plan.hpp"
#include "core/runtime/prometheus_rules.hpp"
#include "core/runtime/topology.hpp"
#include "core/runtime/worker_pool.hpp"

namespace sentinel::runtime {

/// Where a configuration comes from: all that is needed to read it again.
struct ConfigSource {
  std::filesystem::path file;
  config::Variables environment;
  std::filesystem::path program;  ///< the agent's own executable, for make_plan()
};

/// Applies what changes while the agent runs: the env file, as soon as it changes. A change with a mistake is refused
/// whole, and what runs stays in force. Control loop, unless said.
class Reloader {
 public:
  struct Parts {
    boost::asio::io_context& control;
    WorkerPool& workers;
    Topology& topology;
    const Clock& clock;
    delivery::Courier& courier;
  };
  Reloader(const Parts& parts, ConfigSource source);

  /// The configuration of `plan` runs: notes it, tells Prometheus, and watches its env file.
  boost::asio::awaitable<void> started(config::Texts texts, std::optional<std::string> env_text,
                                       std::set<std::string> events);
  /// Watches no longer.
  void stop();

  /// Any thread.
  [[nodiscard]] telemetry::ReloadStats stats() const;

 private:
  void env_changed();
  boost::asio::awaitable<void> apply_env();
  boost::asio::awaitable<void> on_worker(std::function<void()> job);
  boost::asio::awaitable<void> tell_prometheus();
  void refuse(const std::vector<config::Diagnostic>& diagnostics);
  void tell_what_changed(const config::Diff& diff) const;
  void note(bool successful);

  Parts parts_;
  const ConfigSource source_;
  PrometheusRules prometheus_;
  std::unique_ptr<FileWatch> watch_;
  config::Texts texts_;
  std::set<std::string> events_;
  bool applying_ = false;
  bool again_ = false;
  bool stopped_ = false;

  mutable std::mutex mutex_;  // guards what stats() reads
  bool successful_ = true;
  double success_unix_seconds_ = 0;
  std::string reload_url_;
  bool has_prometheus_ = false;
};

}  // namespace sentinel::runtime
