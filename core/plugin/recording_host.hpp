#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <sentinel/abi.h>

namespace sentinel::plugin {

/// A metric as a plugin declared it.
struct DeclaredMetric {
  std::uint32_t kind = 0;  ///< sentinel_metric_kind
  std::string name;
  std::string help;
  std::string unit;
  std::vector<std::string> label_keys;
  std::vector<double> bounds;

  friend bool operator==(const DeclaredMetric&, const DeclaredMetric&) = default;
};

/// "gauge", "counter", "histogram" or "event".
[[nodiscard]] const char* metric_kind_name(std::uint32_t kind);

/// A host that notes what an instance declares and discards what else it says. One thread, except for logging.
class RecordingHost {
 public:
  RecordingHost();
  RecordingHost(const RecordingHost&) = delete;
  RecordingHost& operator=(const RecordingHost&) = delete;

  [[nodiscard]] const sentinel_host* raw() const { return &host_; }
  [[nodiscard]] const std::vector<DeclaredMetric>& metrics() const { return metrics_; }
  /// The paths that a sink asked to serve.
  [[nodiscard]] const std::vector<std::string>& routes() const { return routes_; }

 private:
  static std::int32_t declare_metric(const sentinel_host* host, const sentinel_metric* metric, std::uint32_t* id,
                                     sentinel_error* error);
  static const void* extension(const sentinel_host* host, const char* id);
  static std::int32_t add_render(const sentinel_host* host, sentinel_string path, sentinel_string content_type,
                                 sentinel_error* error);
  static std::int32_t add_handler(const sentinel_host* host, sentinel_string method, sentinel_string path,
                                  sentinel_error* error);

  sentinel_host host_;
  std::uint32_t receivers_ = 0;
  std::vector<DeclaredMetric> metrics_;
  std::vector<std::string> routes_;
};

}  // namespace sentinel::plugin
