#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <utility>

#include "core/store/batch.hpp"

namespace sentinel::runtime {

/// Batches that wait for a sink: bounded, first in first out. What finds it full is dropped and counted, because a slow
/// sink must neither hold memory nor hold up collectors. Thread-safe.
class SinkQueue {
 public:
  using Batch = std::shared_ptr<const store::RecordBatch>;

  explicit SinkQueue(std::size_t capacity) : capacity_(capacity) {}

  /// False when the batch was dropped.
  bool push(Batch batch) {
    const std::lock_guard lock(mutex_);
    if (batches_.size() >= capacity_) {
      dropped_records_ += batch->records().size();
      return false;
    }
    batches_.push_back(std::move(batch));
    return true;
  }

  /// The oldest batch, or null.
  [[nodiscard]] Batch pop() {
    const std::lock_guard lock(mutex_);
    if (batches_.empty()) return nullptr;
    Batch oldest = std::move(batches_.front());
    batches_.pop_front();
    return oldest;
  }

  /// Puts what pop() gave back to where it was, whatever the capacity.
  void put_back(Batch batch) {
    const std::lock_guard lock(mutex_);
    batches_.push_front(std::move(batch));
  }

  [[nodiscard]] std::size_t size() const {
    const std::lock_guard lock(mutex_);
    return batches_.size();
  }
  [[nodiscard]] std::size_t capacity() const {
    const std::lock_guard lock(mutex_);
    return capacity_;
  }
  /// What waits beyond it stays.
  void set_capacity(std::size_t capacity) {
    const std::lock_guard lock(mutex_);
    capacity_ = capacity;
  }
  [[nodiscard]] std::uint64_t dropped_records() const {
    const std::lock_guard lock(mutex_);
    return dropped_records_;
  }

 private:
  mutable std::mutex mutex_;
  std::size_t capacity_;
  std::deque<Batch> batches_;
  std::uint64_t dropped_records_ = 0;
};

}  // namespace sentinel::runtime
