#include "core/runtime/notice.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <cmath>
#include <sentinel/config.hpp>
#include <sentinel/text.hpp>
#include <utility>

#include "rules/engine/context_json.hpp"

namespace sentinel::runtime {
namespace json = boost::json;
namespace {

constexpr std::uint32_t most_labels = 256;

/// The one metric that a rule watches; nothing when its windows watch several.
std::string metric_of(const rules::Rule& rule) {
  std::string metric;
  for (const auto& window : rule.windows) {
    if (!metric.empty() && window.filter.metric != metric) return {};
    metric = window.filter.metric;
  }
  return metric;
}

json::object texts(const std::map<std::string, std::string>& map) {
  json::object object;
  for (const auto& [name, value] : map) object[name] = value;
  return object;
}

std::map<std::string, std::string> map_of(const json::value& value) {
  std::map<std::string, std::string> map;
  for (const auto& [name, text] : value.as_object()) map.emplace(std::string(name), std::string(text.as_string()));
  return map;
}

/// JSON has no NaN and no infinity.
std::string number(double value) {
  char text[32];
  const auto written = std::to_chars(text, text + sizeof(text), value);
  return {text, written.ptr};
}

double number_of(const json::value& value) {
  const auto& text = value.as_string();
  double number = std::nan("");
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

std::vector<sentinel_label> pairs(const std::map<std::string, std::string>& map) {
  std::vector<sentinel_label> out;
  out.reserve(map.size());
  for (const auto& [name, value] : map) out.push_back({to_abi(name), to_abi(value)});
  return out;
}

std::string clean(sentinel_string text) {
  std::string buffer;
  return std::string(sentinel::clean(from_abi(text), buffer));
}

/// Annotations are for people, and may have several lines.
std::string clean_lines(std::string_view text) {
  std::string out;
  std::string buffer;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    if (begin > 0) out += '\n';
    out += sentinel::clean(text.substr(begin, end - begin), buffer);
    begin = end + 1;
  }
  return out;
}

std::string label_of(const Notice& notice, const char* name) {
  const auto found = notice.labels.find(name);
  return found == notice.labels.end() ? std::string() : found->second;
}

}  // namespace

Notice make_notice(const rules::Alert& alert) {
  Notice notice;
  notice.firing = alert.state == rules::AlertState::firing;
  notice.fingerprint = alert.fingerprint;
  notice.labels.insert(alert.labels.begin(), alert.labels.end());
  notice.annotations = alert.annotations;
  notice.starts_at_ns = alert.fired_at_ns;
  notice.ends_at_ns = notice.firing ? 0 : alert.resolved_at_ns;
  notice.time_ns = alert.time_ns;
  notice.value = alert.value;
  notice.lost = alert.lost;
  notice.reason = alert.reason;
  if (alert.rule) {
    notice.metric = metric_of(*alert.rule);
    notice.expression = alert.rule->expression();
    notice.sinks = alert.rule->alerts_to;
  }
  if (alert.context) notice.context = *alert.context;
  return notice;
}

json::object to_json(const Notice& notice) {
  json::array sinks(notice.sinks.begin(), notice.sinks.end());
  json::object out{{"id", notice.id},
                   {"firing", notice.firing},
                   {"fingerprint", notice.fingerprint},
                   {"labels", texts(notice.labels)},
                   {"annotations", texts(notice.annotations)},
                   {"starts_at_ns", notice.starts_at_ns},
                   {"ends_at_ns", notice.ends_at_ns},
                   {"time_ns", notice.time_ns},
                   {"value", number(notice.value)},
                   {"lost", notice.lost},
                   {"metric", notice.metric},
                   {"expression", notice.expression},
                   {"reason", notice.reason},
                   {"sinks", std::move(sinks)}};
  if (notice.context) out["context"] = rules::to_json(*notice.context);
  return out;
}

Result<Notice> notice_from_json(const json::object& in) {
  try {
    Notice notice;
    notice.id = in.at("id").to_number<std::uint64_t>();
    notice.firing = in.at("firing").as_bool();
    notice.fingerprint = in.at("fingerprint").to_number<std::uint64_t>();
    notice.labels = map_of(in.at("labels"));
    notice.annotations = map_of(in.at("annotations"));
    notice.starts_at_ns = in.at("starts_at_ns").to_number<std::int64_t>();
    notice.ends_at_ns = in.at("ends_at_ns").to_number<std::int64_t>();
    notice.time_ns = in.at("time_ns").to_number<std::uint64_t>();
    notice.value = number_of(in.at("value"));
    notice.lost = in.at("lost").to_number<std::uint64_t>();
    notice.metric = in.at("metric").as_string();
    notice.expression = in.at("expression").as_string();
    notice.reason = in.at("reason").as_string();
    for (const auto& sink : in.at("sinks").as_array()) notice.sinks.emplace_back(sink.as_string());
    if (const auto* context = in.if_contains("context"))
      notice.context = *rules::context_from_json(context->as_object());
    return notice;
  } catch (const std::exception& wrong) {
    return Error{Errc::invalid_argument, std::string("no notice of an alert: ") + wrong.what()};
  }
}

AbiAlert::AbiAlert(const Notice& notice) : labels_(pairs(notice.labels)), annotations_(pairs(notice.annotations)) {
  const auto view_of = [&](const char* name) {
    const auto found = notice.labels.find(name);
    return found == notice.labels.end() ? sentinel_string{nullptr, 0} : to_abi(found->second);
  };
  alert_ = {sizeof(sentinel_alert),
            static_cast<std::uint32_t>(notice.firing ? SENTINEL_ALERT_FIRING : SENTINEL_ALERT_RESOLVED),
            notice.fingerprint,
            view_of("alertname"),
            view_of("severity"),
            labels_.data(),
            annotations_.data(),
            static_cast<std::uint32_t>(labels_.size()),
            static_cast<std::uint32_t>(annotations_.size()),
            notice.starts_at_ns,
            notice.ends_at_ns,
            notice.time_ns,
            notice.value,
            notice.lost,
            to_abi(notice.metric),
            to_abi(notice.expression),
            to_abi(notice.reason),
            nullptr};
  if (!notice.context) return;
  const rules::Context& context = *notice.context;
  for (const auto& symbol : context.symbols) symbols_.push_back(to_abi(symbol));
  context_ = {sizeof(sentinel_context),
              context.pid,
              context.tid,
              context.ppid,
              context.start_time_ns,
              context.cgroup_id,
              to_abi(context.comm),
              to_abi(context.parent_comm),
              to_abi(context.container_id),
              context.stack.data(),
              nullptr,
              static_cast<std::uint32_t>(context.stack.size()),
              0,
              to_abi(context.exe),
              to_abi(context.pod),
              symbols_.empty() ? nullptr : symbols_.data()};
  alert_.context = &context_;
}

Result<Notice> notice_from_abi(const sentinel_alert& alert) {
  if (alert.size < sizeof(sentinel_alert)) {
    return Error{Errc::invalid_argument, "an alert's size is " + std::to_string(alert.size) + ", at least " +
                                             std::to_string(sizeof(sentinel_alert)) + " is needed: set it"};
  }
  if (alert.label_count > most_labels || alert.annotation_count > most_labels) {
    return Error{Errc::invalid_argument, "an alert has at most 256 labels and 256 annotations"};
  }
  Notice notice;
  notice.firing = alert.state == SENTINEL_ALERT_FIRING;
  notice.fingerprint = alert.fingerprint;
  for (std::uint32_t i = 0; i < alert.label_count; ++i) {
    notice.labels.insert_or_assign(clean(alert.labels[i].name), clean(alert.labels[i].value));
  }
  for (std::uint32_t i = 0; i < alert.annotation_count; ++i) {
    notice.annotations.insert_or_assign(clean(alert.annotations[i].name),
                                        clean_lines(from_abi(alert.annotations[i].value)));
  }
  notice.starts_at_ns = alert.starts_at_ns;
  notice.ends_at_ns = alert.ends_at_ns;
  notice.time_ns = alert.time_ns;
  notice.value = alert.value;
  if (label_of(notice, "alertname").empty()) {
    return Error{Errc::invalid_argument, "an alert without a label alertname"};
  }
  return notice;
}

}  // namespace sentinel::runtime
