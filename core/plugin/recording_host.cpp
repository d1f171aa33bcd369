#include "core/plugin/recording_host.hpp"

#include <time.h>
#include <sentinel/config.hpp>
#include <sentinel/error.hpp>

#include <string_view>

#include "core/plugin/text.hpp"

namespace sentinel::plugin {

namespace {

constexpr std::size_t most_metrics = 1000;
constexpr std::size_t most_routes = 100;
constexpr std::uint32_t most_labels = 32;
constexpr std::uint32_t most_bounds = 1000;

std::uint64_t now(const sentinel_host*) {
  timespec time = {};
  ::clock_gettime(CLOCK_BOOTTIME, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(time.tv_nsec);
}

void write_log(const sentinel_host*, std::int32_t, sentinel_string) {}

sentinel_batch* open(const sentinel_host*) {
  return nullptr;
}

std::int32_t end_collection(const sentinel_host*, sentinel_batch*, std::int32_t, sentinel_string,
                            sentinel_error* error) {
  return detail::fill(error, Errc::unsupported, "nothing is collected here");
}

std::uint32_t no_labels(const sentinel_host*, const sentinel_label** labels) {
  *labels = nullptr;
  return 0;
}

std::int64_t unix_now(const sentinel_host*) {
  timespec time = {};
  ::clock_gettime(CLOCK_REALTIME, &time);
  return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

std::int32_t submit(const sentinel_host*, std::uint32_t, const sentinel_alert*, sentinel_error* error) {
  return detail::fill(error, Errc::unsupported, "nothing is posted here");
}

std::string owned(sentinel_string text) {
  return clean_text(from_abi(text));
}

}  // namespace

const char* metric_kind_name(std::uint32_t kind) {
  switch (kind) {
    case SENTINEL_GAUGE:
      return "gauge";
    case SENTINEL_COUNTER:
      return "counter";
    case SENTINEL_HISTOGRAM:
      return "histogram";
    case SENTINEL_EVENT:
      return "event";
    default:
      return "unknown";
  }
}

RecordingHost::RecordingHost() : host_{sizeof(sentinel_host), 0, this, &now, &declare_metric, &extension} {}

std::int32_t RecordingHost::declare_metric(const sentinel_host* host, const sentinel_metric* metric, std::uint32_t* id,
                                           sentinel_error* error) {
  auto& self = *static_cast<RecordingHost*>(host->context);
  if (self.metrics_.size() == most_metrics || metric->label_count > most_labels || metric->bound_count > most_bounds) {
    return detail::fill(error, Errc::invalid_argument, "more metrics, label keys or bounds than an agent takes");
  }
  DeclaredMetric made{metric->kind, owned(metric->name), owned(metric->help), owned(metric->unit), {}, {}};
  for (const auto& known : self.metrics_) {
    if (known.name == made.name) return detail::fill(error, Errc::invalid_argument, made.name + " is declared twice");
  }
  for (std::uint32_t i = 0; i < metric->label_count; ++i) made.label_keys.push_back(owned(metric->label_keys[i]));
  made.bounds.assign(metric->bounds, metric->bounds + metric->bound_count);
  self.metrics_.push_back(std::move(made));
  *id = static_cast<std::uint32_t>(self.metrics_.size());
  return SENTINEL_OK;
}

const void* RecordingHost::extension(const sentinel_host*, const char* id) {
  static constexpr sentinel_host_log log = {sizeof(sentinel_host_log), 0, &write_log};
  static constexpr sentinel_host_http_routes routes = {sizeof(sentinel_host_http_routes), 0, &add_render, &add_handler};
  static constexpr sentinel_host_agent agent = {sizeof(sentinel_host_agent), 0, &no_labels, &unix_now};
  static constexpr sentinel_host_delivery delivery = {sizeof(sentinel_host_delivery), 0,
                                                      [](const sentinel_host* host, const sentinel_receiver*,
                                                         std::uint32_t* receiver, sentinel_error*) -> std::int32_t {
                                                        *receiver =
                                                            ++static_cast<RecordingHost*>(host->context)->receivers_;
                                                        return SENTINEL_OK;
                                                      },
                                                      &submit};
  static constexpr sentinel_host_emit emit = {sizeof(sentinel_host_emit), 0, &open, &end_collection};
  const std::string_view wanted(id);
  if (wanted == SENTINEL_EXTENSION_LOG) return &log;
  if (wanted == SENTINEL_EXTENSION_HTTP_ROUTES) return &routes;
  if (wanted == SENTINEL_EXTENSION_EMIT) return &emit;
  if (wanted == SENTINEL_EXTENSION_AGENT) return &agent;
  if (wanted == SENTINEL_EXTENSION_DELIVERY) return &delivery;
  return nullptr;
}

std::int32_t RecordingHost::add_render(const sentinel_host* host, sentinel_string path, sentinel_string,
                                       sentinel_error* error) {
  auto& self = *static_cast<RecordingHost*>(host->context);
  if (self.routes_.size() == most_routes) {
    return detail::fill(error, Errc::invalid_argument, "more routes than an agent takes");
  }
  self.routes_.push_back(owned(path));
  return SENTINEL_OK;
}

std::int32_t RecordingHost::add_handler(const sentinel_host* host, sentinel_string, sentinel_string path,
                                        sentinel_error* error) {
  return add_render(host, path, {}, error);
}

}  // namespace sentinel::plugin
