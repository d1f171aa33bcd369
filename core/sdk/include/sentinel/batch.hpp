#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <span>
#include <string_view>

#include <sentinel/config.hpp>
#include <sentinel/error.hpp>
#include <sentinel/metric.hpp>

namespace sentinel {

/// Where a collection puts its records. Valid during collect; not thread-safe.
///
/// The first thing that goes wrong is kept, and collect then fails with it even if the plugin returns success, so that
/// an author need not check each add: a batch is taken whole or not at all.
class Batch {
 public:
  explicit Batch(sentinel_batch* batch) : batch_(batch) {}

  /// The time for which this collection was scheduled, CLOCK_BOOTTIME.
  [[nodiscard]] std::chrono::nanoseconds tick() const { return std::chrono::nanoseconds(batch_->tick_ns); }
  /// The collector's interval.
  [[nodiscard]] std::chrono::nanoseconds every() const { return std::chrono::nanoseconds(batch_->every_ns); }

  /// A sample of a metric without labels.
  template <MetricKind Kind>
  void add(Metric<Kind, 0> metric, double value) {
    add(series_of<Kind>(metric.id, {}), value);
  }

  /// Label values left out: an error with a reason, instead of a list of overloads that do not fit.
  template <MetricKind Kind, std::size_t Labels>
  void add(Metric<Kind, Labels>, double) {
    static_assert(Labels == 0, "the metric has label keys: give a value for each, add(metric, value, {…})");
  }

  /// A sample of the series with these label values, in the order of the declared keys.
  template <MetricKind Kind, std::size_t Labels, std::size_t Values>
  void add(Metric<Kind, Labels> metric, double value, const std::string_view (&labels)[Values]) {
    add(series(metric, labels), value);
  }

  /// A sample of a series looked up before.
  template <MetricKind Kind>
  void add(Series<Kind> series, double value) {
    static_assert(Kind == MetricKind::gauge || Kind == MetricKind::counter,
                  "a histogram takes its buckets too, an event its context");
    sentinel_record record = blank(series.metric, series.handle, value);
    append(record);
  }

  /// A histogram: the sum of its observations, and cumulative counts, one a bound and one for +Inf.
  template <std::size_t Labels, std::size_t Values>
  void add(Metric<MetricKind::histogram, Labels> metric, double sum, std::span<const std::uint64_t> buckets,
           const std::string_view (&labels)[Values]) {
    add_histogram(series(metric, labels), sum, buckets);
  }
  void add(Metric<MetricKind::histogram, 0> metric, double sum, std::span<const std::uint64_t> buckets) {
    add_histogram(series_of<MetricKind::histogram>(metric.id, {}), sum, buckets);
  }

  /// An event, which happened at `time` (CLOCK_BOOTTIME).
  template <std::size_t Labels, std::size_t Values>
  void add(Metric<MetricKind::event, Labels> metric, std::chrono::nanoseconds time, double value,
           const Context& context, const std::string_view (&labels)[Values]) {
    static_assert(Labels == Values, "give one label value for each label key of the metric");
    std::array<sentinel_string, Values> values;
    for (std::size_t i = 0; i < Values; ++i) values[i] = to_abi(labels[i]);
    add_event(metric.id, time, value, context, values, {});
  }
  void add(Metric<MetricKind::event, 0> metric, std::chrono::nanoseconds time, double value, const Context& context) {
    add_event(metric.id, time, value, context, {}, {});
  }

  /// An event that stands for `count` events of one group and pane, whose values sum up to `sum`. `id` is that of the
  /// demand that has them folded; fields of the context and labels that are no key of its groups may be empty.
  template <std::size_t Labels, std::size_t Values>
  void add_folded(Metric<MetricKind::event, Labels> metric, std::chrono::nanoseconds time, std::uint64_t id,
                  std::uint64_t count, double sum, const Context& context, const std::string_view (&labels)[Values]) {
    static_assert(Labels == Values, "give one label value for each label key of the metric");
    std::array<sentinel_string, Values> values;
    for (std::size_t i = 0; i < Values; ++i) values[i] = to_abi(labels[i]);
    add_event(metric.id, time, sum, context, values, {id, count});
  }

