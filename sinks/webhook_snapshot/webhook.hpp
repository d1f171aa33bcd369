#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sinks/webhook_snapshot/alert.hpp"

namespace snapshot {

inline constexpr std::size_t most_body_bytes = std::size_t{1} << 20U;
inline constexpr std::size_t most_posted_alerts = 1000;

/// What is wrong with a body, and where: a JSON pointer (RFC 6901), or "byte 17" of what is no JSON.
struct BadBody {
  std::string what;
  std::string at;
};

/// The alerts of a post, or why it is none.
struct Posted {
  std::vector<Alert> alerts;
  std::string receiver;
  std::optional<BadBody> bad;
};

/// Reads the body that Alertmanager's webhook posts, version 4
/// (https://prometheus.io/docs/alerting/latest/configuration/#webhook_config). Every byte of it is foreign: texts are
/// cleaned and cut, and nothing is expanded, fetched or used as a path. Keys that are not known are skipped. At most
/// most_body_bytes, most_posted_alerts, 64 labels an alert and 16 levels; any thread.
[[nodiscard]] Posted parse_webhook(std::string_view body);

/// Reads {"reason": "…"}; an empty object is one without a reason.
struct ByHand {
  std::string reason;
  std::optional<BadBody> bad;
};
[[nodiscard]] ByHand parse_by_hand(std::string_view body);

/// `starts_at`, `fingerprint` and the labels of an alert.json that this sink wrote; nothing when it is damaged.
[[nodiscard]] std::optional<Alert> parse_alert_file(std::string_view text);

}  // namespace snapshot
