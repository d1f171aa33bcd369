#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/http/message.hpp"
#include "tests/support/process.hpp"

namespace sentinel::testing {

/// build/sentinel, of the build that the test is of.
[[nodiscard]] std::string sentinel_program();
/// The file of a shipped plugin or of one that only tests load.
[[nodiscard]] std::filesystem::path plugin_file(std::string_view name);

/// A pipeline file: its head, with a listener on a port that the kernel chooses and every plugin that was built, then
/// \p body. \p agent is more of `agent:`, such as "workers: 1".
[[nodiscard]] std::string pipeline_file(std::string_view body, std::string_view agent = {});

/// `sentinel` with these words, to its end.
[[nodiscard]] Ended sentinel(std::vector<std::string> words);

/// Series as an exposition writes them, `name{label="value"}`, with their values. Fails the test at a line that is
/// none.
[[nodiscard]] std::map<std::string, double> samples(std::string_view exposition);

/// A running agent, killed with the object. Its state_dir is `state` beside its pipeline file.
class AgentProcess {
 public:
  /// Writes \p file as sentinel.yaml in the folder and runs it. The folder outlives the object.
  AgentProcess(const TempFolder& folder, std::string_view file);

  [[nodiscard]] Process& process() { return process_; }
  [[nodiscard]] const std::filesystem::path& file() const { return file_; }
  [[nodiscard]] const std::filesystem::path& socket() const { return socket_; }
  [[nodiscard]] std::string log() const { return process_.err(); }
  [[nodiscard]] bool logs(std::string_view text) const;

  /// Waits until it says where its metrics are; false when it doesn't.
  [[nodiscard]] bool wait_ready();
  /// "127.0.0.1:41231"; waits for it to listen.
  [[nodiscard]] std::string address();
  [[nodiscard]] std::uint16_t port();
  /// Over TCP. A failure to answer fails the test and is a response of status 0.
  [[nodiscard]] http::Response get(std::string_view path);
  /// /metrics as samples; empty when it answers anything but 200.
  [[nodiscard]] std::map<std::string, double> metrics();
  [[nodiscard]] std::optional<double> metric(const std::string& series);
  /// /api/v1/status over the unix socket; empty when it doesn't answer.
  [[nodiscard]] boost::json::object status() const;
  /// One of the status' instances; empty when there is none of that name.
  [[nodiscard]] boost::json::object instance(std::string_view name) const;
  [[nodiscard]] std::string state(std::string_view name) const;
  /// Of an instance's last error; empty without one.
  [[nodiscard]] std::string last_error(std::string_view name) const;
  [[nodiscard]] std::int64_t count(std::string_view name, std::string_view what) const;

  /// What /api/v1/alerts shows over the unix socket: pending and firing, those of this name or all of them. Empty when
  /// it doesn't answer.
  [[nodiscard]] std::vector<boost::json::object> alerts(std::string_view name = {}) const;
  /// Whether an alert of this name fires.
  [[nodiscard]] bool fires(std::string_view name) const;
  /// Over the unix socket; nothing when it doesn't answer.
  [[nodiscard]] std::optional<http::Response> post(std::string_view path, std::string_view json) const;

  /// Waits for \p wanted collections of a collector that begin after the call.
  [[nodiscard]] bool wait_for_runs(std::string_view collector, std::int64_t wanted = 2);
  /// SIGTERM, then its end.
  [[nodiscard]] Ended stop();

 private:
  std::filesystem::path file_;
  std::filesystem::path socket_;
  Process process_;
  std::string address_;
};

}  // namespace sentinel::testing
