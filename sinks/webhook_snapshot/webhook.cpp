#include "sinks/webhook_snapshot/webhook.hpp"

#include <algorithm>
#include <boost/json/parser.hpp>
#include <boost/json/value.hpp>

#include "sinks/webhook_snapshot/text.hpp"

namespace snapshot {
namespace json = boost::json;
namespace {

constexpr std::size_t most_labels = 64;
constexpr std::size_t longest_name = 256;
constexpr std::size_t longest_value = 4096;

/// Thrown within this file alone, from wherever a value is not what it should be.
struct Bad {
  BadBody body;
};

[[noreturn]] void refuse(const std::string& at, std::string what) {
  throw Bad{{std::move(what), at.empty() ? "/" : at}};
}

json::value parse(std::string_view body) {
  json::parse_options options;
  options.max_depth = 16;
  json::parser parser({}, options);
  boost::system::error_code error;
  const auto read = parser.write_some(body.data(), body.size(), error);
  if (error == json::error::too_deep) throw Bad{{"more than 16 levels deep", "byte " + std::to_string(read)}};
  if (error == json::error::incomplete) throw Bad{{"ends in the middle", "byte " + std::to_string(body.size())}};
  if (error) throw Bad{{"is no JSON: " + error.message(), "byte " + std::to_string(read)}};
  if (body.find_first_not_of(" \t\r\n", read) != std::string_view::npos) {
    throw Bad{{"has more than one JSON value", "byte " + std::to_string(read)}};
  }
  return parser.release();
}

const json::object& object_of(const json::value& value, const std::string& at) {
  if (const auto* object = value.if_object()) return *object;
  refuse(at, "must be an object");
}

std::string text_of(const json::object& object, std::string_view key, const std::string& at,
                    std::size_t longest = longest_value) {
  const auto* value = object.if_contains(key);
  if (value == nullptr || value->is_null()) return {};
  const auto* text = value->if_string();
  if (text == nullptr) refuse(at + "/" + std::string(key), "must be a string");
  return clean({text->data(), text->size()}, longest);
}

std::string pointer_part(std::string_view key) {
  std::string out;
  for (const char c : clean(key, longest_name)) out += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  return out;
}

Labels labels_of(const json::object& object, std::string_view key, const std::string& at) {
  Labels labels;
  const auto* value = object.if_contains(key);
  if (value == nullptr || value->is_null()) return labels;
  const auto place = at + "/" + std::string(key);
  const auto& members = object_of(*value, place);
  if (members.size() > most_labels) refuse(place, "has more than 64 members");
  for (const auto& member : members) {
    const auto* text = member.value().if_string();
    if (text == nullptr) refuse(place + "/" + pointer_part(member.key()), "must be a string");
    labels.push_back({clean(member.key(), longest_name), clean({text->data(), text->size()}, longest_value)});
  }
  std::sort(labels.begin(), labels.end(), [](const Label& a, const Label& b) { return a.name < b.name; });
  return labels;
}

std::int64_t time_of(const json::object& object, std::string_view key, const std::string& at) {
  const auto text = text_of(object, key, at, 64);
  // Go's zero time: not yet.
  if (text.empty() || text.starts_with("0001-01-01T")) return 0;
  const auto time = parse_rfc3339(text);
  if (!time) refuse(at + "/" + std::string(key), "must be a time as RFC 3339 has it");
  return *time;
}

Alert alert_of(const json::value& value, const std::string& at) {
  const auto& object = object_of(value, at);
  Alert alert;
  alert.origin = Origin::webhook;
  const auto status = text_of(object, "status", at, 64);
  if (status != "firing" && status != "resolved") refuse(at + "/status", "must be \"firing\" or \"resolved\"");
  alert.firing = status == "firing";
  alert.labels = labels_of(object, "labels", at);
  alert.name = value_of(alert.labels, "alertname");
  if (alert.name.empty()) refuse(at + "/labels/alertname", "is missing: an alert has a name");
  alert.severity = value_of(alert.labels, "severity");
  alert.annotations = labels_of(object, "annotations", at);
  alert.starts_at_ns = time_of(object, "startsAt", at);
  alert.ends_at_ns = time_of(object, "endsAt", at);
  alert.generator = text_of(object, "generatorURL", at);
  const auto fingerprint = text_of(object, "fingerprint", at, 64);
  alert.fingerprint = unhex(fingerprint).value_or(fingerprint_of(alert.labels));
  return alert;
}

Posted read_webhook(std::string_view body) {
  const auto value = parse(body);
  const auto& object = object_of(value, "");
  if (text_of(object, "version", "", 64) != "4") {
    refuse("/version", "must be \"4\", the version of Alertmanager's webhook that is read here");
  }
  Posted posted;
  posted.receiver = text_of(object, "receiver", "", longest_name);
  const auto* alerts = object.if_contains("alerts");
  if (alerts == nullptr || !alerts->is_array()) refuse("/alerts", "must be an array");
  const auto& all = alerts->get_array();
  if (all.size() > most_posted_alerts) refuse("/alerts", "has more than 1000 elements");
  for (std::size_t i = 0; i < all.size(); ++i) {
    posted.alerts.push_back(alert_of(all[i], "/alerts/" + std::to_string(i)));
  }
  return posted;
}

}  // namespace

Posted parse_webhook(std::string_view body) {
  try {
    return read_webhook(body);
  } catch (const Bad& bad) {
    return {{}, {}, bad.body};
  }
}

ByHand parse_by_hand(std::string_view body) {
  try {
    const auto value = parse(body);
    return {text_of(object_of(value, ""), "reason", "", 1000), std::nullopt};
  } catch (const Bad& bad) {
    return {{}, bad.body};
  }
}

std::optional<Alert> parse_alert_file(std::string_view text) {
  try {
    const auto value = parse(text);
    const auto& object = object_of(value, "");
    Alert alert;
    const auto fingerprint = unhex(text_of(object, "fingerprint", ""));
    if (!fingerprint) return std::nullopt;
    alert.fingerprint = *fingerprint;
    alert.name = text_of(object, "name", "");
    alert.labels = labels_of(object, "labels", "");
    alert.starts_at_ns = time_of(object, "starts_at", "");
    return alert;
  } catch (const Bad&) {
    return std::nullopt;
  }
}

}  // namespace snapshot
