#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <sentinel/abi.h>
#include <sentinel/result.hpp>

#include "core/delivery/courier.hpp"
#include "core/runtime/agent_labels.hpp"
#include "core/runtime/clock.hpp"
#include "core/runtime/pushdown.hpp"
#include "core/store/batch.hpp"
#include "core/store/store.hpp"
#include "core/telemetry/snapshot.hpp"

namespace sentinel::runtime {

/// A path of the listener that a sink renders at.
struct RenderRoute {
  std::string path;
  std::string content_type;
};

/// A path of the listener that a plugin answers by itself.
struct HandlerRoute {
  std::string method;
  std::string path;
};

/// The agent as one plugin instance sees it: `sentinel_host` and its extensions. Outlives the instance. What plugins
/// may call from any thread is thread-safe.
class InstanceHost {
 public:
  /// What an instance is given; all must outlive it.
  struct Services {
    const Clock* clock = nullptr;
    store::Producer* producer = nullptr;                  // null: not a collector
    const telemetry::SnapshotSource* snapshot = nullptr;  // null: not `self`
    bool renders = false;                                 // a sink with render
    /// Takes a collection that the plugin opened by itself; called on the plugin's thread.
    std::function<void(std::shared_ptr<const store::RecordBatch>, Result<void>)> emitted;
    const store::Store* history = nullptr;  // null: not a sink
    delivery::Courier* courier = nullptr;   // null: nothing is posted, as with --once
    const AgentLabels* labels = nullptr;
  };

  InstanceHost(std::string instance, Services services);
  InstanceHost(const InstanceHost&) = delete;
  InstanceHost& operator=(const InstanceHost&) = delete;

  [[nodiscard]] const sentinel_host* abi() const { return &abi_; }

  /// After create: what may only be said in create is refused from now on.
  void seal() { sealed_ = true; }
  /// The routes asked for in create.
  [[nodiscard]] const std::vector<RenderRoute>& routes() const { return routes_; }
  [[nodiscard]] const std::vector<HandlerRoute>& handlers() const { return handlers_; }
  /// The events declared in create.
  [[nodiscard]] const std::vector<EventType>& events() const { return events_; }
  /// Receivers that it added, by the courier's numbers.
  [[nodiscard]] std::vector<std::uint32_t> receivers() const;
  /// After the plugin's stop: its receivers are let go; what is undelivered waits for a successor.
  void release_receivers();

 private:
  static InstanceHost& self(const sentinel_host* host) { return *static_cast<InstanceHost*>(host->context); }
  static const void* extension(const sentinel_host* host, const char* id);

  Result<std::uint32_t> declare(const sentinel_metric& metric);
  Result<void> add_render(std::string_view path, std::string_view content_type);
  Result<void> add_handler(std::string_view method, std::string_view path);
  Result<std::uint32_t> add_receiver(const sentinel_receiver& receiver);
  Result<void> submit(std::uint32_t receiver, const sentinel_alert& alert);
  Result<void> read_history(std::string_view metric, std::uint64_t from_ns, std::uint64_t to_ns, void* context,
                            void (*take)(void*, const sentinel_track*)) const;
  void log(int level, std::string_view message) const;
  sentinel_batch* open_collection();
  Result<void> end_collection(const sentinel_batch* batch, bool ok, std::string_view reason);

  const std::string instance_;
  const Services services_;
  sentinel_host abi_;
  std::atomic<bool> sealed_ = false;
  std::vector<RenderRoute> routes_;
  std::vector<HandlerRoute> handlers_;
  std::vector<EventType> events_;
  mutable std::mutex receivers_mutex_;
  std::vector<std::uint32_t> receivers_;
  std::mutex emit_mutex_;
  std::shared_ptr<store::RecordBatch> open_batch_;
};

}  // namespace sentinel::runtime
