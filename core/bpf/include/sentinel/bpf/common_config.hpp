#pragma once

#include <sentinel/bpf/fields.hpp>
#include <sentinel/bpf/funnel.hpp>
#include <sentinel/config.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace sentinel::bpf {

/// Keys that the `config:` of every eBPF collector has, to stand in its schema.
inline constexpr sentinel::Field hooks_field = {
    .name = "hooks",
    .by_default = "auto",
    .help = "how to get at the kernel's events; auto takes the first that this kernel loads and attaches",
    .choices = "auto,tp_btf,fentry,raw_tp,tracepoint,kprobe"};
inline constexpr sentinel::Field ring_field = {.name = "ring",
                                               .type = FieldType::bytes,
                                               .by_default = "512KiB",
                                               .help = "room for events on their way; a power of two",
                                               .minimum = 4096,
                                               .maximum = 67108864};
inline constexpr sentinel::Field period_field = {.name = "period",
                                                 .type = FieldType::duration,
                                                 .by_default = "100ms",
                                                 .help = "events wait no longer than this, if anybody wants them",
                                                 .minimum = 0.01,
                                                 .maximum = 60};
inline constexpr sentinel::Field stacks_field = {
    .name = "stacks",
    .by_default = "some",
    .help = "which events carry the kernel's stack; some: those for an alert's context, and one each 10 ms and CPU",
    .choices = "none,some,each"};
inline constexpr sentinel::Field budget_field = {
    .name = "budget",
    .by_default = "",
    .help = "most of one core that it may take, as 1%; above it, it leaves out more and more. Empty: no limit"};

/// The options of those keys. Throws PluginError.
FunnelOptions common_options(const Config& config);
/// `budget` as a share of one core: 0.01 of "1%"; 0 when it is empty. Throws PluginError.
double budget_of(const Config& config);

/// A list, empty when it is not given.
std::vector<std::int64_t> integers_of(const Config& config, std::string_view key);
std::vector<std::string> strings_of(const Config& config, std::string_view key);

/// Builds a collector's own filter, a predicate a key; an empty list adds none. Each throws PluginError.
class FilterBuilder {
 public:
  /// `other`: a field that may match instead.
  void numbers(std::string_view key, const std::vector<std::int64_t>& values, std::uint32_t field,
               std::uint32_t other = FUNNEL_NO_FIELD);
  void prefixes(std::string_view key, const std::vector<std::string>& values, std::uint32_t field,
                std::uint32_t other = FUNNEL_NO_FIELD);
  void texts(std::string_view key, const std::vector<std::string>& values, const Field& field,
             std::uint32_t other = FUNNEL_NO_FIELD);
  /// Ids, or paths beneath the mount of cgroup v2 such as /system.slice/ssh.service.
  void cgroups(std::string_view key, const std::vector<std::string>& values, std::uint32_t field);

  [[nodiscard]] const funnel_filter& filter() const { return filter_; }

 private:
  funnel_predicate& add(std::string_view key, std::size_t values, std::uint32_t field, std::uint32_t other);
  funnel_filter filter_ = {};
};

}  // namespace sentinel::bpf
