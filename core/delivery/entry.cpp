#include "core/delivery/entry.hpp"

#include <type_traits>
#include <utility>

namespace sentinel::delivery {

namespace {

using Texts = std::map<std::string, std::string>;

enum class Kind : std::uint8_t { receiver = 1, submitted = 2, settled = 3, known = 4 };

// What is in front of the texts, and the frames of all entries that an alert may need in a journal.
constexpr std::size_t fixed_bytes = 1 + 8 + 8 + 1 + 8 + 8 + 4 + 4 + 100;
constexpr std::uint8_t firing_bit = 1;
constexpr std::uint8_t refused_bit = 2;

class Writer {
 public:
  explicit Writer(Kind kind) { number(static_cast<std::uint8_t>(kind)); }

  template <class T>
  void number(T value) {
    using Bits = std::make_unsigned_t<T>;
    auto bits = static_cast<Bits>(value);
    for (std::size_t i = 0; i < sizeof(T); ++i) {
      bytes_ += static_cast<char>(bits & 0xffU);
      if constexpr (sizeof(T) > 1) bits >>= 8U;
    }
  }
  void text(std::string_view value) {
    number(static_cast<std::uint32_t>(value.size()));
    bytes_ += value;
  }
  void texts(const Texts& values) {
    number(static_cast<std::uint32_t>(values.size()));
    for (const auto& [key, value] : values) {
      text(key);
      text(value);
    }
  }
  void settled(const Settled& value) {
    number(value.key.fingerprint);
    number(value.key.starts_at_ns);
    number(value.digest);
    number(static_cast<std::uint8_t>((value.firing ? firing_bit : 0) | (value.refused ? refused_bit : 0)));
  }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

/// Reads what Writer wrote; ok() turns false at the first thing that is not there.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  template <class T>
  T number() {
    using Bits = std::make_unsigned_t<T>;
    Bits bits = 0;
    if (bytes_.size() < sizeof(T)) {
      ok_ = false;
      bytes_ = {};
      return 0;
    }
    for (std::size_t i = 0; i < sizeof(T); ++i) {
      bits = static_cast<Bits>(bits |
                               static_cast<Bits>(static_cast<Bits>(static_cast<unsigned char>(bytes_[i])) << (8U * i)));
    }
    bytes_.remove_prefix(sizeof(T));
    return static_cast<T>(bits);
  }
  std::string text() {
    const auto size = number<std::uint32_t>();
    if (size > bytes_.size()) {
      ok_ = false;
      return {};
    }
    std::string value(bytes_.substr(0, size));
    bytes_.remove_prefix(size);
    return value;
  }
  Texts texts() {
    Texts values;
    const auto count = number<std::uint32_t>();
    for (std::uint32_t i = 0; i < count && ok_; ++i) {
      std::string key = text();
      values[std::move(key)] = text();
    }
    return values;
  }
  Settled settled() {
    Settled value;
    value.key.fingerprint = number<std::uint64_t>();
    value.key.starts_at_ns = number<std::int64_t>();
    value.digest = number<std::uint64_t>();
    const auto flags = number<std::uint8_t>();
    value.firing = (flags & firing_bit) != 0;
    value.refused = (flags & refused_bit) != 0;
    return value;
  }
  void fail() { ok_ = false; }
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] bool whole() const { return ok_ && bytes_.empty(); }

