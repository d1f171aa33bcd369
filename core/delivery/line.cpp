#include "core/delivery/line.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstdio>
#include <exception>

#include "core/delivery/credentials.hpp"

// g++ 12 destroys an aggregate that is created inside a co_await expression twice, so none is: what an awaited step
// needs is named first, or is a member.

namespace sentinel::delivery {

namespace asio = boost::asio;
using std::chrono::steady_clock;

namespace {

constexpr std::size_t most_in_batch = 200;
constexpr std::chrono::seconds between_disk_tries{1};
constexpr std::string_view alerts_path = "/api/v2/alerts";

enum class Outcome { taken, refused, refused_content, try_again };

Outcome outcome_of(int status) {
  switch (status) {
    case 400:  // one bad alert in a post, or a post too large: the others may do
    case 413:
    case 422:
      return Outcome::refused_content;
    case 408:
    case 425:
    case 429:
      return Outcome::try_again;
    default:
      if (status >= 200 && status < 300) return Outcome::taken;
      return status >= 400 && status < 500 ? Outcome::refused : Outcome::try_again;
  }
}

/// Where an Alertmanager takes alerts, below whatever prefix it is served at.
void complete_path(Url& url) {
  if (url.path.ends_with(alerts_path)) return;
  while (url.path.ends_with('/')) url.path.pop_back();
  url.path += alerts_path;
}

Url url_of(Protocol protocol, const std::string& text) {
  auto url = parse_url(text);
  if (!url) return {};  // check() came before
  if (protocol == Protocol::alertmanager) complete_path(*url);
  return *url;
}

std::string_view name_of(Protocol protocol) {
  return protocol == Protocol::webhook ? "webhook" : "alertmanager";
}

std::filesystem::path journal_of(const CourierOptions& options, Protocol protocol, const std::string& url) {
  std::array<char, 17> hash = {};
  std::snprintf(hash.data(), hash.size(), "%016llx", static_cast<unsigned long long>(hash_of(url)));
  return options.spool / (std::string(name_of(protocol)) + "-" + hash.data() + ".journal");
}

OutboxOptions outbox_options(Loop& loop, Protocol protocol, const std::string& url) {
  const CourierOptions& options = loop.options;
  OutboxOptions outbox;
  outbox.file = journal_of(options, protocol, url);
  outbox.protocol = protocol;
  outbox.url = url;
  outbox.most_file_bytes = options.spool_bytes;
  outbox.limits.most_alerts = options.most_notifications;
  outbox.limits.oldest = options.oldest;
  outbox.limits.resend = options.resend;
  outbox.external_url = options.external_url;
  outbox.unix_ns = options.unix_ns;
  outbox.on_problem = [&loop](std::string problem) { loop.report(std::move(problem)); };
  return outbox;
}

std::string describe(const Answer& answer) {
  if (answer.status == 0) return answer.problem;
  std::string text = "it answered " + std::to_string(answer.status);
  if (!answer.text.empty()) text += " (" + answer.text + ")";
  return text;
}

}  // namespace

void Loop::report(std::string problem) {
  if (!options.on_problem) return;
  asio::post(io, [this, problem = std::move(problem)] { options.on_problem(problem); });
}

void Loop::spawn(asio::awaitable<void> flow, std::function<void(std::string problem)> ended) {
  ++running;
  asio::co_spawn(io, std::move(flow), [this, ended = std::move(ended)](const std::exception_ptr& thrown) {
    --running;
    std::string problem;
    try {
      if (thrown) std::rethrow_exception(thrown);
    } catch (const std::exception& error) {
      problem = error.what();
    }
    ended(std::move(problem));
    if (stopping && running == 0) io.stop();
  });
}

Line::Line(Loop& loop, Protocol protocol, std::string url, std::function<bool(Line&)> retire)
    : loop_(loop),
      url_(url_of(protocol, url)),
      name_(std::string(name_of(protocol)) + " " + url_.shown()),
      retire_(std::move(retire)),
      outbox_(outbox_options(loop, protocol, url)),
      timer_(loop.io),
      backoff_(loop.options.first_backoff, loop.options.longest_backoff),
      batch_(most_in_batch) {}

void Line::start() {
  asio::post(loop_.io, [self = shared_from_this()] {
    if (self->loop_.stopping) return;
    self->loop_.spawn(self->run(), [self](const std::string& problem) {
      if (problem.empty()) return;
      // Out of memory, most likely: begin again, later.
      self->failed(problem, {});
      self->start();
    });
  });
}

void Line::add(Courier::ReceiverId id, Receiver receiver) {
  {
    const std::scoped_lock lock(mutex_);
    receivers_.emplace_back(id, std::move(receiver));
  }
  wake();
}

void Line::remove(Courier::ReceiverId id) {
  {
    const std::scoped_lock lock(mutex_);
    std::erase_if(receivers_, [&](const auto& each) { return each.first == id; });
  }
  wake();
}

bool Line::has_receiver(Courier::ReceiverId id) const {
  const std::scoped_lock lock(mutex_);
  return std::any_of(receivers_.begin(), receivers_.end(), [&](const auto& each) { return each.first == id; });
}

bool Line::unwanted() const {
  const std::scoped_lock lock(mutex_);
  return receivers_.empty();
}

Result<void> Line::submit(std::span<const Notification> notifications) {
  auto done = outbox_.submit(notifications);
  wake();
  return done;
}

ReceiverStats Line::stats() const {
  const auto counts = outbox_.counts();
  ReceiverStats stats;
  stats.name = name_;
  stats.pending = counts.waiting;
  stats.delivered = counts.delivered;
  stats.dropped = counts.dropped;
  const std::scoped_lock lock(mutex_);
  stats.up = health_.up;
  stats.retries = health_.retries;
  stats.last_error = health_.last_error;
  stats.last_success_unix_ns = health_.last_success_unix_ns;
  return stats;
}

void Line::wake() {
  if (waking_.exchange(true)) return;
  asio::post(loop_.io, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self) return;
    self->waking_ = false;
    self->timer_.cancel();
  });
}

