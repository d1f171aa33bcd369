#include "core/runtime/placement_json.hpp"

#include <bit>
#include <boost/json.hpp>
#include <exception>
#include <utility>

namespace sentinel::runtime {
namespace json = boost::json;
namespace {

json::array written(const std::vector<std::string>& texts) {
  json::array out;
  out.reserve(texts.size());
  for (const auto& text : texts) out.push_back(json::string(text));
  return out;
}

std::string text(const json::value& value) {
  return std::string(value.as_string());
}

std::vector<std::string> texts(const json::value& value) {
  std::vector<std::string> all;
  for (const auto& one : value.as_array()) all.push_back(text(one));
  return all;
}

// A number as its bits: JSON has no infinity, and decimal digits read back may differ in the last one.
std::uint64_t bits(double number) {
  return std::bit_cast<std::uint64_t>(number);
}
double number(const json::value& value) {
  return std::bit_cast<double>(value.to_number<std::uint64_t>());
}

json::object written(const Demand::Predicate& predicate) {
  json::object out;
  out["kind"] = predicate.kind;
  out["field"] = predicate.field;
  out["values"] = written(predicate.values);
  out["comparison"] = predicate.comparison;
  out["number_bits"] = bits(predicate.number);
  return out;
}

Demand::Predicate predicate(const json::object& in) {
  Demand::Predicate out;
  out.kind = in.at("kind").to_number<std::uint32_t>();
  out.field = text(in.at("field"));
  out.values = texts(in.at("values"));
  out.comparison = in.at("comparison").to_number<std::uint32_t>();
  out.number = number(in.at("number_bits"));
  return out;
}

json::object written(const Demand& demand) {
  json::array predicates;
  for (const auto& one : demand.predicates) predicates.emplace_back(written(one));
  json::object out;
  out["id"] = demand.id;
  out["event"] = demand.event;
  out["consumer"] = demand.consumer;
  out["predicates"] = std::move(predicates);
  out["user"] = written(demand.user);
  out["by"] = written(demand.by);
  out["fold"] = demand.fold;
  out["pane_ns"] = demand.pane_ns;
  if (demand.threshold) out["threshold_bits"] = bits(*demand.threshold);
  return out;
}

Demand demand(const json::object& in) {
  Demand out;
  out.id = in.at("id").to_number<std::uint64_t>();
  out.event = text(in.at("event"));
  out.consumer = text(in.at("consumer"));
  for (const auto& one : in.at("predicates").as_array()) out.predicates.push_back(predicate(one.as_object()));
  out.user = texts(in.at("user"));
  out.by = texts(in.at("by"));
  out.fold = in.at("fold").to_number<std::uint32_t>();
  out.pane_ns = in.at("pane_ns").to_number<std::uint64_t>();
  if (const auto* threshold = in.if_contains("threshold_bits")) out.threshold = number(*threshold);
  return out;
}

json::object written(const EventType& event) {
  json::object constant;
  for (const auto& [name, value] : event.constant) constant[name] = value;
  json::object out;
  out["name"] = event.name;
  out["label_keys"] = written(event.label_keys);
  out["constant"] = std::move(constant);
  return out;
}

json::object written(const Placement& placement) {
  json::object out;
  out["folds"] = placement.folds;
  out["predicates"] = placement.predicates;
  out["reason"] = placement.reason;
  return out;
}

EventType event(const json::object& in) {
  EventType out;
  out.name = text(in.at("name"));
  out.label_keys = texts(in.at("label_keys"));
  for (const auto& one : in.at("constant").as_object()) out.constant.emplace(std::string(one.key()), text(one.value()));
  return out;
}

json::value parsed(std::string_view line) {
  return json::parse(json::string_view(line.data(), line.size()));
}

Error malformed(const std::exception& why) {
  return {Errc::failed, std::string("the child process answered with malformed JSON: ") + why.what()};
}

}  // namespace

std::string demands_line(const std::vector<Demand>& demands) {
  json::array all;
  for (const auto& one : demands) all.emplace_back(written(one));
  return json::serialize(all);
}

Result<std::vector<Demand>> read_demands(std::string_view line) {
  try {
    std::vector<Demand> all;
    const json::value value = parsed(line);
    for (const auto& one : value.as_array()) all.push_back(demand(one.as_object()));
    return all;
  } catch (const std::exception& e) {
    return malformed(e);
  }
}

std::string offered_line(const Offered& offered) {
  json::array events;
  for (const auto& one : offered.events) events.emplace_back(written(one));
  json::array placements;
  for (const auto& one : offered.placements) placements.emplace_back(written(one));
  json::object out;
  out["events"] = std::move(events);
  out["takes_offers"] = offered.takes_offers;
  out["placements"] = std::move(placements);
  return json::serialize(out);
}

Result<Offered> read_offered(std::string_view line) {
  try {
    const json::value value = parsed(line);
    const json::object& in = value.as_object();
    Offered offered;
    for (const auto& one : in.at("events").as_array()) offered.events.push_back(event(one.as_object()));
    offered.takes_offers = in.at("takes_offers").as_bool();
    for (const auto& one : in.at("placements").as_array()) {
      const auto& placement = one.as_object();
      offered.placements.push_back({placement.at("folds").as_bool(),
                                    placement.at("predicates").to_number<std::uint64_t>(),
                                    text(placement.at("reason"))});
    }
    return offered;
  } catch (const std::exception& e) {
    return malformed(e);
  }
}

}  // namespace sentinel::runtime
