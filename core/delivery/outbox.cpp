#include "core/delivery/outbox.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "core/delivery/body.hpp"

namespace sentinel::delivery {

namespace {

using std::chrono::steady_clock;

constexpr std::size_t most_notification_bytes = 64 * 1024;
constexpr std::size_t most_annotation_bytes = 8 * 1024;
constexpr std::size_t batch_bytes = 256 * 1024;
constexpr std::size_t least_file_bytes = 64 * 1024;
constexpr int fires_for_resends = 4;
constexpr std::chrono::seconds between_tries{1};

void cut(std::string& text, std::size_t most) {
  if (text.size() <= most) return;
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xc0U) == 0x80) --most;  // not inside a character
  text.resize(most);
}

/// The notification within its bound: annotations are cut, and the last left out, before an alert is refused.
Result<Notification> bounded(Notification notification) {
  for (auto& [name, text] : notification.annotations) cut(text, most_annotation_bytes);
  while (encoded_size(notification) > most_notification_bytes && !notification.annotations.empty()) {
    notification.annotations.erase(std::prev(notification.annotations.end()));
  }
  if (encoded_size(notification) > most_notification_bytes) {
    return Error{Errc::invalid_argument, "an alert's labels are larger than 64 KiB"};
  }
  return notification;
}

std::string frame(const Entry& entry) {
  std::string out;
  append_frame(out, encode(entry));
  return out;
}

/// Whose times may be computed with.
std::int64_t sane(std::int64_t unix_ns) {
  return std::max<std::int64_t>(unix_ns, 0);
}

BookLimits limits_of(const OutboxOptions& options) {
  BookLimits limits = options.limits;
  limits.protocol = options.protocol;
  limits.most_bytes = options.most_file_bytes / 2;
  return limits;
}

}  // namespace

Outbox::Outbox(OutboxOptions options)
    : options_(std::move(options)), book_(limits_of(options_)), journal_(options_.file) {
  load();
}

void Outbox::load() {
  const std::string file = options_.file.string();
  const auto text = journal_.read(4 * options_.most_file_bytes + least_file_bytes);
  if (!text || (!text->empty() && !scan(*text, [](std::string_view) {}).is_journal)) {
    options_.on_problem((text ? file + ": is no journal" : text.error().message) + "; set aside, a new one is begun");
    journal_.set_aside();
    return;
  }
  if (text->empty()) return;

  std::size_t strange = 0;
  const Scan found = scan(*text, [&](std::string_view payload) { replay(payload, strange); });
  book_.forget_counts();
  book_.expire(sane(options_.unix_ns()));
  if (found.damaged_bytes > 0 || strange > 0) {
    options_.on_problem(file + ": " + std::to_string(found.damaged_bytes) + " bytes " +
                        (found.damaged_before_end ? "in the middle" : "at the end") + " belong to no whole entry, " +
                        std::to_string(strange) + " entries mean nothing here; left out, the rest was read");
    if (found.damaged_before_end || strange > 0) journal_.set_aside();
    if (auto done = rewrite(); !done) (void)lost_disk(done.error());
    return;
  }
  if (auto done = journal_.resume(); !done) (void)lost_disk(done.error());
  next_rewrite_bytes_ = std::max(2 * book_.bytes() + least_file_bytes, journal_.bytes());
}

void Outbox::replay(std::string_view payload, std::size_t& strange) {
  const auto entry = decode(payload);
  if (!entry) {
    ++strange;
  } else if (const auto* owner = std::get_if<ReceiverEntry>(&*entry)) {
    if (owner->protocol != options_.protocol || owner->url != options_.url) ++strange;
  } else if (const auto* submitted = std::get_if<SubmittedEntry>(&*entry)) {
    (void)book_.submit(submitted->notification, sane(submitted->at_ns));
  } else if (const auto* known = std::get_if<KnownEntry>(&*entry)) {
    book_.recall({known->last, sane(known->changed_ns)});
  } else if (const auto* settled = std::get_if<SettledEntry>(&*entry)) {
    // The distant past: what an Alertmanager is told again, it is told at once after a start.
    for (const Settled& each : settled->settled) (void)book_.settle(each, SteadyTime::min());
  }
}

std::string Outbox::snapshot() const {
  std::string frames = frame(ReceiverEntry{options_.protocol, options_.url});
  book_.write([&](const Entry& entry) { append_frame(frames, encode(entry)); });
  return frames;
}

Result<void> Outbox::rewrite() {
  if (auto done = journal_.replace(snapshot()); !done) return done;
  next_rewrite_bytes_ = 2 * journal_.bytes() + least_file_bytes;
  if (!on_disk_) options_.on_problem(options_.file.string() + ": is written again; what waits is on disk");
  on_disk_ = true;
  return {};
}

Error Outbox::lost_disk(const Error& why) {
  next_try_ = steady_clock::now() + between_tries;
  if (on_disk_) {
    options_.on_problem(why.message +
                        "; alerts are delivered from memory until it works, and are lost if the agent ends");
  }
  on_disk_ = false;
  return why;
}