SteadyTime Line::wake_time() const {
  const auto now = steady_clock::now();
  SteadyTime when = SteadyTime::max();
  if (const auto due = outbox_.next_due()) when = *due;
  if (next_try_ > now) when = outbox_.counts().waiting > 0 ? next_try_ : std::max(when, next_try_);
  if (!outbox_.on_disk()) when = std::min(when, now + between_disk_tries);
  return when;
}

asio::awaitable<void> Line::run() {
  boost::system::error_code ignored;
  auto token = asio::redirect_error(asio::use_awaitable, ignored);
  for (;;) {
    if (loop_.stopping && gave_up_) co_return;
    const bool wanted = !unwanted();
    if (!wanted && !loop_.stopping && retire_(*this)) co_return;
    outbox_.recover();
    const auto now = steady_clock::now();
    post_ = {};
    if (wanted && (now >= next_try_ || loop_.stopping)) post_ = outbox_.next(batch_, now);
    if (!post_.body.empty()) {
      co_await send();
      continue;
    }
    if (loop_.stopping) co_return;
    timer_.expires_at(wake_time());
    co_await timer_.async_wait(token);
  }
}

asio::awaitable<void> Line::send() {
  if (!prepare_request()) co_return;
  const Answer answer = co_await loop_.client.post(request_);
  settle(answer);
}

bool Line::prepare_request() {
  Receiver receiver;
  {
    const std::scoped_lock lock(mutex_);
    if (receivers_.empty()) return false;
    receiver = receivers_.back().second;
  }
  auto header = authorization(receiver);
  if (!header) {
    failed(header.error().message, {});
    return false;
  }
  request_.url = url_;
  request_.body = std::move(post_.body);
  request_.authorization = std::move(*header);
  request_.ca_file = receiver.ca_file;
  request_.timeout = loop_.options.timeout;
  return true;
}

