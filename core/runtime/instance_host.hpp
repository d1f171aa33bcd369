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

#include "core/runtime/clock.hpp"
#include "core/store/batch.hpp"
#include "core/store/store.hpp"
#include "core/telemetry/snapshot.hpp"

namespace sentinel::runtime {

/// A path of the listener that a sink renders at.
struct RenderRoute {
  std::string path;
  std::string content_type;
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
  };

  InstanceHost(std::string instance, Services services);
  InstanceHost(const InstanceHost&) = delete;
  InstanceHost& operator=(const InstanceHost&) = delete;

  [[nodiscard]] const sentinel_host* abi() const { return &abi_; }

  /// After create: what may only be said in create is refused from now on.
  void seal() { sealed_ = true; }
  /// The routes asked for in create.
  [[nodiscard]] const std::vector<RenderRoute>& routes() const { return routes_; }

 private:
  static InstanceHost& self(const sentinel_host* host) { return *static_cast<InstanceHost*>(host->context); }
  static const void* extension(const sentinel_host* host, const char* id);

  Result<std::uint32_t> declare(const sentinel_metric& metric);
  Result<void> add_render(std::string_view path, std::string_view content_type);
  void log(int level, std::string_view message) const;
  sentinel_batch* open_collection();
  Result<void> end_collection(const sentinel_batch* batch, bool ok, std::string_view reason);

  const std::string instance_;
  const Services services_;
  sentinel_host abi_;
  std::atomic<bool> sealed_ = false;
  std::vector<RenderRoute> routes_;
  std::mutex emit_mutex_;
  std::shared_ptr<store::RecordBatch> open_batch_;
};

}  // namespace sentinel::runtime
