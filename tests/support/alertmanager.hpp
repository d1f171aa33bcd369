#pragma once

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/process.hpp"

// The real servers that alerts go to and come from.
namespace sentinel::testing {

/// A program that cmake/peers/fetch unpacked, in the same place for every build of the tree.
[[nodiscard]] std::filesystem::path peer(std::string_view program);

/// "127.0.0.1:21234", free in TCP and UDP a moment ago, and of no port that the kernel gives to whoever asks for any:
/// it stays free while its server is down.
[[nodiscard]] std::string free_address();

/// An Alertmanager that posts what it is told to one webhook, alerts of one name in one post. Its address is known
/// before it runs.
class Alertmanager {
 public:
  struct Options {
    std::string post_to;  ///< a URL
    std::chrono::milliseconds group_wait{10};
    std::chrono::milliseconds group_interval{100};
    /// It is one of a cluster, and joins these (cluster_address()); none: it is the first, or alone.
    bool clustered = false;
    std::vector<std::string> peers = {};
  };

  /// Runs it; after stop() anew, with what it had stored: its notifications, but no alerts.
  void start(const Options& options);
  [[nodiscard]] bool wait_ready();
  void stop();

  [[nodiscard]] std::string url() const { return "http://" + address_; }
  [[nodiscard]] const std::string& cluster_address() const { return cluster_address_; }
  [[nodiscard]] std::string log() const { return process_ ? process_->err() : std::string(); }
  /// `amtool alert query`'s list as JSON, of the alerts that match, such as "alertname=cpu". Fails the test when amtool
  /// does; then it is empty.
  [[nodiscard]] boost::json::array alerts(const std::vector<std::string>& matchers = {}) const;
  /// Its own metrics; empty when it doesn't answer.
  [[nodiscard]] std::string exposition() const;
  /// Whether it is one of so many that know each other, and are done with finding one another: until then it tells
  /// nobody.
  [[nodiscard]] bool is_one_of(std::size_t members) const;

 private:
  TempFolder folder_;
  std::string address_ = free_address();
  std::string cluster_address_ = free_address();
  std::optional<Process> process_;
};

/// A Prometheus that scrapes one target and evaluates rules, each once a second. Its address is known before it runs.
class Prometheus {
 public:
  struct Options {
    std::string scrapes;               ///< "127.0.0.1:8000"
    std::filesystem::path rules = {};  ///< need not be there
    std::string alertmanager = {};     ///< a URL
    std::string job = "sentinel";
  };

  /// Writes its configuration, which it reads at its start and at a reload.
  void configure(const Options& options) const;
  void start(const Options& options);
  [[nodiscard]] bool wait_ready();
  void stop();

  [[nodiscard]] std::string url() const { return "http://" + address_; }
  [[nodiscard]] std::string reload_url() const { return url() + "/-/reload"; }
  [[nodiscard]] const std::filesystem::path& config_file() const { return config_file_; }
  [[nodiscard]] std::string log() const { return process_ ? process_->err() : std::string(); }
  /// The result vector of an instant query; empty when it doesn't answer. The expression is escaped by the caller.
  [[nodiscard]] boost::json::array query(const std::string& expression) const;
  /// /api/v1/rules and /api/v1/alerts: what of the name; null when it doesn't answer, or there is none.
  [[nodiscard]] boost::json::value rule(std::string_view name) const;
  [[nodiscard]] boost::json::value alert(std::string_view name) const;

 private:
  [[nodiscard]] boost::json::value ask(const std::string& path) const;

  TempFolder folder_;
  std::filesystem::path config_file_ = folder_ / "prometheus.yml";
  std::string address_ = free_address();
  std::optional<Process> process_;
};

}  // namespace sentinel::testing
