#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <sentinel/abi.h>
#include <sentinel/result.hpp>

#include "core/plugin/library.hpp"

namespace sentinel::plugin {

/// What save wrote, for a successor's restore.
struct SavedState {
  std::uint32_t version = 0;
  std::string bytes;
};

/// One instance of a plugin, and the only way to its functions. Each call below goes to the function of abi.h of that
/// name, with its threads and lifecycle states; it runs on the caller's thread until the plugin returns. Errors carry
/// the plugin's code and its sentence, cleaned; an exception that a plugin lets out is `failed`. A function that the
/// plugin does not have is a success of the lifecycle, and `unsupported` elsewhere.
///
/// Holds the plugin's code; destroyed before it. The destructor calls destroy, and not stop.
class Instance {
 public:
  /// `host` outlives the instance; `config` is needed during the call.
  static Result<Instance> create(std::shared_ptr<const Library> library, const sentinel_host* host,
                                 const sentinel_config* config);
  /// The same for tables that are no shared object, such as the agent's built-in collectors; `code` keeps what they
  /// need, and may be null. The descriptor must satisfy check_descriptor().
  static Result<Instance> create(const sentinel_plugin& descriptor, std::shared_ptr<const void> code,
                                 const sentinel_host* host, const sentinel_config* config);

  Instance(Instance&& other) noexcept;
  Instance& operator=(Instance&& other) = delete;
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;
  ~Instance();

  [[nodiscard]] const sentinel_plugin& descriptor() const { return *plugin_; }
  [[nodiscard]] bool collects() const;
  [[nodiscard]] bool consumes() const;
  [[nodiscard]] bool renders() const;
  [[nodiscard]] bool has_state() const;
  [[nodiscard]] bool has_details() const;
  [[nodiscard]] bool takes_alerts() const;
  [[nodiscard]] bool handles_http() const;
  /// Whether it hands events over between collections: a `serial` one with all of "sentinel.fd_watch/1".
  [[nodiscard]] bool watches() const;
  /// Whether it is told who consumes its events.
  [[nodiscard]] bool takes_offers() const;

  Result<void> start();
  /// `deadline_ns` is CLOCK_BOOTTIME.
  Result<void> drain(std::uint64_t deadline_ns);
  Result<void> resume();
  Result<void> stop();
  /// What the destructor does, for who wants to know how it went: no other call may follow.
  Result<void> destroy();

  /// The plugin's state, or `no_data` when it has none. `exhausted`: it wrote more than `most_bytes`.
  Result<SavedState> save(std::size_t most_bytes = std::size_t{16} << 20U);
  Result<void> restore(const SavedState& state);

  Result<void> collect(sentinel_batch* batch);
  /// What to wait for before ready(); with neither, nothing is awaited until it is asked again.
  struct Awaited {
    int fd = -1;                  ///< the plugin's; -1: none
    std::uint64_t period_ns = 0;  ///< 0: none
  };
  Result<Awaited> watch();
  Result<void> ready(sentinel_batch* batch);
  /// `placements` are as many as the demands; what the plugin says there is made whole: no bit beyond the predicates,
  /// a reason that ends.
  Result<void> offer(std::span<const sentinel_demand> demands, std::span<sentinel_placement> placements);
  Result<void> consume(const sentinel_delivery& delivery);
  Result<void> render(const sentinel_series_view& view, sentinel_writer* out);
  /// render into a string. `exhausted`: it wrote more than `most_bytes`.
  Result<std::string> render(const sentinel_series_view& view, std::size_t most_bytes);
  Result<void> details(sentinel_rows* rows);
  Result<void> alert(const sentinel_alert& alert);
  /// What a plugin answered. `exhausted`: it wrote more than `most_bytes`.
  struct HttpAnswer {
    int status = 200;
    std::string content_type;
    std::string body;
  };
  Result<HttpAnswer> handle(const sentinel_http_request& request, std::size_t most_bytes);

 private:
  Instance(const sentinel_plugin& plugin, std::shared_ptr<const void> code)
      : code_(std::move(code)), plugin_(&plugin) {}
  void find_extensions();

  std::shared_ptr<const void> code_;
  const sentinel_plugin* plugin_;
  void* raw_ = nullptr;
  const sentinel_plugin_state* state_ = nullptr;
  const sentinel_plugin_details* details_ = nullptr;
  const sentinel_plugin_http* http_ = nullptr;
  const sentinel_plugin_fd_watch* fd_watch_ = nullptr;
  const sentinel_plugin_pushdown* pushdown_ = nullptr;
};

}  // namespace sentinel::plugin
