#include "core/runtime/probe_task.hpp"

#include <unistd.h>

#include <array>
#include <bit>
#include <boost/json.hpp>
#include <cerrno>
#include <cstdint>
#include <exception>
#include <utility>

namespace sentinel::runtime {

namespace json = boost::json;

namespace {

std::string text(const json::value& value) {
  return std::string(value.as_string());
}

template <class Labels>
json::object labels(const Labels& all) {
  json::object out;
  for (const auto& [name, value] : all) out[name] = value;
  return out;
}

template <class Labels>
void read_labels(const json::value& in, Labels& out) {
  for (const auto& one : in.as_object()) out.emplace(std::string(one.key()), text(one.value()));
}

json::object value(const config::ResolvedValue& of) {
  json::array strings;
  for (const auto& one : of.strings) strings.emplace_back(one);
  json::array integers;
  for (const auto one : of.integers) integers.emplace_back(one);
  // The number as its bits: decimal digits read back may differ in the last one.
  return {{"name", of.name},
          {"type", static_cast<std::uint32_t>(of.type)},
          {"text", of.text},
          {"integer", of.integer},
          {"number_bits", std::bit_cast<std::uint64_t>(of.number)},
          {"strings", std::move(strings)},
          {"integers", std::move(integers)},
          {"by_default", of.by_default}};
}

config::ResolvedValue value(const json::object& in) {
  config::ResolvedValue out;
  out.name = text(in.at("name"));
  out.type = static_cast<FieldType>(in.at("type").to_number<std::uint32_t>());
  out.text = text(in.at("text"));
  out.integer = in.at("integer").to_number<std::int64_t>();
  out.number = std::bit_cast<double>(in.at("number_bits").to_number<std::uint64_t>());
  for (const auto& one : in.at("strings").as_array()) out.strings.push_back(text(one));
  for (const auto& one : in.at("integers").as_array()) out.integers.push_back(one.to_number<std::int64_t>());
  out.by_default = in.at("by_default").as_bool();
  return out;
}

ProbeTask task(const json::object& in) {
  ProbeTask out;
  InstanceSpec& spec = out.spec;
  spec.name = text(in.at("name"));
  spec.kind = in.at("sink").as_bool() ? Kind::sink : Kind::collector;
  spec.file = text(in.at("file"));
  spec.sha256 = text(in.at("sha256"));
  spec.every = std::chrono::nanoseconds(in.at("every_ns").to_number<std::int64_t>());
  read_labels(in.at("labels"), spec.labels);
  spec.series_limit = in.at("series_limit").to_number<std::size_t>();
  for (const auto& one : in.at("config").as_array()) spec.config.push_back(value(one.as_object()));
  read_labels(in.at("agent_labels"), out.agent_labels);
  return out;
}

}  // namespace

std::string task_text(const ProbeTask& task) {
  const InstanceSpec& spec = task.spec;
  json::array config;
  for (const auto& one : spec.config) config.push_back(value(one));
  return json::serialize(json::object{{"name", spec.name},
                                      {"sink", spec.kind == Kind::sink},
                                      {"file", spec.file.string()},
                                      {"sha256", spec.sha256},
                                      {"every_ns", spec.every.count()},
                                      {"labels", labels(spec.labels)},
                                      {"series_limit", spec.series_limit},
                                      {"config", std::move(config)},
                                      {"agent_labels", labels(task.agent_labels)}});
}

Result<ProbeTask> read_task(std::string_view text) {
  json::parse_options options;
  // A path, or a value that came from the environment, is whatever bytes it is.
  options.allow_invalid_utf8 = true;
  try {
    return task(json::parse(json::string_view(text.data(), text.size()), {}, options).as_object());
  } catch (const std::exception&) {
    // Without what is wrong with it: that may quote a secret.
    return Error{Errc::failed, "the probing process was given no task"};
  }
}

std::string read_input() {
  std::string text;
  std::array<char, 16384> block;
  for (;;) {
    const ssize_t got = ::read(STDIN_FILENO, block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return text;
    text.append(block.data(), static_cast<std::size_t>(got));
  }
}

}  // namespace sentinel::runtime
