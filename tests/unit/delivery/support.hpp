#pragma once

#include <atomic>
#include <boost/json/value.hpp>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "core/delivery/courier.hpp"
#include "core/delivery/fd.hpp"
#include "tests/support/process.hpp"
#include "tests/unit/http/certificates.hpp"

namespace sentinel::delivery::testing {

using sentinel::testing::eventually;
using sentinel::testing::patience;
using sentinel::testing::TempFolder;

inline constexpr std::int64_t second = 1'000'000'000;
inline constexpr std::int64_t minute = 60 * second;
inline constexpr std::int64_t hour = 60 * minute;
/// 2023-11-14T22:13:20Z, when clocks of the tests begin.
inline constexpr std::int64_t begin = 1'700'000'000 * second;

/// An alert named `name`; its fingerprint is that of the name.
Notification firing(const std::string& name, std::int64_t starts_at_ns = begin);
Notification resolved(const std::string& name, std::int64_t starts_at_ns = begin,
                      std::int64_t ends_at_ns = begin + minute);
Notification with(Notification notification, const std::string& annotation, const std::string& text);

/// A request that a receiver got whole.
struct Received {
  std::string target;
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string body;
  [[nodiscard]] boost::json::value json() const;
};

/// What a receiver does with a request.
struct Reaction {
  enum class Way {
    answer,   ///< as below
    hang,     ///< says nothing, for ever
    close,    ///< closes without an answer
    half,     ///< closes in the middle of the answer
    trickle,  ///< the answer, a byte now and then, never to its end
    endless,  ///< a 200 whose body does not end
  };
  int status = 200;
  std::string headers = {};  ///< each ended by CRLF
  std::string body = "{}";
  Way way = Way::answer;
};

/// A receiver that does what it is told, on its own threads.
class Server {
 public:
  using Script = std::function<Reaction(const Received&)>;
  /// With an identity it speaks TLS. `port` 0: one that is free.
  explicit Server(Script script, const http::testing::Identity* identity = nullptr, std::uint16_t port = 0);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::string url(const std::string& path = "/hook") const;
  [[nodiscard]] std::vector<Received> received() const;
  [[nodiscard]] std::size_t count() const;
  /// Of all bodies in the order they came: "name firing" or "name resolved" of each alert. Webhook bodies alone.
  [[nodiscard]] std::vector<std::string> told() const;
  [[nodiscard]] std::size_t connections() const { return connections_; }

 private:
  struct Connection;
  void accept_all();
  void serve(Connection& connection);
  void react(Connection& connection, const Reaction& reaction);
  bool wait_for_end(std::chrono::milliseconds limit);

  Script script_;
  std::shared_ptr<SSL_CTX> tls_;
  Fd listener_;
  std::uint16_t port_ = 0;
  std::atomic<std::size_t> connections_ = 0;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool ending_ = false;
  std::size_t serving_ = 0;
  std::set<int> open_;
  std::vector<Received> received_;
  std::thread accepting_;
};

/// A script that answers every request with that status.
Server::Script always(int status);

/// A courier with short waits, its own spool and clock.
class Rig {
 public:
  Rig();
  /// Ends the courier that runs and begins another on the same spool.
  void reopen();
  void close() { courier_.reset(); }
  Courier& operator*() { return *courier_; }
  Courier* operator->() { return courier_.get(); }
  [[nodiscard]] ReceiverStats stats() const { return courier_->stats().at(0); }
  [[nodiscard]] std::vector<std::string> problems() const;
  [[nodiscard]] std::string all_problems() const;
  /// Nothing waits for any receiver.
  [[nodiscard]] bool delivered();

  TempFolder folder;
  CourierOptions options;
  std::atomic<std::int64_t> now_ns = begin;

 private:
  struct Problems {
    mutable std::mutex mutex;
    std::vector<std::string> lines;
  };
  std::shared_ptr<Problems> problems_ = std::make_shared<Problems>();
  std::unique_ptr<Courier> courier_;
};

Receiver webhook(const std::string& url);
Receiver alertmanager(const std::string& url);

/// "name firing" or "name resolved" for each alert of a webhook body.
std::vector<std::string> told(const Received& request);

}  // namespace sentinel::delivery::testing
