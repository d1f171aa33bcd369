#include "core/store/batch.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>

#include <sentinel/config.hpp>
#include <sentinel/error.hpp>
#include <sentinel/text.hpp>

namespace sentinel::store {
namespace {

constexpr std::size_t most_stack_frames = 256;

// What ABI 1.0 had of them.
constexpr std::size_t least_record = offsetof(sentinel_record, count);
constexpr std::size_t least_context = offsetof(sentinel_context, exe);

RecordBatch& self(sentinel_batch* batch) {
  return *static_cast<RecordBatch*>(batch->context);
}

int32_t abi_series(sentinel_batch* batch, uint32_t metric, const sentinel_string* values, uint32_t count,
                   uint64_t* handle, sentinel_error* error) {
  return detail::guarded(error, [&]() -> Result<void> {
    const auto found = self(batch).series(metric, values, count);
    if (!found) return found.error();
    *handle = *found;
    return {};
  });
}

int32_t abi_append(sentinel_batch* batch, const sentinel_record* records, uint64_t count, sentinel_error* error) {
  return detail::guarded(error, [&]() -> Result<void> {
    if (count > 0 && records->size < least_record) {
      return Error{Errc::invalid_argument, "a record's size is " + std::to_string(records->size) + ", at least " +
                                               std::to_string(least_record) + " is needed: set it"};
    }
    const char* at = reinterpret_cast<const char*>(records);
    for (uint64_t i = 0; i < count; ++i, at += records->size) {
      sentinel_record record = {};
      std::memcpy(&record, at, std::min<std::size_t>(sizeof(record), records->size));
      if (auto appended = self(batch).append(record); !appended) return appended;
    }
    return {};
  });
}

void abi_lost(sentinel_batch* batch, uint64_t events) {
  self(batch).add_lost(events);
}

}  // namespace

RecordBatch::RecordBatch(Producer& producer, std::size_t limit) : RecordBatch(producer, producer.instance(), limit) {}

RecordBatch::RecordBatch(Producer& producer, std::string instance, std::size_t limit)
    : producer_(producer),
      instance_(std::move(instance)),
      limit_(limit),
      abi_{sizeof(sentinel_batch), 0, this, 0, 0, &abi_series, &abi_append, &abi_lost} {}

std::shared_ptr<const RecordBatch> RecordBatch::subset(const std::shared_ptr<const RecordBatch>& whole,
                                                       const std::vector<std::uint32_t>& indices) {
  // Not by the producer: it may be gone, and nothing is filled in here.
  std::shared_ptr<RecordBatch> some(new RecordBatch(whole->producer_, whole->instance_, whole->limit_));
  some->reset(whole->tick_ns(), whole->every_ns());
  for (const auto index : indices) {
    some->records_.push_back(whole->records_[index]);
    some->meanings_.push_back(whole->meanings_[index]);
  }
  some->whole_ = whole;
  return some;
}

std::shared_ptr<const RecordBatch> RecordBatch::unfolded(const std::shared_ptr<const RecordBatch>& whole) {
  if (whole->folded_ == 0) return whole;
  std::vector<std::uint32_t> indices;
  for (std::uint32_t i = 0; i < whole->records_.size(); ++i) {
    if ((whole->records_[i].flags & SENTINEL_RECORD_FOLDED) == 0) indices.push_back(i);
  }
  return subset(whole, indices);
}

void RecordBatch::reset(std::uint64_t tick_ns, std::uint64_t every_ns) {
  abi_.tick_ns = tick_ns;
  abi_.every_ns = every_ns;
  lost_ = 0;
  folded_ = 0;
  events_ = 0;
  events_only_ = false;
  records_.clear();
  meanings_.clear();
  arena_.release();
}

sentinel_delivery RecordBatch::delivery() const {
  const auto metric = [](const sentinel_delivery* delivery, const sentinel_record* record) {
    const auto& batch = *static_cast<const RecordBatch*>(delivery->context);
    return &batch.meanings_[static_cast<std::size_t>(record - batch.records_.data())].metric->abi();
  };
  const auto labels = [](const sentinel_delivery* delivery, const sentinel_record* record) {
    const auto& batch = *static_cast<const RecordBatch*>(delivery->context);
    const auto& meaning = batch.meanings_[static_cast<std::size_t>(record - batch.records_.data())];
    return meaning.labels != nullptr ? meaning.labels->values().data() : record->context->labels;
  };
  return {sizeof(sentinel_delivery),      0,      records_.data(), records_.size(), to_abi(instance_),
          const_cast<RecordBatch*>(this), metric, labels};
}

Result<SeriesHandle> RecordBatch::series(MetricId metric, const sentinel_string* values, std::uint32_t count) {
  if (events_only_) {
    return Error{Errc::invalid_argument, "ready hands over events alone: report samples in collect"};
  }
  constexpr std::size_t most_labels = 32;
  if (count > most_labels) return Error{Errc::invalid_argument, "a series has at most 32 labels"};
  std::array<std::string_view, most_labels> cleaned;
  std::vector<std::string> buffers;
  for (std::uint32_t i = 0; i < count; ++i) {
    cleaned[i] = from_abi(values[i]);
    if (is_clean(cleaned[i])) continue;
    buffers.reserve(count);  // at once, so that views into it stay good
    cleaned[i] = clean(cleaned[i], buffers.emplace_back());
  }
  return producer_.series(metric, std::span(cleaned.data(), count));
}

Result<void> RecordBatch::append(const sentinel_record& record) {
  if (records_.size() >= limit_) {
    return Error{Errc::exhausted, "the batch is full: " + std::to_string(limit_) + " records in one collection"};
  }
  auto meaning = producer_.resolve(record.metric, record.series);
  if (!meaning) return meaning.error();
  const MetricInfo& metric = *meaning->metric;

  if (auto right = check_kind(metric, record); !right) return right;

  sentinel_record copied = record;
  copied.size = sizeof(sentinel_record);
  if (copied.time_ns == 0) copied.time_ns = abi_.tick_ns;
  if (auto done = copy_buckets(metric, record, copied); !done) return done;
  if (auto done = copy_context(metric, record, copied); !done) return done;
  records_.push_back(copied);
  meanings_.push_back(std::move(*meaning));
  const bool folded = (copied.flags & SENTINEL_RECORD_FOLDED) != 0;
  if (folded) ++folded_;
  if (copied.context != nullptr) events_ += folded ? copied.count : 1;
  return {};
}

Result<void> RecordBatch::check_kind(const MetricInfo& metric, const sentinel_record& record) const {
  const bool is_event = metric.decl.kind == MetricKind::event;
  if (events_only_ && !is_event) {
    return Error{Errc::invalid_argument, "ready hands over events alone, and '" + metric.decl.name + "' is a " +
                                             std::string(kind_name(metric.decl.kind)) + ": report it in collect"};
  }
  if ((record.flags & ~SENTINEL_RECORD_FOLDED) != 0) {
    return Error{Errc::invalid_argument,
                 "metric '" + metric.decl.name + "': a record has unknown flags: " + std::to_string(record.flags)};
  }
  if (record.flags == 0 || (is_event && record.count > 0 && record.demand != 0)) return {};
  return Error{Errc::invalid_argument,
               "metric '" + metric.decl.name + "': a folded record is of an event, and has a count and a demand's id"};
}

Result<void> RecordBatch::copy_buckets(const MetricInfo& metric, const sentinel_record& from, sentinel_record& to) {
  const auto& bounds = metric.decl.bounds;
  const std::size_t expected = bounds.empty() ? 0 : bounds.size() + 1;
  if (from.bucket_count != expected) {
    return Error{Errc::invalid_argument, "metric '" + metric.decl.name + "' takes " + std::to_string(expected) +
                                             " bucket counts, " + std::to_string(from.bucket_count) + " were given"};
  }
  if (expected == 0) {
    to.buckets = nullptr;
    return {};
  }
  if (!std::is_sorted(from.buckets, from.buckets + expected)) {
    return Error{Errc::invalid_argument, "metric '" + metric.decl.name + "': bucket counts are not cumulative"};
  }
  auto* buckets = allocate<std::uint64_t>(expected);
  std::copy_n(from.buckets, expected, buckets);
  to.buckets = buckets;
  return {};
}

Result<void> RecordBatch::copy_context(const MetricInfo& metric, const sentinel_record& from, sentinel_record& to) {
  to.context = nullptr;
  if (metric.decl.kind != MetricKind::event) return {};
  const std::size_t labels = metric.decl.label_keys.size();
  if (from.context == nullptr || from.context->size < least_context || from.context->label_count != labels) {
    return Error{Errc::invalid_argument, "event '" + metric.decl.name + "' needs a context with its " +
                                             std::to_string(labels) + " label values"};
  }
  auto* context = allocate<sentinel_context>(1);
  *context = {};
  std::memcpy(context, from.context, std::min<std::size_t>(sizeof(sentinel_context), from.context->size));
  context->size = sizeof(sentinel_context);
  context->comm = copy(context->comm);
  context->parent_comm = copy(context->parent_comm);
  context->container_id = copy(context->container_id);
  context->exe = copy(context->exe);
  context->pod = copy(context->pod);
  context->stack_count = static_cast<std::uint32_t>(std::min<std::size_t>(context->stack_count, most_stack_frames));
  auto* stack = allocate<std::uint64_t>(context->stack_count);
  std::copy_n(from.context->stack, context->stack_count, stack);
  context->stack = stack;
  if (context->symbols != nullptr) {
    auto* symbols = allocate<sentinel_string>(context->stack_count);
    for (std::uint32_t i = 0; i < context->stack_count; ++i) symbols[i] = copy(context->symbols[i]);
    context->symbols = symbols;
  }

  auto* values = allocate<sentinel_string>(metric.keys().size());
  for (std::size_t i = 0; i < labels; ++i) values[i] = copy(from.context->labels[i]);
  std::size_t next = labels;
  for (const auto& [key, value] : metric.constant) values[next++] = to_abi(value);
  context->labels = values;
  context->label_count = static_cast<std::uint32_t>(next);
  to.context = context;
  return {};
}

sentinel_string RecordBatch::copy(sentinel_string text) {
  if (text.size == 0) return {nullptr, 0};
  std::string buffer;
  const std::string_view cleaned = clean(from_abi(text), buffer);
  auto* bytes = allocate<char>(cleaned.size());
  std::memcpy(bytes, cleaned.data(), cleaned.size());
  return {bytes, cleaned.size()};
}

template <class T>
T* RecordBatch::allocate(std::size_t count) {
  return static_cast<T*>(arena_.allocate(std::max<std::size_t>(1, count) * sizeof(T), alignof(T)));
}

}  // namespace sentinel::store
