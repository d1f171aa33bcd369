#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <utility>

#include "core/runtime/sink_queue.hpp"

namespace sentinel::runtime {

/// Where batches for a sink wait, whichever generation of it runs: who delivers knows the inbox and not the instance,
/// so that a swap loses none of them and needs to tell nobody.
class Inbox : public std::enable_shared_from_this<Inbox> {
 public:
  Inbox(boost::asio::io_context& control, std::size_t capacity) : control_(control), queue_(capacity) {}

  /// Any thread.
  void deliver(SinkQueue::Batch batch) {
    if (!queue_.push(std::move(batch))) return;
    auto wake = [self = shared_from_this()] {
      if (self->wake_) self->wake_();
    };
    boost::asio::post(control_, std::move(wake));
  }
  /// What is called on the control loop when a batch came; null while nobody takes them. Control loop.
  void set_wake(std::function<void()> wake) { wake_ = std::move(wake); }

  /// Thread-safe.
  [[nodiscard]] SinkQueue& queue() { return queue_; }

 private:
  boost::asio::io_context& control_;
  SinkQueue queue_;
  std::function<void()> wake_;
};

}  // namespace sentinel::runtime