/// Puts frames, whose meaning the book has already, on disk. A ticket of 0 needs no sync.
Result<void> Outbox::record(std::string_view frames, std::uint64_t& ticket) {
  ticket = 0;
  const std::size_t limit = std::min(next_rewrite_bytes_, options_.most_file_bytes);
  if (on_disk_ && journal_.is_open() && journal_.bytes() + frames.size() <= limit) {
    auto written = journal_.append(frames);
    if (written) {
      ticket = *written;
      return {};
    }
    if (auto shorter = rewrite(); shorter) return {};
    return lost_disk(written.error());
  }
  if (!on_disk_ && steady_clock::now() < next_try_) {
    return Error{Errc::failed, options_.file.string() + ": cannot be written at the moment"};
  }
  if (auto done = rewrite(); !done) return lost_disk(done.error());
  return {};
}

Result<void> Outbox::submit(std::span<const Notification> notifications) {
  std::optional<Error> first_error;
  std::uint64_t ticket = 0;
  {
    const std::scoped_lock lock(mutex_);
    if (closed_) return Error{Errc::not_found, "the receiver was removed"};
    const std::int64_t now_ns = sane(options_.unix_ns());
    const std::uint64_t dropped = book_.dropped();
    std::string frames;
    for (const Notification& each : notifications) {
      auto fitting = bounded(each);
      if (!fitting) {
        first_error = fitting.error();
        continue;
      }
      if (book_.submit(*fitting, now_ns) != Book::Submitted::news) continue;
      append_frame(frames, encode(SubmittedEntry{now_ns, std::move(*fitting)}));
    }
    if (book_.dropped() != dropped && !first_error) {
      first_error = Error{Errc::exhausted, std::to_string(book_.dropped() - dropped) +
                                               " alerts were dropped for this one: too many wait for the receiver"};
    }
    if (!frames.empty()) {
      if (auto written = record(frames, ticket); !written) first_error = written.error();
    }
  }
  // Without the lock, so that several callers share one wait for the disk.
  if (ticket != 0) {
    if (auto synced = journal_.sync(ticket); !synced) {
      const std::scoped_lock lock(mutex_);
      first_error = lost_disk(synced.error());
    }
  }
  if (first_error) return *first_error;
  return {};
}

Outbox::Post Outbox::next(std::size_t most, SteadyTime now) {
  const std::scoped_lock lock(mutex_);
  const std::int64_t now_ns = sane(options_.unix_ns());
  book_.expire(now_ns);
  Book::Batch batch = book_.next(most, batch_bytes, now_ns, now);
  Post post;
  if (batch.notifications.empty()) return post;
  if (options_.protocol == Protocol::webhook) {
    post.body = webhook_body(batch.notifications, options_.external_url);
  } else {
    const std::int64_t until_ns = now_ns + fires_for_resends * options_.limits.resend.count();
    post.body = alertmanager_body(batch.notifications, until_ns, options_.external_url);
  }
  post.sent = std::move(batch.sent);
  return post;
}

void Outbox::taken(std::vector<Settled> sent, SteadyTime now) {
  settle(sent, false, now);
}

void Outbox::refused(std::vector<Settled> sent, SteadyTime now) {
  settle(sent, true, now);
}

void Outbox::settle(std::vector<Settled>& sent, bool refused, SteadyTime now) {
  const std::scoped_lock lock(mutex_);
  SettledEntry entry;
  for (Settled& each : sent) {
    each.refused = refused;
    if (book_.settle(each, now)) entry.settled.push_back(each);
  }
  if (closed_ || entry.settled.empty()) return;
  // Not synced: it outlives the process, and a loss of power costs one more post at the most.
  const std::string frames = frame(entry);
  std::uint64_t ticket = 0;
  if (on_disk_ || !journal_.is_open()) {
    (void)record(frames, ticket);
  } else {
    // What can't be stored there any more is at least not told again. A few bytes often fit on a full disk.
    (void)journal_.append(frames);
  }
}

void Outbox::recover() {
  const std::scoped_lock lock(mutex_);
  if (closed_ || on_disk_ || steady_clock::now() < next_try_) return;
  if (auto done = rewrite(); !done) (void)lost_disk(done.error());
}

void Outbox::close() {
  const std::scoped_lock lock(mutex_);
  closed_ = true;
  journal_.close();
}

Outbox::Counts Outbox::counts() const {
  const std::scoped_lock lock(mutex_);
  return {book_.waiting(), book_.delivered(), book_.dropped()};
}

std::vector<Notification> Outbox::firing() const {
  const std::scoped_lock lock(mutex_);
  return book_.firing();
}

std::optional<SteadyTime> Outbox::next_due() const {
  const std::scoped_lock lock(mutex_);
  return book_.next_due();
}

bool Outbox::on_disk() const {
  const std::scoped_lock lock(mutex_);
  return on_disk_;
}

}  // namespace sentinel::delivery
