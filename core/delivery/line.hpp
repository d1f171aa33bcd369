#pragma once

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/delivery/backoff.hpp"
#include "core/delivery/client.hpp"
#include "core/delivery/courier.hpp"
#include "core/delivery/outbox.hpp"

namespace sentinel::delivery {

/// The courier's thread, as its lines see it. `stopping` and `running` belong to that thread.
struct Loop {
  explicit Loop(CourierOptions given) : options(std::move(given)), client(io) {}

  /// on_problem on the loop's thread. From any thread.
  void report(std::string problem);
  /// Runs a coroutine that `owner` keeps, until it ends; `ended` comes on the loop.
  void spawn(boost::asio::awaitable<void> flow, std::function<void(std::string problem)> ended);

  CourierOptions options;
  boost::asio::io_context io{1};
  Client client;
  bool stopping = false;
  std::size_t running = 0;
};

/// Brings what is in one outbox to its receiver: a flow of its own on the loop. Functions that don't say otherwise may
/// be called from any thread.
class Line : public std::enable_shared_from_this<Line> {
 public:
  /// `url` is that of the receiver. `retire` is asked on the loop when no receiver is there any more; when it says yes,
  /// the line ends.
  Line(Loop& loop, Protocol protocol, std::string url, std::function<bool(Line&)> retire);

  void start();
  void add(Courier::ReceiverId id, Receiver receiver);
  void remove(Courier::ReceiverId id);
  [[nodiscard]] bool has_receiver(Courier::ReceiverId id) const;
  [[nodiscard]] bool unwanted() const;
  Result<void> submit(std::span<const Notification> notifications);
  [[nodiscard]] std::vector<Notification> firing() const { return outbox_.firing(); }
  [[nodiscard]] ReceiverStats stats() const;
  /// Ends the wait of its flow.
  void wake();
  void close() { outbox_.close(); }

 private:
  struct Health {
    bool up = true;
    std::uint64_t retries = 0;
    std::string last_error;
    std::int64_t last_success_unix_ns = 0;
  };

  boost::asio::awaitable<void> run();
  boost::asio::awaitable<void> send();
  [[nodiscard]] SteadyTime wake_time() const;
  [[nodiscard]] bool prepare_request();
  void settle(const Answer& answer);
  void took();
  void refused(const Answer& answer);
  void failed(const std::string& why, const std::string& retry_after);
  void went_down(const std::string& why, std::string_view consequence);

  Loop& loop_;
  Url url_;
  std::string name_;
  std::function<bool(Line&)> retire_;
  Outbox outbox_;

  mutable std::mutex mutex_;
  std::vector<std::pair<Courier::ReceiverId, Receiver>> receivers_;
  Health health_;
  std::atomic<bool> waking_ = false;

  // Of its flow.
  boost::asio::steady_timer timer_;
  Backoff backoff_;
  SteadyTime next_try_;
  std::size_t batch_;
  bool gave_up_ = false;
  Outbox::Post post_;
  Request request_;
};

/// Posts an empty body to one URL until it takes it: a flow on the loop while there is something to post. All calls on
/// the loop's thread, but for stats().
class Repeat : public std::enable_shared_from_this<Repeat> {
 public:
  Repeat(Loop& loop, std::string url);
  void ask();
  void wake() { timer_.cancel(); }
  [[nodiscard]] Courier::PostStats stats() const;

 private:
  boost::asio::awaitable<void> run();
  void start();
  bool settle(const Answer& answer);

  Loop& loop_;
  Request request_;
  boost::asio::steady_timer timer_;
  Backoff backoff_;
  bool running_ = false;
  bool again_ = false;  ///< asked for while a post was under way
  mutable std::mutex mutex_;
  Courier::PostStats stats_;
};

}  // namespace sentinel::delivery
