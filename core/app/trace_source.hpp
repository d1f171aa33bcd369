#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <sentinel/result.hpp>

#include "core/app/trace_print.hpp"
#include "core/plugin/call.hpp"
#include "core/runtime/agent_labels.hpp"
#include "core/runtime/instance_host.hpp"
#include "core/store/batch.hpp"
#include "core/store/store.hpp"

namespace sentinel::app {

/// What became of the events that an eBPF collector saw.
struct TraceLedger {
  std::uint64_t seen = 0;
  std::uint64_t filtered = 0;
  std::uint64_t sampled_out = 0;
  std::uint64_t lost = 0;
};

/// A collector's plugin loaded into this process, from which every event is demanded, as the only pipeline of an agent
/// would. One thread.
class TraceSource {
 public:
  /// Values of its `config:` by key, as they would stand in a pipeline file; of a list each element.
  using Settings = std::map<std::string, std::vector<std::string>>;

  /// Loads, creates and starts `file`. `name` begins what is said of it. Errors: those of the file, of settings that
  /// the plugin's schema refuses, and the plugin's own, such as a privilege that is missing.
  static Result<std::unique_ptr<TraceSource>> open(const std::string& name, const std::filesystem::path& file,
                                                   const Settings& settings);
  ~TraceSource();
  TraceSource(const TraceSource&) = delete;
  TraceSource& operator=(const TraceSource&) = delete;

  /// For poll(2), and how long to wait at most before ready() has something to hand over.
  [[nodiscard]] const plugin::Instance::Awaited& awaited() const { return awaited_; }
  /// Calls `take` with each event that came since the last call; it returns whether it wants more.
  Result<void> ready(const std::function<bool(const TracedEvent&)>& take);
  /// Until now.
  Result<TraceLedger> ledger();

 private:
  explicit TraceSource(const std::string& name);
  Result<void> create(const std::filesystem::path& file, const Settings& settings);
  Result<void> demand_all();
  Result<void> start();

  const std::string name_;
  const runtime::AgentLabels labels_{{}};
  store::Store store_{1U << 20U};
  const std::unique_ptr<store::Producer> producer_;
  runtime::InstanceHost host_;
  store::RecordBatch batch_;
  std::optional<plugin::Instance> instance_;
  plugin::Instance::Awaited awaited_;
  bool started_ = false;
};

}  // namespace sentinel::app
