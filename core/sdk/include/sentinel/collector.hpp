#pragma once

#include <concepts>

#include <sentinel/plugin.hpp>

namespace sentinel {

/// What a class must offer to be a collector:
///   - a constructor `T(const sentinel::Config&, sentinel::Host&)`, which declares its metrics and may throw;
///   - `sentinel::Result<void> collect(sentinel::Batch&)`, called once an interval on any thread, never twice at once.
/// and may offer:
///   - `static constexpr sentinel::Field schema[]`, the keys of its `config:`;
///   - `static constexpr std::string_view capabilities[]`, such as "CAP_BPF";
///   - start(), drain(deadline), resume(), stop(), each returning `sentinel::Result<void>`;
///   - `static constexpr std::uint32_t state_version` with save(Writer&) and restore(version, bytes);
///   - `sentinel::Result<void> details(sentinel::Rows&)` for the status API;
///   - `sentinel::Result<sentinel::Watch> watch()` with `sentinel::Result<void> ready(sentinel::Batch&)`, which hands
///     events over between collections;
///   - `sentinel::Result<void> offer(const sentinel::Demands&)`, which is told who consumes its events.
template <class T>
concept Collector = std::constructible_from<T, const Config&, Host&> && requires(T& t, Batch& batch) {
  { t.collect(batch) } -> std::same_as<Result<void>>;
};

namespace detail {

template <class T>
const sentinel_plugin* collector_entry(const PluginInfo& info) {
  static_assert(std::constructible_from<T, const Config&, Host&>,
                "a collector is made by T(const sentinel::Config&, sentinel::Host&)");
  static_assert(Collector<T>, "a collector has: sentinel::Result<void> collect(sentinel::Batch&)");
  static constexpr sentinel_collector table = {sizeof(sentinel_collector), 0, &Entry<T>::collect};
  return describe_plugin<T>(info, SENTINEL_KIND_COLLECTOR, &table, nullptr);
}

}  // namespace detail
}  // namespace sentinel

/// Makes a class the collector of this shared object: SENTINEL_COLLECTOR(ProcCpu, {.name = "proc_cpu", …})
#define SENTINEL_COLLECTOR(TYPE, ...)                                       \
  namespace {                                                               \
  constexpr ::sentinel::PluginInfo sentinel_plugin_info = __VA_ARGS__;      \
  SENTINEL_DETAIL_NOTE(SENTINEL_KIND_COLLECTOR);                            \
  }                                                                         \
  SENTINEL_DETAIL_EXPORT const sentinel_plugin* sentinel_plugin_entry() {   \
    return ::sentinel::detail::collector_entry<TYPE>(sentinel_plugin_info); \
  }                                                                         \
  static_assert(true)
