#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <memory_resource>
#include <vector>

#include <sentinel/abi.h>

#include "core/store/store.hpp"

namespace sentinel::store {

/// The records of one collection: filled by a plugin through the ABI, then committed to the store and handed to sinks.
/// Owned by the host; one thread at a time while it is filled, read-only and shareable after. Every text in it is
/// clean, every record checked, so that what reads it need not check again.
class RecordBatch {
 public:
  static constexpr std::size_t default_limit = 1'000'000;

  explicit RecordBatch(Producer& producer, std::size_t limit = default_limit);
  /// Some records of a batch, by their indices; shares what they point to.
  [[nodiscard]] static std::shared_ptr<const RecordBatch> subset(const std::shared_ptr<const RecordBatch>& whole,
                                                                 const std::vector<std::uint32_t>& indices);
  RecordBatch(const RecordBatch&) = delete;
  RecordBatch& operator=(const RecordBatch&) = delete;

  /// Empties it for the collection scheduled at `tick_ns`; what it allocated is used again.
  void reset(std::uint64_t tick_ns, std::uint64_t every_ns);

  /// Empties it for events that come between collections: samples, and the series that they need, are refused.
  void reset_for_events(std::uint64_t tick_ns) {
    reset(tick_ns, 0);
    events_only_ = true;
  }

  /// What a plugin's collect gets; valid as long as the batch.
  [[nodiscard]] sentinel_batch* abi() { return &abi_; }

  [[nodiscard]] std::uint64_t tick_ns() const { return abi_.tick_ns; }
  [[nodiscard]] std::uint64_t every_ns() const { return abi_.every_ns; }
  [[nodiscard]] const std::vector<sentinel_record>& records() const { return records_; }

  /// What a sink's consume gets; valid as long as the batch is not changed.
  [[nodiscard]] sentinel_delivery delivery() const;

  Result<SeriesHandle> series(MetricId metric, const sentinel_string* values, std::uint32_t count);
  Result<void> append(const sentinel_record& record);

  /// Its records without the folded ones, which are nobody's but the window's that had them folded. The batch itself
  /// when there are none.
  [[nodiscard]] static std::shared_ptr<const RecordBatch> unfolded(const std::shared_ptr<const RecordBatch>& whole);

  /// Events that the plugin told to be lost before it could read them.
  [[nodiscard]] std::uint64_t lost() const { return lost_; }
  void add_lost(std::uint64_t events) { lost_ += events; }
  /// How many events its records are, or stand for.
  [[nodiscard]] std::uint64_t events() const { return events_; }

 private:
  RecordBatch(Producer& producer, std::string instance, std::size_t limit);
  Result<void> check_kind(const MetricInfo& metric, const sentinel_record& record) const;
  Result<void> copy_buckets(const MetricInfo& metric, const sentinel_record& from, sentinel_record& to);
  Result<void> copy_context(const MetricInfo& metric, const sentinel_record& from, sentinel_record& to);
  sentinel_string copy(sentinel_string text);
  template <class T>
  T* allocate(std::size_t count);

  Producer& producer_;  // while it is filled
  const std::string instance_;
  std::size_t limit_;
  sentinel_batch abi_;
  std::uint64_t lost_ = 0;
  std::size_t folded_ = 0;  // records of them
  std::uint64_t events_ = 0;
  bool events_only_ = false;
  std::pmr::monotonic_buffer_resource arena_;
  std::vector<sentinel_record> records_;
  std::vector<Producer::Meaning> meanings_;   // of the record at the same index
  std::shared_ptr<const RecordBatch> whole_;  // of a subset: owns what its records point to
};

}  // namespace sentinel::store
