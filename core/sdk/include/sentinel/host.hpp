#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <type_traits>

#include <sentinel/batch.hpp>
#include <sentinel/config.hpp>
#include <sentinel/error.hpp>
#include <sentinel/metric.hpp>

namespace sentinel {

/// The agent as one plugin instance sees it. Copies are cheap and refer to the same host, which outlives the instance.
class Host {
 public:
  explicit Host(const sentinel_host* host)
      : host_(host), log_(static_cast<const sentinel_host_log*>(host->extension(host, SENTINEL_EXTENSION_LOG))) {}

  /// CLOCK_BOOTTIME. Any thread.
  [[nodiscard]] std::chrono::nanoseconds now() const { return std::chrono::nanoseconds(host_->now_ns(host_)); }

  /// Lines in the agent's log, marked with the instance's name. Any thread.
  void debug(std::string_view message) const { log(SENTINEL_DEBUG, message); }
  void info(std::string_view message) const { log(SENTINEL_INFO, message); }
  void warning(std::string_view message) const { log(SENTINEL_WARNING, message); }
  void error(std::string_view message) const { log(SENTINEL_ERROR, message); }

  /// Declares a metric; in the constructor only. Throws PluginError when the agent refuses it.
  Gauge<> gauge(const MetricSpec& spec) const { return {declare(MetricKind::gauge, spec, {}, {})}; }
  template <std::size_t N>
  Gauge<N> gauge(const MetricSpec& spec, const std::string_view (&label_keys)[N]) const {
    return {declare(MetricKind::gauge, spec, label_keys, {})};
  }
  Counter<> counter(const MetricSpec& spec) const { return {declare(MetricKind::counter, spec, {}, {})}; }
  template <std::size_t N>
  Counter<N> counter(const MetricSpec& spec, const std::string_view (&label_keys)[N]) const {
    return {declare(MetricKind::counter, spec, label_keys, {})};
  }
  /// `bounds` are the buckets' upper bounds, ascending, without +Inf.
  Histogram<> histogram(const MetricSpec& spec, std::span<const double> bounds) const {
    return {declare(MetricKind::histogram, spec, {}, bounds)};
  }
  template <std::size_t N>
  Histogram<N> histogram(const MetricSpec& spec, std::span<const double> bounds,
                         const std::string_view (&label_keys)[N]) const {
    return {declare(MetricKind::histogram, spec, label_keys, bounds)};
  }
  Event<> event(const MetricSpec& spec) const { return {declare(MetricKind::event, spec, {}, {})}; }
  template <std::size_t N>
  Event<N> event(const MetricSpec& spec, const std::string_view (&label_keys)[N]) const {
    return {declare(MetricKind::event, spec, label_keys, {})};
  }

  /// Serves the sink's render at GET `path` of the agent's listener; in the constructor only. Throws PluginError.
  void serve(std::string_view path, std::string_view content_type) const {
    const auto* routes = required<sentinel_host_http_routes>(SENTINEL_EXTENSION_HTTP_ROUTES,
                                                             offsetof(sentinel_host_http_routes, add_handler));
    sentinel_error error = detail::empty_error();
    check(routes->add_render(host_, to_abi(path), to_abi(content_type), &error), error);
  }

  /// Has the plugin's `handle` answer `method` at `path` of the agent's listener; in the constructor only. Throws
  /// PluginError.
  void handle(std::string_view method, std::string_view path) const {
    const auto* routes = required<sentinel_host_http_routes>(SENTINEL_EXTENSION_HTTP_ROUTES);
    sentinel_error error = detail::empty_error();
    check(routes->add_handler(host_, to_abi(method), to_abi(path), &error), error);
  }

  /// The labels that the agent puts on each of its alerts; they live as long as the instance. Any thread. Throws
  /// PluginError.
  [[nodiscard]] std::span<const sentinel_label> labels() const {
    const sentinel_label* labels = nullptr;
    const std::uint32_t count = required<sentinel_host_agent>(SENTINEL_EXTENSION_AGENT)->labels(host_, &labels);
    return {labels, count};
  }
  /// Since the epoch. Any thread. Throws PluginError.
  [[nodiscard]] std::chrono::nanoseconds unix_time() const {
    return std::chrono::nanoseconds(required<sentinel_host_agent>(SENTINEL_EXTENSION_AGENT)->unix_ns(host_));
  }

