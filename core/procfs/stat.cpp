#include "sentinel/procfs/stat.hpp"

#include <optional>

#include "core/procfs/scan.hpp"

namespace sentinel::procfs {
namespace {

constexpr std::string_view file = "stat";
constexpr std::size_t fewest_modes = 4;
constexpr std::uint64_t highest_cpu = 65535;

bool take_times(std::string_view rest, CpuTimes& times) {
  times = {};
  for (skip_blanks(rest); !rest.empty() && times.modes < cpu_mode_count; skip_blanks(rest)) {
    if (!take_u64(rest, times.jiffies[times.modes])) return false;
    ++times.modes;
  }
  return times.modes >= fewest_modes;
}

struct Counter {
  std::string_view name;
  std::uint64_t Stat::*value;
};

constexpr Counter counters[] = {
    {"ctxt", &Stat::context_switches},       {"btime", &Stat::boot_time_seconds},     {"processes", &Stat::forks},
    {"procs_running", &Stat::procs_running}, {"procs_blocked", &Stat::procs_blocked},
};

}  // namespace

Result<void> parse_stat(std::string_view text, Stat& out) {
  out.cpus.clear();
  bool has_total = false;
  bool has_counter[std::size(counters)] = {};
  std::string_view line;
  while (take_line(text, line)) {
    std::string_view rest = line;
    std::string_view name;
    if (!take_word(rest, name)) continue;
    if (name == "cpu") {
      if (has_total || !take_times(rest, out.total)) return malformed(file, "one line cpu with 4 counts or more", line);
      has_total = true;
    } else if (name.starts_with("cpu")) {
      name.remove_prefix(3);
      std::uint64_t number = 0;
      CpuStat cpu;
      if (!take_u64(name, number) || number > highest_cpu || !take_times(rest, cpu.times) ||
          (!out.cpus.empty() && out.cpus.back().cpu >= number)) {
        return malformed(file, "ascending lines cpuN with 4 counts or more", line);
      }
      cpu.cpu = static_cast<std::uint32_t>(number);
      out.cpus.push_back(cpu);
    } else {
      for (std::size_t i = 0; i < std::size(counters); ++i) {
        if (name != counters[i].name) continue;
        if (has_counter[i] || !take_u64(rest, out.*counters[i].value)) {
          return malformed(file, "one such line with a count", line);
        }
        has_counter[i] = true;
      }
    }
  }
  if (!text.empty()) return cut(file, text);
  if (!has_total) return missing(file, "cpu");
  for (std::size_t i = 0; i < std::size(counters); ++i) {
    if (!has_counter[i]) return missing(file, counters[i].name);
  }
  return {};
}

Result<double> cpu_usage_ratio(const CpuTimes& before, const CpuTimes& after) {
  // guest and guest_nice are left out: user and nice hold them already.
  constexpr auto last = static_cast<std::size_t>(CpuMode::steal);
  double all = 0;
  double idle = 0;
  for (std::size_t i = 0; i <= last; ++i) {
    if (after.jiffies[i] <= before.jiffies[i]) continue;
    const auto passed = static_cast<double>(after.jiffies[i] - before.jiffies[i]);
    all += passed;
    const auto mode = static_cast<CpuMode>(i);
    if (mode == CpuMode::idle || mode == CpuMode::iowait) idle += passed;
  }
  if (all <= 0) return Error{Errc::no_data, "stat: no CPU time passed between two readings; wait for the next one"};
  return (all - idle) / all;
}

}  // namespace sentinel::procfs
