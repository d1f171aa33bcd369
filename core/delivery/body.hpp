#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/delivery/courier.hpp"

namespace sentinel::delivery {

using Notifications = std::span<const Notification* const>;

/// Alertmanager's webhook body, version 4 (prometheus.io/docs/alerting/latest/configuration/#webhook_config), of one or
/// more notifications in the order given. They are one group: its label is `alertname` when all share it, else none.
[[nodiscard]] std::string webhook_body(Notifications notifications, std::string_view external_url);

/// Body of POST /api/v2/alerts (Alertmanager's api/v2/openapi.yaml, postableAlerts). What fires ends at
/// `fires_until_ns` unless it is told again. Labels without a value are left out, characters that no label name has
/// become "_".
[[nodiscard]] std::string alertmanager_body(Notifications notifications, std::int64_t fires_until_ns,
                                            std::string_view external_url);

/// RFC 3339 in UTC, nanoseconds without trailing zeros, as Go prints it. Any value of `unix_ns` is fine.
void append_time(std::string& out, std::int64_t unix_ns);

/// A JSON string. What is not UTF-8 becomes U+FFFD.
void append_quoted(std::string& out, std::string_view text);

}  // namespace sentinel::delivery
