#pragma once

#include <concepts>
#include <cstddef>
#include <iterator>
#include <span>
#include <string_view>

#include <sentinel/plugin.hpp>

namespace sentinel {

/// An array of ABI structs, walked by the size that its writer gave them.
template <class Struct>
class Strided {
 public:
  class Iterator {
   public:
    using value_type = Struct;
    using reference = const Struct&;
    using pointer = const Struct*;
    using difference_type = std::ptrdiff_t;
    using iterator_category = std::forward_iterator_tag;

    Iterator() = default;
    Iterator(const char* at, std::uint32_t stride) : at_(at), stride_(stride) {}
    reference operator*() const { return *reinterpret_cast<const Struct*>(at_); }
    pointer operator->() const { return reinterpret_cast<const Struct*>(at_); }
    Iterator& operator++() {
      at_ += stride_;
      return *this;
    }
    Iterator operator++(int) {
      Iterator before = *this;
      ++*this;
      return before;
    }
    bool operator==(const Iterator& other) const { return at_ == other.at_; }

   private:
    const char* at_ = nullptr;
    std::uint32_t stride_ = 0;
  };

  Strided(const Struct* first, std::uint64_t count)
      : first_(reinterpret_cast<const char*>(first)), count_(count), stride_(count == 0 ? 0 : first->size) {}
  [[nodiscard]] Iterator begin() const { return {first_, stride_}; }
  [[nodiscard]] Iterator end() const { return {count_ == 0 ? first_ : first_ + count_ * stride_, stride_}; }
  [[nodiscard]] std::uint64_t size() const { return count_; }

 private:
  const char* first_;
  std::uint64_t count_;
  std::uint32_t stride_;
};

/// The families a sink may render. Valid during render.
using SeriesView = Strided<sentinel_family>;
inline Strided<sentinel_series> series_of(const sentinel_family& family) {
  return {family.series, family.series_count};
}

/// The records of one collection. Valid during consume.
class Records {
 public:
  explicit Records(const sentinel_delivery* delivery)
      : delivery_(delivery), records_(delivery->records, delivery->count) {}
  [[nodiscard]] auto begin() const { return records_.begin(); }
  [[nodiscard]] auto end() const { return records_.end(); }
  [[nodiscard]] std::uint64_t size() const { return records_.size(); }
  /// The collector that made them.
  [[nodiscard]] std::string_view instance() const { return from_abi(delivery_->instance); }
  [[nodiscard]] const sentinel_metric& metric(const sentinel_record& record) const {
    return *delivery_->metric(delivery_, &record);
  }
  /// Label values in the order of the metric's keys.
  [[nodiscard]] std::span<const sentinel_string> labels(const sentinel_record& record) const {
    return {delivery_->labels(delivery_, &record), metric(record).label_count};
  }

 private:
  const sentinel_delivery* delivery_;
  Strided<sentinel_record> records_;
};

/// What a class must offer to be a sink: a constructor `T(const sentinel::Config&, sentinel::Host&)` and at least one
/// of
///   - `sentinel::Result<void> consume(const sentinel::Records&)`: records of its pipelines as they come;
///   - `sentinel::Result<void> render(const sentinel::SeriesView&, sentinel::Writer&)`: the live series as text;
///   - `sentinel::Result<void> alert(const sentinel_alert&)`: alerts of rules that go to it.
/// A sink holds nothing that a swap must keep. The optional members are those of a collector, and
///   - `sentinel::Result<void> handle(const sentinel::HttpRequest&, sentinel::HttpResponse&)`: answers the paths that
///   it
///     asked for by Host::handle().
template <class T>
concept ConsumingSink = requires(T& t, const Records& records) {
  { t.consume(records) } -> std::same_as<Result<void>>;
};
template <class T>
concept RenderingSink = requires(T& t, const SeriesView& view, Writer& out) {
  { t.render(view, out) } -> std::same_as<Result<void>>;
};
template <class T>
concept AlertingSink = requires(T& t, const sentinel_alert& alert) {
  { t.alert(alert) } -> std::same_as<Result<void>>;
};
template <class T>
concept Sink = std::constructible_from<T, const Config&, Host&> &&
    (ConsumingSink<T> || RenderingSink<T> || AlertingSink<T>);

namespace detail {

template <class T>
struct SinkEntry {
  static int32_t consume(void* instance, const sentinel_delivery* delivery, sentinel_error* error) {
    return guarded(error, [&] { return Entry<T>::self(instance).consume(Records(delivery)); });
  }
  static int32_t render(void* instance, const sentinel_series_view* view, sentinel_writer* out, sentinel_error* error) {
    return guarded(error, [&] {
      Writer writer(out);
      return Entry<T>::self(instance).render(SeriesView(view->families, view->family_count), writer);
    });
  }
  static int32_t alert(void* instance, const sentinel_alert* alert, sentinel_error* error) {
    return guarded(error, [&] { return Entry<T>::self(instance).alert(*alert); });
  }
};

template <class T>
const sentinel_plugin* sink_entry(const PluginInfo& info) {
  static_assert(std::constructible_from<T, const Config&, Host&>,
                "a sink is made by T(const sentinel::Config&, sentinel::Host&)");
  static_assert(Sink<T>,
                "a sink has at least one of sentinel::Result<void> consume(const sentinel::Records&), "
                "sentinel::Result<void> render(const sentinel::SeriesView&, sentinel::Writer&) and "
                "sentinel::Result<void> alert(const sentinel_alert&)");
  if constexpr (requires { &T::consume; }) {
    static_assert(ConsumingSink<T>, "consume must be: sentinel::Result<void> consume(const sentinel::Records&)");
  }
  if constexpr (requires { &T::render; }) {
    static_assert(RenderingSink<T>,
                  "render must be: sentinel::Result<void> render(const sentinel::SeriesView&, sentinel::Writer&)");
  }
  if constexpr (requires { &T::alert; }) {
    static_assert(AlertingSink<T>, "alert must be: sentinel::Result<void> alert(const sentinel_alert&)");
  }
  static constexpr sentinel_sink table = [] {
    sentinel_sink made{sizeof(sentinel_sink), 0, nullptr, nullptr, nullptr};
    if constexpr (ConsumingSink<T>) made.consume = &SinkEntry<T>::consume;
    if constexpr (RenderingSink<T>) made.render = &SinkEntry<T>::render;
    if constexpr (AlertingSink<T>) made.alert = &SinkEntry<T>::alert;
    return made;
  }();
  return describe_plugin<T>(info, SENTINEL_KIND_SINK, nullptr, &table);
}

}  // namespace detail
}  // namespace sentinel

/// Makes a class the sink of this shared object: SENTINEL_SINK(Prometheus, {.name = "prometheus", …})
#define SENTINEL_SINK(TYPE, ...)                                          \
  namespace {                                                             \
  constexpr ::sentinel::PluginInfo sentinel_plugin_info = __VA_ARGS__;    \
  SENTINEL_DETAIL_NOTE(SENTINEL_KIND_SINK);                               \
  }                                                                       \
  SENTINEL_DETAIL_EXPORT const sentinel_plugin* sentinel_plugin_entry() { \
    return ::sentinel::detail::sink_entry<TYPE>(sentinel_plugin_info);    \
  }                                                                       \
  static_assert(true)
