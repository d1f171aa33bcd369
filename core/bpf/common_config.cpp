#include "sentinel/bpf/common_config.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <sentinel/error.hpp>

namespace sentinel::bpf {
namespace {

[[noreturn]] void refuse(std::string message) {
  throw PluginError({Errc::invalid_argument, std::move(message)});
}

std::uint64_t cgroup_id(std::string_view key, const std::string& text) {
  std::uint64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error == std::errc() && end == text.data() + text.size()) return id;
  for (const char* mount : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"}) {
    if (access((std::string(mount) + "/cgroup.controllers").c_str(), F_OK) != 0) continue;
    struct stat found = {};
    if (stat((mount + (text.starts_with('/') ? text : '/' + text)).c_str(), &found) == 0) return found.st_ino;
  }
  refuse("`" + std::string(key) + "`: there is no cgroup '" + text + "' (of version 2)");
}

}  // namespace

FunnelOptions common_options(const Config& config) {
  FunnelOptions options;
  options.hooks = config.string("hooks");
  const auto ring = config.bytes("ring");
  const auto page = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  if ((ring & (ring - 1)) != 0 || ring < page) {
    refuse("`ring` must be a power of two and at least a page, " + std::to_string(page) + " bytes");
  }
  options.ring_bytes = static_cast<std::uint32_t>(ring);
  options.period_ns = static_cast<std::uint64_t>(config.duration("period").count());
  const auto stacks = config.string("stacks");
  options.stacks = stacks == "none" ? FUNNEL_STACK_NONE : stacks == "each" ? FUNNEL_STACK_EACH : FUNNEL_STACK_SOME;
  return options;
}

double budget_of(const Config& config) {
  if (!config.has("budget")) return 0;
  const auto text = config.string("budget");
  if (text.empty()) return 0;
  double percent = 0;
  const char* last = text.data() + text.size() - 1;
  const auto [end, error] = std::from_chars(text.data(), last, percent);
  if (text.back() != '%' || error != std::errc() || end != last || !(percent > 0)) {
    refuse("`budget` is a share of one core, such as 1% or 0.5%, not '" + text + "'");
  }
  return percent / 100;
}

std::vector<std::int64_t> integers_of(const Config& config, std::string_view key) {
  return config.has(key) ? config.integers(key) : std::vector<std::int64_t>();
}

std::vector<std::string> strings_of(const Config& config, std::string_view key) {
  return config.has(key) ? config.strings(key) : std::vector<std::string>();
}

funnel_predicate& FilterBuilder::add(std::string_view key, std::size_t values, std::uint32_t field,
                                     std::uint32_t other) {
  if (values > FUNNEL_RANGES) {
    refuse("`" + std::string(key) + "` takes at most " + std::to_string(FUNNEL_RANGES) + " values");
  }
  if (filter_.count == FUNNEL_PREDICATES) refuse("too many filters for one collector");
  funnel_predicate& made = filter_.predicates[filter_.count++];
  made = {field, other, 0, static_cast<funnel_u32>(values), {}};
  return made;
}

void FilterBuilder::numbers(std::string_view key, const std::vector<std::int64_t>& values, std::uint32_t field,
                            std::uint32_t other) {
  if (values.empty()) return;
  funnel_predicate& made = add(key, values.size(), field, other);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] < 0) refuse("`" + std::string(key) + "` takes no negative number");
    made.ranges[i] = only({0, static_cast<std::uint64_t>(values[i])});
  }
}

void FilterBuilder::prefixes(std::string_view key, const std::vector<std::string>& values, std::uint32_t field,
                             std::uint32_t other) {
  if (values.empty()) return;
  funnel_predicate& made = add(key, values.size(), field, other);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto range = parse_prefix(values[i]);
    if (!range) throw PluginError(range.error().in("`" + std::string(key) + "`"));
    made.ranges[i] = *range;
  }
}

void FilterBuilder::texts(std::string_view key, const std::vector<std::string>& values, const Field& field,
                          std::uint32_t other) {
  if (values.empty()) return;
  funnel_predicate& made = add(key, values.size(), field.index, other);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto value = parse_value(field, values[i]);
    if (!value) {
      std::string allowed;
      for (const auto name : field.names) {
        if (!name.empty()) allowed += (allowed.empty() ? "" : ", ") + std::string(name);
      }
      refuse("`" + std::string(key) + "`: '" + values[i] + "' is none of its values" +
             (allowed.empty() ? "; a comm has at most 15 bytes" : ": " + allowed));
    }
    made.ranges[i] = only(*value);
  }
}

void FilterBuilder::cgroups(std::string_view key, const std::vector<std::string>& values, std::uint32_t field) {
  if (values.empty()) return;
  funnel_predicate& made = add(key, values.size(), field, FUNNEL_NO_FIELD);
  for (std::size_t i = 0; i < values.size(); ++i) made.ranges[i] = only({0, cgroup_id(key, values[i])});
}

}  // namespace sentinel::bpf
