#include "rules/engine/saved.hpp"

#include <array>
#include <boost/json.hpp>
#include <charconv>
#include <stdexcept>

#include "rules/engine/context_json.hpp"

namespace sentinel::rules {
namespace {

namespace json = boost::json;

constexpr int version = 1;
constexpr std::size_t most_bytes = 64ULL << 20;
constexpr std::size_t most_alerts = 100'000;

std::string text_of(const json::value& value) {
  return std::string(value.as_string());
}

/// As text, because JSON has neither infinity nor a promise of exactness.
std::string written(double number) {
  std::array<char, 32> digits{};
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), number);
  return {digits.data(), end};
}

double read_number(const json::value& value) {
  const auto& text = value.as_string();
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) throw std::runtime_error("a value is no number");
  return number;
}

std::int64_t read_time(const json::value& value) {
  return value.to_number<std::int64_t>();
}

template <class Map>
json::object written(const Map& texts) {
  json::object out;
  for (const auto& [name, text] : texts) out[name] = text;
  return out;
}

template <class Map>
Map read_texts(const json::value& value) {
  Map texts;
  for (const auto& [name, text] : value.as_object()) texts.emplace(std::string(name), text_of(text));
  return texts;
}

AlertState read_state(const json::value& value) {
  const std::string_view text(value.as_string());
  for (const auto state : {AlertState::inactive, AlertState::pending, AlertState::firing}) {
    if (text == to_string(state)) return state;
  }
  throw std::runtime_error("a state is neither inactive, pending nor firing");
}

Severity read_severity(const json::value& value) {
  const std::string_view text(value.as_string());
  for (const auto severity : {Severity::info, Severity::warning, Severity::critical}) {
    if (text == to_string(severity)) return severity;
  }
  throw std::runtime_error("a severity is neither info, warning nor critical");
}

json::object written(const SavedAlert& alert) {
  const Offender& offender = alert.offender;
  json::array alerts_to;
  for (const auto& sink : alert.alerts_to) alerts_to.emplace_back(sink);
  json::object out = {{"rule", alert.rule},
                      {"identity", alert.identity},
                      {"alerts_to", std::move(alerts_to)},
                      {"severity", to_string(alert.severity)},
                      {"group", written(alert.group)},
                      {"labels", written(offender.labels)},
                      {"annotations", written(alert.annotations)},
                      {"state", to_string(offender.state)},
                      {"value", written(offender.outcome.left)},
                      {"threshold", written(offender.outcome.right)},
                      {"active_since_ns", offender.active_since.unix_ns},
                      {"active_ns", offender.active_since.boot_ns},
                      {"fired_at_ns", offender.fired_at.unix_ns},
                      {"held_at_ns", offender.held_at_ns},
                      {"silent", offender.silent},
                      {"time_ns", offender.time_ns},
                      {"lost", offender.lost}};
  if (offender.told_at_ns) out["told_at_ns"] = *offender.told_at_ns;
  if (offender.context) out["context"] = to_json(*offender.context);
  return out;
}

SavedAlert read_alert(const json::object& in) {
  SavedAlert alert;
  alert.rule = text_of(in.at("rule"));
  alert.identity = text_of(in.at("identity"));
  for (const auto& sink : in.at("alerts_to").as_array()) alert.alerts_to.push_back(text_of(sink));
  alert.severity = read_severity(in.at("severity"));
  alert.group = read_texts<Labels>(in.at("group"));
  alert.annotations = read_texts<std::map<std::string, std::string>>(in.at("annotations"));
  Offender& offender = alert.offender;
  offender.labels = read_texts<Labels>(in.at("labels"));
  offender.fingerprint = fingerprint(offender.labels);
  offender.state = read_state(in.at("state"));
  offender.outcome = {offender.active(), read_number(in.at("value")), read_number(in.at("threshold"))};
  offender.active_since = {read_time(in.at("active_ns")), read_time(in.at("active_since_ns"))};
  offender.fired_at = {0, read_time(in.at("fired_at_ns"))};
  offender.held_at_ns = read_time(in.at("held_at_ns"));
  offender.silent = in.at("silent").as_bool();
  offender.time_ns = in.at("time_ns").to_number<std::uint64_t>();
  offender.lost = in.at("lost").to_number<std::uint64_t>();
  if (const auto* told = in.if_contains("told_at_ns")) offender.told_at_ns = read_time(*told);
  if (const auto* context = in.if_contains("context")) offender.context = context_from_json(context->as_object());
  return alert;
}

}  // namespace

std::string to_json(const std::vector<SavedAlert>& alerts) {
  json::array out;
  for (const auto& alert : alerts) out.emplace_back(written(alert));
  return json::serialize(json::object{{"version", version}, {"alerts", std::move(out)}});
}

Result<std::vector<SavedAlert>> from_json(std::string_view text) {
  const auto refuse = [](const std::string& why) {
    return Error{Errc::invalid_argument, "the saved alerts cannot be read, so none is restored: " + why};
  };
  if (text.size() > most_bytes) return refuse("they are larger than 64 MiB");
  try {
    const json::value parsed = json::parse(json::string_view(text.data(), text.size()));
    const json::object& object = parsed.as_object();
    if (object.at("version").to_number<int>() != version) return refuse("their version is unknown");
    const auto& array = object.at("alerts").as_array();
    if (array.size() > most_alerts) return refuse("there are more than 100,000");
    std::vector<SavedAlert> alerts;
    for (const auto& one : array) alerts.push_back(read_alert(one.as_object()));
    return alerts;
  } catch (const std::exception& e) {
    return refuse(e.what());
  }
}

}  // namespace sentinel::rules
