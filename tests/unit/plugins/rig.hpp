#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <sentinel/abi.h>
#include <sentinel/result.hpp>

#include "core/plugin/call.hpp"
#include "core/plugin/stage.hpp"
#include "core/store/batch.hpp"
#include "core/store/store.hpp"

namespace rig {

/// A directory of its own, removed with it.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  /// Writes a file beneath it, and the directories on the way.
  void write(const std::string& relative, std::string_view text) const;

 private:
  std::filesystem::path path_;
};

/// Values of the live series by what the exposition would call them: `name{key="value",…}`, histograms left out.
using Values = std::map<std::string, double>;

/// A row of details(): values by key.
using Row = std::map<std::string, std::string>;

using ConfigValues = std::map<std::string, std::string>;

/// What a test demands of a collector's event.
struct Want {
  std::string event;
  /// Label or context field, and the texts that it may have.
  std::map<std::string, std::vector<std::string>> any_of = {};
  std::uint32_t fold = SENTINEL_FOLD_NONE;
  std::vector<std::string> by = {};
  std::chrono::nanoseconds pane{};
  double threshold = 0;  ///< 0: none
  std::uint64_t id = 1;
};

/// An event that it handed over.
struct Event {
  std::string metric;
  std::map<std::string, std::string> labels;
  double value = 0;
  std::chrono::nanoseconds time{};
  std::uint32_t pid = 0;
  std::uint32_t tid = 0;
  std::uint32_t ppid = 0;
  std::uint64_t start_time_ns = 0;
  std::uint64_t cgroup_id = 0;
  std::string comm;
  std::string parent_comm;
  std::string container_id;
  std::string exe;
  std::vector<std::string> symbols;
  std::size_t frames = 0;
  std::uint64_t count = 1;   ///< of events that it stands for
  std::uint64_t demand = 0;  ///< 0: it was not folded
};

/// One instance of a plugin built in this tree, in a small agent: the real loader, the real store, a clock that a test
/// sets. Created by the constructor, which throws
/// std::runtime_error with the plugin's reason; started by the first call that needs it. Instances that are `leaving`
/// may have the same series.
class Plugin {
 public:
  Plugin(sentinel::store::Store& store, const std::string& name, const ConfigValues& config,
         const std::string& instance = "under_test", std::set<std::string> leaving = {});
  ~Plugin();
  Plugin(const Plugin&) = delete;
  Plugin& operator=(const Plugin&) = delete;

  /// One collection at `now`, which succeeds or leaves the store as a failed one does. The clock stands at `now` then.
  sentinel::Result<void> collect(std::chrono::nanoseconds now);
  sentinel::Result<std::string> render(const sentinel::store::View& view);
  std::vector<Row> details(const std::string& table);
  /// Starts it now, instead of by the first call that needs it.
  sentinel::Result<void> start();
  /// What it is asked for from now on, and its answers.
  std::vector<sentinel_placement> offer(const std::vector<Want>& wants);
  /// What it hands over just now. The clock stands at CLOCK_BOOTTIME meanwhile.
  std::vector<Event> ready();
  /// Whether it wants to be waited for.
  bool watched();
  /// Events that it told to be lost in its last ready().
  [[nodiscard]] std::uint64_t lost() const { return batch_.lost(); }
  sentinel::Result<void> resume() { return instance_->resume(); }
  /// drain and save, and the same into a successor that was not started yet.
  sentinel::Result<sentinel::plugin::SavedState> save();
  sentinel::Result<void> restore(const sentinel::plugin::SavedState& state);

  [[nodiscard]] const sentinel_plugin& descriptor() const { return instance_->descriptor(); }
  [[nodiscard]] std::vector<std::shared_ptr<const sentinel::store::MetricInfo>> declared() const {
    return producer_->declared();
  }
  [[nodiscard]] const std::vector<std::string>& log() const { return log_; }
  /// Paths given to host.serve, with their content types.
  [[nodiscard]] const std::map<std::string, std::string>& routes() const { return routes_; }

 private:
  static std::uint64_t now_ns(const sentinel_host* host);
  static std::int32_t declare_metric(const sentinel_host* host, const sentinel_metric* metric, std::uint32_t* id,
                                     sentinel_error* error);
  static const void* extension(const sentinel_host* host, const char* id);
  static Plugin& self(const sentinel_host* host) { return *static_cast<Plugin*>(host->context); }
  void require_start();

  std::unique_ptr<sentinel::store::Producer> producer_;
  sentinel::store::RecordBatch batch_;
  std::chrono::nanoseconds now_{0};
  std::vector<std::string> log_;
  std::map<std::string, std::string> routes_;
  std::map<std::string, std::uint32_t> ids_;  ///< of metrics, by name
  sentinel_host host_;
  std::unique_ptr<sentinel::plugin::Instance> instance_;
  bool started_ = false;
};

/// The live series of every instance of the store.
Values values(const sentinel::store::Store& store);
sentinel::store::View view(const sentinel::store::Store& store);

}  // namespace rig
