#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <span>
#include <string_view>

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
    const auto* routes = required<sentinel_host_http_routes>(SENTINEL_EXTENSION_HTTP_ROUTES);
    sentinel_error error = detail::empty_error();
    check(routes->add_render(host_, to_abi(path), to_abi(content_type), &error), error);
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

  template <class Service>
  const Service* required(const char* id) const {
    const auto* service = static_cast<const Service*>(host_->extension(host_, id));
    if (service == nullptr) {
      throw PluginError({Errc::unsupported, "this agent has no service '" + std::string(id) + "'; use a newer agent"});
    }
    return service;
  }

  static void check(int status, const sentinel_error& error) {
    if (status != SENTINEL_OK) throw PluginError(detail::to_error(status, error));
  }

  const sentinel_host* host_;
  const sentinel_host_log* log_;
};

}  // namespace sentinel
