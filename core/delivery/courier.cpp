#include "core/delivery/courier.hpp"

#include <pthread.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <csignal>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "core/delivery/line.hpp"
#include "core/delivery/spool_folder.hpp"

namespace sentinel::delivery {

namespace asio = boost::asio;

namespace {

constexpr std::size_t most_repeats = 64;

std::int64_t system_unix_ns() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
}

}  // namespace

class Courier::Impl {
 public:
  Impl(CourierOptions options, SpoolFolder folder)
      : folder_(std::move(folder)), loop_(std::move(options)), guard_(loop_.io.get_executor()) {}

  ~Impl() {
    stop({});
    // What still waits in the loop holds lines; it must go before they can.
    lines_.clear();
    repeats_.clear();
  }

  void start() {
    thread_ = std::thread([this] { run(); });
  }

  Loop& loop() { return loop_; }

  Result<ReceiverId> add(const Receiver& receiver) {
    if (auto fine = check(receiver); !fine) return fine.error();
    const std::scoped_lock lock(mutex_);
    const Name name(receiver.protocol, receiver.url);
    auto at = lines_.find(name);
    if (at == lines_.end()) {
      auto line =
          std::make_shared<Line>(loop_, receiver.protocol, receiver.url, [this, name](Line&) { return retire(name); });
      at = lines_.emplace(name, line).first;
      at->second->add(++last_id_, receiver);
      line->start();
      return last_id_;
    }
    at->second->add(++last_id_, receiver);
    return last_id_;
  }

  void remove(ReceiverId id) {
    if (const auto line = find(id)) line->remove(id);
  }

  [[nodiscard]] std::shared_ptr<Line> find(ReceiverId id) const {
    const std::scoped_lock lock(mutex_);
    for (const auto& [name, line] : lines_) {
      if (line->has_receiver(id)) return line;
    }
    return nullptr;
  }

  void post_until_taken(const std::string& url) {
    const std::scoped_lock lock(mutex_);
    auto at = repeats_.find(url);
    if (at == repeats_.end()) {
      if (repeats_.size() >= most_repeats && !forget_a_repeat()) return;
      at = repeats_.emplace(url, std::make_shared<Repeat>(loop_, url)).first;
    }
    asio::post(loop_.io, [repeat = at->second, this] {
      if (!loop_.stopping) repeat->ask();
    });
  }

  void stop(std::chrono::nanoseconds timeout) {
    if (!thread_.joinable()) return;
    asio::post(loop_.io, [this, timeout] { begin_stop(timeout); });
    thread_.join();
  }

  [[nodiscard]] std::vector<ReceiverStats> stats() const {
    const std::scoped_lock lock(mutex_);
    std::vector<ReceiverStats> all;
    for (const auto& [name, line] : lines_) {
      if (!line->unwanted()) all.push_back(line->stats());
    }
    return all;
  }

  [[nodiscard]] std::vector<PostStats> posts() const {
    const std::scoped_lock lock(mutex_);
    std::vector<PostStats> all;
    for (const auto& [url, repeat] : repeats_) all.push_back(repeat->stats());
    return all;
  }

 private:
  using Name = std::pair<Protocol, std::string>;

  void run() {
    // Signals are for the thread that the agent chose.
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
    ::pthread_setname_np(::pthread_self(), "delivery");
    for (;;) {
      try {
        loop_.io.run();
        return;
      } catch (const std::exception& error) {
        loop_.report(std::string("delivery: ") + error.what());
      }
    }
  }

  /// On the loop. Adding the same receiver again needs the mutex, and finds the line or a journal that is closed.
  bool retire(const Name& name) {
    const std::scoped_lock lock(mutex_);
    const auto at = lines_.find(name);
    if (at == lines_.end() || !at->second->unwanted()) return false;
    at->second->close();
    lines_.erase(at);
    return true;
  }

  bool forget_a_repeat() {
    for (auto at = repeats_.begin(); at != repeats_.end(); ++at) {
      if (at->second->stats().pending) continue;
      repeats_.erase(at);
      return true;
    }
    return false;
  }

  void begin_stop(std::chrono::nanoseconds timeout) {
    loop_.stopping = true;
    if (loop_.running == 0 || timeout <= timeout.zero()) {
      loop_.io.stop();
      return;
    }
    deadline_.emplace(loop_.io, timeout);
    deadline_->async_wait([this](const boost::system::error_code& code) {
      if (!code) loop_.io.stop();
    });
    const std::scoped_lock lock(mutex_);
    for (const auto& [name, line] : lines_) line->wake();
    for (const auto& [url, repeat] : repeats_) repeat->wake();
  }

  SpoolFolder folder_;
  Loop loop_;
  asio::executor_work_guard<asio::io_context::executor_type> guard_;
  std::optional<asio::steady_timer> deadline_;
  mutable std::mutex mutex_;
  std::map<Name, std::shared_ptr<Line>> lines_;
  std::map<std::string, std::shared_ptr<Repeat>> repeats_;
  ReceiverId last_id_ = 0;
  std::thread thread_;
};

Courier::Courier(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Courier::~Courier() = default;

Result<std::unique_ptr<Courier>> Courier::open(CourierOptions options) {
  if (!options.unix_ns) options.unix_ns = system_unix_ns;
  std::vector<std::string> problems;
  auto folder = SpoolFolder::open(options.spool, [&](std::string problem) { problems.push_back(std::move(problem)); });
  if (!folder) return folder.error();
  auto impl = std::make_unique<Impl>(std::move(options), std::move(*folder));
  for (std::string& problem : problems) impl->loop().report(std::move(problem));
  impl->start();
  return std::unique_ptr<Courier>(new Courier(std::move(impl)));
}

Result<Courier::ReceiverId> Courier::add(const Receiver& receiver) {
  return impl_->add(receiver);
}

void Courier::remove(ReceiverId id) {
  impl_->remove(id);
}

Result<void> Courier::submit(ReceiverId id, std::span<const Notification> notifications) {
  const auto line = impl_->find(id);
  if (!line) return Error{Errc::not_found, "there is no receiver " + std::to_string(id) + " (any more)"};
  return line->submit(notifications);
}

std::vector<Notification> Courier::firing(ReceiverId id) const {
  const auto line = impl_->find(id);
  return line ? line->firing() : std::vector<Notification>();
}

void Courier::post_until_taken(const std::string& url) {
  impl_->post_until_taken(url);
}

void Courier::stop(std::chrono::nanoseconds timeout) {
  impl_->stop(timeout);
}

std::vector<ReceiverStats> Courier::stats() const {
  return impl_->stats();
}

std::vector<Courier::PostStats> Courier::posts() const {
  return impl_->posts();
}

}  // namespace sentinel::delivery