  /// Calls `take(const sentinel_track&)` for each series of `metric` (empty: of every metric), with its samples in
  /// [from, to]; of sinks, any thread, while started. `take` must not throw. Errors: unsupported, failed.
  template <class Take>
  Result<void> history(std::string_view metric, std::chrono::nanoseconds from, std::chrono::nanoseconds to,
                       Take&& take) const {
    const auto* service = optional<sentinel_host_history>(SENTINEL_EXTENSION_HISTORY);
    if (service == nullptr) return missing(SENTINEL_EXTENSION_HISTORY);
    sentinel_error error = detail::empty_error();
    using Callable = std::remove_reference_t<Take>;
    const int status = service->read(
        host_, to_abi(metric), static_cast<std::uint64_t>(from.count()), static_cast<std::uint64_t>(to.count()),
        const_cast<std::remove_const_t<Callable>*>(std::addressof(take)),
        [](void* context, const sentinel_track* track) { (*static_cast<Callable*>(context))(*track); }, &error);
    if (status != SENTINEL_OK) return detail::to_error(status, error);
    return {};
  }

  /// A receiver to which submit() posts; in a sink's constructor only. Throws PluginError.
  [[nodiscard]] std::uint32_t add_receiver(const sentinel_receiver& receiver) const {
    const auto* service = required<sentinel_host_delivery>(SENTINEL_EXTENSION_DELIVERY);
    std::uint32_t id = 0;
    sentinel_error error = detail::empty_error();
    check(service->add_receiver(host_, &receiver, &id, &error), error);
    return id;
  }
  /// Has the agent post the alert until the receiver took it; on disk when this returns. Of sinks, any thread, while
  /// started. Errors: invalid_argument, exhausted, failed.
  [[nodiscard]] Result<void> submit(std::uint32_t receiver, const sentinel_alert& alert) const {
    const auto* service = optional<sentinel_host_delivery>(SENTINEL_EXTENSION_DELIVERY);
    if (service == nullptr) return missing(SENTINEL_EXTENSION_DELIVERY);
    sentinel_error error = detail::empty_error();
    const int status = service->submit(host_, receiver, &alert, &error);
    if (status != SENTINEL_OK) return detail::to_error(status, error);
    return {};
  }

  /// The C struct, for services that have no method here.
  [[nodiscard]] const sentinel_host* raw() const { return host_; }

 private:
  void log(int level, std::string_view message) const {
    if (log_ != nullptr) log_->write(host_, level, to_abi(message));
  }

  std::uint32_t declare(MetricKind kind, const MetricSpec& spec, std::span<const std::string_view> keys,
                        std::span<const double> bounds) const {
    constexpr std::size_t most_keys = 32;
    std::array<sentinel_string, most_keys> abi_keys;
    if (keys.size() > most_keys) throw PluginError({Errc::invalid_argument, "a metric has at most 32 label keys"});
    for (std::size_t i = 0; i < keys.size(); ++i) abi_keys[i] = to_abi(keys[i]);
    const sentinel_metric metric = {sizeof(sentinel_metric),
                                    static_cast<std::uint32_t>(kind),
                                    to_abi(spec.name),
                                    to_abi(spec.help),
                                    to_abi(spec.unit),
                                    abi_keys.data(),
                                    bounds.data(),
                                    static_cast<std::uint32_t>(keys.size()),
                                    static_cast<std::uint32_t>(bounds.size())};
    std::uint32_t id = 0;
    sentinel_error error = detail::empty_error();
    check(host_->declare_metric(host_, &metric, &id, &error), error);
    return id;
  }

  static Error missing(const char* id) {
    return {Errc::unsupported, "this agent has no service '" + std::string(id) + "'; use a newer agent"};
  }

  /// Null when this agent has none, or an older one that ends before `needed_size`.
  template <class Service>
  const Service* optional(const char* id, std::size_t needed_size = sizeof(Service)) const {
    const auto* service = static_cast<const Service*>(host_->extension(host_, id));
    return service == nullptr || service->size < needed_size ? nullptr : service;
  }

  template <class Service>
  const Service* required(const char* id, std::size_t needed_size = sizeof(Service)) const {
    const auto* service = optional<Service>(id, needed_size);
    if (service == nullptr) throw PluginError(missing(id));
    return service;
  }

  static void check(int status, const sentinel_error& error) {
    if (status != SENTINEL_OK) throw PluginError(detail::to_error(status, error));
  }

  const sentinel_host* host_;
  const sentinel_host_log* log_;
};

}  // namespace sentinel