 private:
  std::string_view bytes_;
  bool ok_ = true;
};

std::string encode_entry(const ReceiverEntry& entry) {
  Writer out(Kind::receiver);
  out.number(static_cast<std::uint8_t>(entry.protocol));
  out.text(entry.url);
  return out.take();
}

std::string encode_entry(const SubmittedEntry& entry) {
  Writer out(Kind::submitted);
  const Notification& notification = entry.notification;
  out.number(entry.at_ns);
  out.number(notification.fingerprint);
  out.number(static_cast<std::uint8_t>(notification.firing ? firing_bit : 0));
  out.number(notification.starts_at_ns);
  out.number(notification.ends_at_ns);
  out.texts(notification.labels);
  out.texts(notification.annotations);
  return out.take();
}

std::string encode_entry(const SettledEntry& entry) {
  Writer out(Kind::settled);
  out.number(static_cast<std::uint32_t>(entry.settled.size()));
  for (const Settled& each : entry.settled) out.settled(each);
  return out.take();
}

std::string encode_entry(const KnownEntry& entry) {
  Writer out(Kind::known);
  out.settled(entry.last);
  out.number(entry.changed_ns);
  return out.take();
}

Entry read_receiver(Reader& in) {
  ReceiverEntry entry;
  const auto protocol = in.number<std::uint8_t>();
  if (protocol > static_cast<std::uint8_t>(Protocol::alertmanager)) in.fail();
  entry.protocol = static_cast<Protocol>(protocol & 1U);
  entry.url = in.text();
  return entry;
}

Entry read_submitted(Reader& in) {
  SubmittedEntry entry;
  Notification& notification = entry.notification;
  entry.at_ns = in.number<std::int64_t>();
  notification.fingerprint = in.number<std::uint64_t>();
  notification.firing = (in.number<std::uint8_t>() & firing_bit) != 0;
  notification.starts_at_ns = in.number<std::int64_t>();
  notification.ends_at_ns = in.number<std::int64_t>();
  notification.labels = in.texts();
  notification.annotations = in.texts();
  return entry;
}

Entry read_settled(Reader& in) {
  SettledEntry entry;
  const auto count = in.number<std::uint32_t>();
  if (count > most_settled) in.fail();
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) entry.settled.push_back(in.settled());
  return entry;
}

Entry read_known(Reader& in) {
  KnownEntry entry;
  entry.last = in.settled();
  entry.changed_ns = in.number<std::int64_t>();
  return entry;
}

/// FNV-1a; each text is preceded by its length, so that moving a character between two texts shows.
class Hash {
 public:
  void text(std::string_view value) {
    number(value.size());
    for (const char c : value) byte(static_cast<unsigned char>(c));
  }
  void number(std::uint64_t value) {
    for (unsigned i = 0; i < 8; ++i) byte(static_cast<unsigned char>(value >> (8U * i)));
  }
  [[nodiscard]] std::uint64_t value() const { return state_; }

 private:
  void byte(unsigned char value) { state_ = (state_ ^ value) * 0x100000001b3U; }
  std::uint64_t state_ = 0xcbf29ce484222325U;
};

std::size_t size_of(const Texts& texts) {
  std::size_t size = 0;
  for (const auto& [key, value] : texts) size += 8 + key.size() + value.size();
  return size;
}

}  // namespace

std::uint64_t hash_of(std::string_view text) {
  Hash hash;
  hash.text(text);
  return hash.value();
}

std::uint64_t digest_of(const Notification& notification) {
  Hash hash;
  hash.number(notification.firing ? 1 : 0);
  for (const auto& [key, value] : notification.annotations) {
    hash.text(key);
    hash.text(value);
  }
  return hash.value() == 0 ? 1 : hash.value();
}

std::string encode(const Entry& entry) {
  return std::visit([](const auto& each) { return encode_entry(each); }, entry);
}

std::optional<Entry> decode(std::string_view bytes) {
  Reader in(bytes);
  std::optional<Entry> entry;
  switch (static_cast<Kind>(in.number<std::uint8_t>())) {
    case Kind::receiver:
      entry = read_receiver(in);
      break;
    case Kind::submitted:
      entry = read_submitted(in);
      break;
    case Kind::settled:
      entry = read_settled(in);
      break;
    case Kind::known:
      entry = read_known(in);
      break;
    default:
      return {};
  }
  if (!in.whole()) return {};
  return entry;
}

std::size_t encoded_size(const Notification& notification) {
  return fixed_bytes + size_of(notification.labels) + size_of(notification.annotations);
}

}  // namespace sentinel::delivery
