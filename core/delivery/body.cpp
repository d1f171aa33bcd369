#include "core/delivery/body.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <map>

namespace sentinel::delivery {

namespace {

using Texts = std::map<std::string, std::string>;

constexpr std::int64_t ns_per_s = 1'000'000'000;
constexpr std::string_view no_time = "\"0001-01-01T00:00:00Z\"";  // Go's zero time: Alertmanager's "it has not ended"
constexpr std::string_view replacement = "\xef\xbf\xbd";
constexpr std::string_view name_label = "alertname";

/// Length of the valid UTF-8 sequence that the text begins with; 0 when there is none (Unicode 15, table 3-7).
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const auto follows = [&](std::size_t i, unsigned low = 0x80, unsigned high = 0xbf) {
    return byte(i) >= low && byte(i) <= high;
  };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return follows(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    const unsigned low = first == 0xe0 ? 0xa0 : 0x80;
    const unsigned high = first == 0xed ? 0x9f : 0xbf;
    return follows(1, low, high) && follows(2) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const unsigned low = first == 0xf0 ? 0x90 : 0x80;
    const unsigned high = first == 0xf4 ? 0x8f : 0xbf;
    return follows(1, low, high) && follows(2) && follows(3) ? 4 : 0;
  }
  return 0;
}

void append_escaped(std::string& out, char c) {
  switch (c) {
    case '"':
    case '\\':
      (out += '\\') += c;
      return;
    case '\n':
      out += "\\n";
      return;
    default: {
      std::array<char, 8> text = {};
      std::snprintf(text.data(), text.size(), "\\u%04x", static_cast<unsigned>(static_cast<unsigned char>(c)));
      out += text.data();
    }
  }
}

void append_pairs(std::string& out, const Texts& texts) {
  out += '{';
  for (const auto& [key, value] : texts) {
    if (out.back() != '{') out += ',';
    append_quoted(out, key);
    out += ':';
    append_quoted(out, value);
  }
  out += '}';
}

/// A label's name as Alertmanager takes it ([a-zA-Z_][a-zA-Z0-9_]*): one that it doesn't would have the post refused.
std::string label_name(std::string_view given) {
  std::string name(given);
  for (char& c : name) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    const bool digit = c >= '0' && c <= '9' && &c != name.data();
    if (!letter && !digit) c = '_';
  }
  return name;
}

/// Labels or annotations that Alertmanager takes; both have names of the same form.
Texts acceptable(const Texts& texts) {
  Texts kept;
  for (const auto& [name, value] : texts) {
    if (!name.empty() && !value.empty()) kept.emplace(label_name(name), value);
  }
  return kept;
}

/// Alertmanager refuses an alert without labels.
Texts acceptable_labels(const Texts& labels) {
  Texts kept = acceptable(labels);
  if (kept.empty()) kept.emplace(name_label, "unnamed");
  return kept;
}

/// What all of them have alike.
Texts common(Notifications notifications, Texts Notification::*member) {
  Texts shared = notifications.front()->*member;
  for (const Notification* each : notifications.subspan(1)) {
    std::erase_if(shared, [&](const auto& pair) {
      const auto found = (each->*member).find(pair.first);
      return found == (each->*member).end() || found->second != pair.second;
    });
  }
  return shared;
}

void append_quoted_time(std::string& out, std::int64_t unix_ns) {
  out += '"';
  append_time(out, unix_ns);
  out += '"';
}

void append_webhook_alert(std::string& out, const Notification& notification, std::string_view external_url) {
  out += notification.firing ? R"({"status":"firing","labels":)" : R"({"status":"resolved","labels":)";
  append_pairs(out, notification.labels);
  out += R"(,"annotations":)";
  append_pairs(out, notification.annotations);
  out += R"(,"startsAt":)";
  append_quoted_time(out, notification.starts_at_ns);
  out += R"(,"endsAt":)";
  if (notification.firing) {
    out += no_time;
  } else {
    append_quoted_time(out, std::max(notification.ends_at_ns, notification.starts_at_ns));
  }
  out += R"(,"generatorURL":)";
  append_quoted(out, external_url);
  std::array<char, 17> fingerprint = {};
  std::snprintf(fingerprint.data(), fingerprint.size(), "%016llx",
                static_cast<unsigned long long>(notification.fingerprint));
  out.append(R"(,"fingerprint":")").append(fingerprint.data()).append("\"}");
}

}  // namespace

void append_time(std::string& out, std::int64_t unix_ns) {
  std::int64_t seconds = unix_ns / ns_per_s;
  std::int64_t rest = unix_ns % ns_per_s;
  if (rest < 0) {
    rest += ns_per_s;
    --seconds;
  }
  const std::time_t time = seconds;
  std::tm parts = {};
  ::gmtime_r(&time, &parts);
  std::array<char, 32> text = {};
  out.append(text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts));
  if (rest != 0) {
    const int size = std::snprintf(text.data(), text.size(), ".%09lld", static_cast<long long>(rest));
    std::string_view digits(text.data(), static_cast<std::size_t>(size));
    digits.remove_suffix(digits.size() - 1 - digits.find_last_not_of('0'));
    out += digits;
  }
  out += 'Z';
}

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const char first = text.front();
    if (length == 0) {
      out += replacement;
    } else if (length == 1 && (static_cast<unsigned char>(first) < 0x20 || first == '"' || first == '\\')) {
      append_escaped(out, first);
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  out += '"';
}

std::string webhook_body(Notifications notifications, std::string_view external_url) {
  const bool firing = std::any_of(notifications.begin(), notifications.end(), [](auto* each) { return each->firing; });
  const Texts labels = common(notifications, &Notification::labels);
  Texts group;
  std::string group_key = "{}:{";
  if (const auto name = labels.find(std::string(name_label)); name != labels.end()) {
    group.insert(*name);
    group_key += "alertname=";
    append_quoted(group_key, name->second);
  }
  group_key += '}';

  std::string out = R"({"receiver":"sentinel","status":)";
  out += firing ? R"("firing","alerts":[)" : R"("resolved","alerts":[)";
  for (const Notification* each : notifications) {
    if (out.back() != '[') out += ',';
    append_webhook_alert(out, *each, external_url);
  }
  out += R"(],"groupLabels":)";
  append_pairs(out, group);
  out += R"(,"commonLabels":)";
  append_pairs(out, labels);
  out += R"(,"commonAnnotations":)";
  append_pairs(out, common(notifications, &Notification::annotations));
  out += R"(,"externalURL":)";
  append_quoted(out, external_url);
  out += R"(,"version":"4","groupKey":)";
  append_quoted(out, group_key);
  out += R"(,"truncatedAlerts":0})";
  return out;
}

std::string alertmanager_body(Notifications notifications, std::int64_t fires_until_ns, std::string_view external_url) {
  std::string out = "[";
  for (const Notification* each : notifications) {
    if (out.back() != '[') out += ',';
    out += R"({"labels":)";
    append_pairs(out, acceptable_labels(each->labels));
    out += R"(,"annotations":)";
    append_pairs(out, acceptable(each->annotations));
    out += R"(,"startsAt":)";
    append_quoted_time(out, each->starts_at_ns);
    out += R"(,"endsAt":)";
    // A clock that was set back must not have it end before it starts, which Alertmanager refuses.
    append_quoted_time(out, std::max(each->firing ? fires_until_ns : each->ends_at_ns, each->starts_at_ns));
    if (!external_url.empty()) {
      out += R"(,"generatorURL":)";
      append_quoted(out, external_url);
    }
    out += '}';
  }
  out += ']';
  return out;
}

}  // namespace sentinel::delivery