  /// Tells of events that were lost before they could be read, since it was told last: alerts that miss them say so.
  /// An older agent, which cannot know, is told nothing.
  void lost(std::uint64_t events) {
    if (events > 0 && batch_->size >= sizeof(sentinel_batch)) batch_->lost(batch_, events);
  }

  /// The series with these label values; looking it up once saves a hash of them a sample.
  template <MetricKind Kind, std::size_t Labels, std::size_t Values>
  [[nodiscard]] Series<Kind> series(Metric<Kind, Labels> metric, const std::string_view (&labels)[Values]) {
    static_assert(Kind != MetricKind::event, "an event has no series");
    static_assert(Labels == Values, "give one label value for each label key of the metric");
    std::array<sentinel_string, Values> values;
    for (std::size_t i = 0; i < Values; ++i) values[i] = to_abi(labels[i]);
    return series_of<Kind>(metric.id, values);
  }

  /// Success, or the first thing that went wrong.
  [[nodiscard]] Result<void> result() const {
    if (status_ == SENTINEL_OK) return {};
    return detail::to_error(status_, error_);
  }

 private:
  template <MetricKind Kind>
  [[nodiscard]] Series<Kind> series_of(std::uint32_t metric, std::span<const sentinel_string> values) {
    Series<Kind> found{metric, 0};
    sentinel_error error = detail::empty_error();
    keep(
        batch_->series(batch_, metric, values.data(), static_cast<std::uint32_t>(values.size()), &found.handle, &error),
        error);
    return found;
  }

  void add_histogram(Series<MetricKind::histogram> series, double sum, std::span<const std::uint64_t> buckets) {
    sentinel_record record = blank(series.metric, series.handle, sum);
    record.buckets = buckets.data();
    record.bucket_count = static_cast<std::uint32_t>(buckets.size());
    append(record);
  }

  /// What a record stands for beside its own event.
  struct Folded {
    std::uint64_t demand = 0;
    std::uint64_t count = 0;
  };

  void add_event(std::uint32_t metric, std::chrono::nanoseconds time, double value, const Context& context,
                 std::span<const sentinel_string> labels, Folded folded) {
    const sentinel_context abi_context = {sizeof(sentinel_context),
                                          context.pid,
                                          context.tid,
                                          context.ppid,
                                          context.start_time_ns,
                                          context.cgroup_id,
                                          to_abi(context.comm),
                                          to_abi(context.parent_comm),
                                          to_abi(context.container_id),
                                          context.stack.data(),
                                          labels.data(),
                                          static_cast<std::uint32_t>(context.stack.size()),
                                          static_cast<std::uint32_t>(labels.size()),
                                          to_abi(context.exe),
                                          to_abi(context.pod),
                                          context.symbols.empty() ? nullptr : context.symbols.data()};
    sentinel_record record = blank(metric, 0, value);
    record.time_ns = static_cast<std::uint64_t>(time.count());
    record.context = &abi_context;
    record.count = folded.count;
    record.demand = folded.demand;
    if (folded.count > 0) record.flags = SENTINEL_RECORD_FOLDED;
    append(record);
  }

  static sentinel_record blank(std::uint32_t metric, std::uint64_t series, double value) {
    return {sizeof(sentinel_record), metric, series, 0, value, 0, 0, nullptr, nullptr, 0, 0};
  }

  void append(const sentinel_record& record) {
    if (status_ != SENTINEL_OK) return;
    sentinel_error error = detail::empty_error();
    keep(batch_->append(batch_, &record, 1, &error), error);
  }

  void keep(int status, const sentinel_error& error) {
    if (status == SENTINEL_OK || status_ != SENTINEL_OK) return;
    status_ = status;
    error_ = error;
  }

  sentinel_batch* batch_;
  int status_ = SENTINEL_OK;
  sentinel_error error_ = detail::empty_error();
};

}  // namespace sentinel
