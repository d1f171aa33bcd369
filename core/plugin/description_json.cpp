#include "core/plugin/description_json.hpp"

#include <sentinel/abi.h>

#include <boost/json.hpp>

#include <cmath>
#include <exception>

#include "core/plugin/text.hpp"

namespace sentinel::plugin {

namespace json = boost::json;

namespace {

json::array strings(const std::vector<std::string>& all) {
  json::array out;
  for (const auto& one : all) out.emplace_back(one);
  return out;
}

std::vector<std::string> strings(const json::value& all) {
  std::vector<std::string> out;
  for (const auto& one : all.as_array()) out.emplace_back(one.as_string());
  return out;
}

std::uint32_t number(const json::value& value) {
  return value.to_number<std::uint32_t>();
}
std::string text(const json::value& value) {
  return std::string(value.as_string());
}

json::object field(const config::FieldSpec& spec) {
  json::object out = {{"name", spec.name},
                      {"type", static_cast<std::uint32_t>(spec.type)},
                      {"help", spec.help},
                      {"choices", strings(spec.choices)},
                      {"required", spec.required}};
  if (spec.by_default) out["default"] = *spec.by_default;
  // JSON has no infinity: a bound that is none is absent.
  if (std::isfinite(spec.minimum)) out["minimum"] = spec.minimum;
  if (std::isfinite(spec.maximum)) out["maximum"] = spec.maximum;
  return out;
}

config::FieldSpec field(const json::object& in) {
  config::FieldSpec spec;
  spec.name = text(in.at("name"));
  spec.type = static_cast<FieldType>(number(in.at("type")));
  spec.help = text(in.at("help"));
  spec.choices = strings(in.at("choices"));
  spec.required = in.at("required").as_bool();
  if (const auto* found = in.if_contains("default")) spec.by_default = text(*found);
  if (const auto* found = in.if_contains("minimum")) spec.minimum = found->to_number<double>();
  if (const auto* found = in.if_contains("maximum")) spec.maximum = found->to_number<double>();
  return spec;
}

json::object metric(const DeclaredMetric& declared) {
  json::array bounds;
  for (const double bound : declared.bounds) bounds.emplace_back(bound);
  return {{"kind", declared.kind},
          {"name", declared.name},
          {"help", declared.help},
          {"unit", declared.unit},
          {"label_keys", strings(declared.label_keys)},
          {"bounds", bounds}};
}

DeclaredMetric metric(const json::object& in) {
  DeclaredMetric declared{number(in.at("kind")), text(in.at("name")),          text(in.at("help")),
                          text(in.at("unit")),   strings(in.at("label_keys")), {}};
  for (const auto& bound : in.at("bounds").as_array()) declared.bounds.push_back(bound.to_number<double>());
  return declared;
}

/// Parses a line and lets `read` take it apart; whatever is missing or of another type makes the line malformed.
template <class Read>
Result<void> read_line(std::string_view line, Read&& read) {
  try {
    const json::value parsed = json::parse(json::string_view(line.data(), line.size()));
    const json::object& object = parsed.as_object();
    if (const auto* error = object.if_contains("error")) {
      const int code = error->as_object().at("code").to_number<int>();
      const bool known = code >= SENTINEL_FAILED && code <= SENTINEL_EXHAUSTED;
      return Error{known ? static_cast<Errc>(code) : Errc::failed, text(error->as_object().at("message"))};
    }
    read(object);
    return {};
  } catch (const std::exception& e) {
    return Error{Errc::failed, std::string("the child process answered with malformed JSON: ") + e.what()};
  }
}

}  // namespace

std::string error_line(const Error& error) {
  return json::serialize(
      json::object{{"error", {{"code", static_cast<int>(error.code)}, {"message", clean_text(error.message)}}}});
}

std::string descriptor_line(const Description& description) {
  json::array fields;
  for (const auto& spec : description.fields) fields.push_back(field(spec));
  return json::serialize(json::object{{"name", description.name},
                                      {"version", description.version},
                                      {"licence", description.licence},
                                      {"summary", description.summary},
                                      {"kind", description.kind},
                                      {"threading", description.threading},
                                      {"abi_major", description.abi_major},
                                      {"abi_minor", description.abi_minor},
                                      {"fields", fields},
                                      {"capabilities", strings(description.capabilities)},
                                      {"collects", description.collects},
                                      {"consumes", description.consumes},
                                      {"renders", description.renders},
                                      {"takes_alerts", description.takes_alerts},
                                      {"sha256", description.sha256},
                                      {"size", description.size}});
}

Result<void> read_descriptor_line(std::string_view line, Description& description) {
  return read_line(line, [&](const json::object& in) {
    description.name = text(in.at("name"));
    description.version = text(in.at("version"));
    description.licence = text(in.at("licence"));
    description.summary = text(in.at("summary"));
    description.kind = number(in.at("kind"));
    description.threading = number(in.at("threading"));
    description.abi_major = number(in.at("abi_major"));
    description.abi_minor = number(in.at("abi_minor"));
    for (const auto& one : in.at("fields").as_array()) description.fields.push_back(field(one.as_object()));
    description.capabilities = strings(in.at("capabilities"));
    description.collects = in.at("collects").as_bool();
    description.consumes = in.at("consumes").as_bool();
    description.renders = in.at("renders").as_bool();
    description.takes_alerts = in.at("takes_alerts").as_bool();
    description.sha256 = text(in.at("sha256"));
    description.size = in.at("size").to_number<std::uint64_t>();
  });
}

std::string instance_line(const Description& description) {
  json::array metrics;
  for (const auto& declared : description.metrics) metrics.push_back(metric(declared));
  return json::serialize(json::object{{"metrics", metrics},
                                      {"routes", strings(description.routes)},
                                      {"has_state", description.has_state},
                                      {"has_details", description.has_details},
                                      {"not_created", description.not_created}});
}

Result<void> read_instance_line(std::string_view line, Description& description) {
  return read_line(line, [&](const json::object& in) {
    for (const auto& one : in.at("metrics").as_array()) description.metrics.push_back(metric(one.as_object()));
    description.routes = strings(in.at("routes"));
    description.has_state = in.at("has_state").as_bool();
    description.has_details = in.at("has_details").as_bool();
    description.not_created = text(in.at("not_created"));
  });
}

std::string unload_line(const Description& description) {
  return json::serialize(json::object{{"not_unloaded", description.not_unloaded}});
}

Result<void> read_unload_line(std::string_view line, Description& description) {
  return read_line(line, [&](const json::object& in) { description.not_unloaded = text(in.at("not_unloaded")); });
}

Result<void> read_error_line(std::string_view line) {
  return read_line(line, [](const json::object&) {});
}

}  // namespace sentinel::plugin
