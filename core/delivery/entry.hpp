#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/delivery/courier.hpp"

namespace sentinel::delivery {

/// Which alert: of two with the same labels, the start tells them apart.
struct Key {
  std::uint64_t fingerprint = 0;
  std::int64_t starts_at_ns = 0;
  auto operator<=>(const Key&) const = default;
};

/// Of what makes a notification another one than the last of its alert: state and annotations. Never 0.
[[nodiscard]] std::uint64_t digest_of(const Notification& notification);

/// A notification that a receiver took, or refused for good.
struct Settled {
  Key key;
  std::uint64_t digest = 0;
  bool firing = false;
  bool refused = false;
};

/// 64 bits of a text, the same in every process.
[[nodiscard]] std::uint64_t hash_of(std::string_view text);

/// What a journal holds, an entry each.
struct ReceiverEntry {  ///< the first: whose journal it is
  Protocol protocol = Protocol::webhook;
  std::string url;
};
struct SubmittedEntry {
  std::int64_t at_ns = 0;
  Notification notification;
};
struct SettledEntry {
  std::vector<Settled> settled;  ///< at most most_settled
};
struct KnownEntry {  ///< an alert whose texts are not needed any more, or, without a digest, precede in a
                     ///< SubmittedEntry
  Settled last;
  std::int64_t changed_ns = 0;
};
using Entry = std::variant<ReceiverEntry, SubmittedEntry, SettledEntry, KnownEntry>;

inline constexpr std::size_t most_settled = 4096;

/// As bytes, little-endian.
[[nodiscard]] std::string encode(const Entry& entry);
/// Nothing when the bytes are not an entry, whole and without a rest.
[[nodiscard]] std::optional<Entry> decode(std::string_view bytes);
/// About what a notification takes in a journal, never less.
[[nodiscard]] std::size_t encoded_size(const Notification& notification);

}  // namespace sentinel::delivery