void Line::settle(const Answer& answer) {
  switch (outcome_of(answer.status)) {
    case Outcome::taken:
      took();
      return;
    case Outcome::refused_content:
      if (post_.sent.size() > 1) {
        batch_ = post_.sent.size() / 2;
        return;
      }
      refused(answer);
      return;
    case Outcome::refused:
      refused(answer);
      return;
    case Outcome::try_again:
      failed(describe(answer), answer.retry_after);
      return;
  }
}

void Line::took() {
  outbox_.taken(std::move(post_.sent), steady_clock::now());
  batch_ = std::min(most_in_batch, 2 * batch_);
  const std::uint64_t failures = backoff_.failures();
  backoff_.reset();
  bool was_down = false;
  {
    const std::scoped_lock lock(mutex_);
    was_down = !std::exchange(health_.up, true);
    health_.last_error.clear();
    health_.last_success_unix_ns = loop_.options.unix_ns();
  }
  if (was_down) loop_.report(name_ + ": takes posts again, after " + std::to_string(failures) + " failed tries");
}

void Line::refused(const Answer& answer) {
  const std::size_t count = post_.sent.size();
  outbox_.refused(std::move(post_.sent), steady_clock::now());
  backoff_.reset();
  went_down("refused " + std::to_string(count) + " alerts for good: " + describe(answer), "they were dropped");
}

void Line::failed(const std::string& why, const std::string& retry_after) {
  if (loop_.stopping) gave_up_ = true;
  const auto asked = parse_retry_after(retry_after, loop_.options.unix_ns());
  next_try_ = steady_clock::now() + backoff_.next(asked);
  {
    const std::scoped_lock lock(mutex_);
    ++health_.retries;
  }
  went_down(why, "alerts wait in the spool");
}

void Line::went_down(const std::string& why, std::string_view consequence) {
  bool was_up = false;
  {
    const std::scoped_lock lock(mutex_);
    was_up = std::exchange(health_.up, false);
    health_.last_error = why;
  }
  if (was_up) loop_.report(name_ + ": " + why + "; " + std::string(consequence));
}

Repeat::Repeat(Loop& loop, std::string url)
    : loop_(loop), timer_(loop.io), backoff_(loop.options.first_backoff, loop.options.longest_backoff) {
  stats_.url = std::move(url);
}

void Repeat::ask() {
  auto url = parse_url(stats_.url);
  {
    const std::scoped_lock lock(mutex_);
    stats_.pending = static_cast<bool>(url);
    if (!url) {
      ++stats_.failed;
      stats_.last_error = url.error().message;
      return;
    }
  }
  again_ = true;
  request_.url = std::move(*url);
  request_.timeout = loop_.options.timeout;
  if (!running_) start();
}

void Repeat::start() {
  running_ = true;
  loop_.spawn(run(), [self = shared_from_this()](const std::string& problem) {
    const std::scoped_lock lock(self->mutex_);
    self->running_ = false;
    if (problem.empty()) return;
    self->stats_.pending = false;
    self->stats_.last_error = problem;
    ++self->stats_.failed;
  });
}

asio::awaitable<void> Repeat::run() {
  boost::system::error_code ignored;
  auto token = asio::redirect_error(asio::use_awaitable, ignored);
  for (;;) {
    again_ = false;
    const Answer answer = co_await loop_.client.post(request_);
    if (settle(answer) || loop_.stopping) co_return;
    if (again_) continue;
    timer_.expires_after(backoff_.next(parse_retry_after(answer.retry_after, loop_.options.unix_ns())));
    co_await timer_.async_wait(token);
  }
}

/// True when there is nothing more to post.
bool Repeat::settle(const Answer& answer) {
  const std::scoped_lock lock(mutex_);
  if (outcome_of(answer.status) != Outcome::taken) {
    ++stats_.failed;
    stats_.last_error = describe(answer);
    again_ = false;
    return false;
  }
  ++stats_.succeeded;
  stats_.last_error.clear();
  stats_.pending = again_;
  backoff_.reset();
  return !again_;
}

Courier::PostStats Repeat::stats() const {
  const std::scoped_lock lock(mutex_);
  return stats_;
}

}  // namespace sentinel::delivery
