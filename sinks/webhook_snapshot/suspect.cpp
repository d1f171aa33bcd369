#include "sinks/webhook_snapshot/suspect.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <sentinel/procfs/cgroup.hpp>
#include <sentinel/procfs/container.hpp>
#include <sentinel/procfs/pid_limits.hpp>

#include "sinks/webhook_snapshot/items.hpp"
#include "sinks/webhook_snapshot/text.hpp"

namespace snapshot {
namespace {

using sentinel::Errc;
using sentinel::procfs::Cgroup;
using sentinel::procfs::Limit;
using sentinel::procfs::Root;

const std::vector<const char*> unified_files = {
    "memory.current", "memory.max", "memory.high",  "memory.swap.current", "memory.events", "memory.pressure",
    "cpu.max",        "cpu.stat",   "cpu.pressure", "pids.current",        "pids.max",      "io.pressure"};
const std::vector<const char*> memory_files = {"memory.usage_in_bytes", "memory.limit_in_bytes",
                                               "memory.max_usage_in_bytes", "memory.failcnt", "memory.oom_control"};
const std::vector<const char*> cpu_files = {"cpu.cfs_quota_us", "cpu.cfs_period_us", "cpu.stat"};
const std::vector<const char*> pids_files = {"pids.current", "pids.max"};

std::string_view first_line(std::string_view text) {
  return text.substr(0, std::min(text.find('\n'), text.size()));
}

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  return begin == std::string_view::npos ? std::string_view() : text.substr(begin);
}

std::optional<std::uint64_t> number_of(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end == text.data()) return std::nullopt;
  return number;
}

/// "oom_kill 3" of a flat-keyed file.
std::optional<std::uint64_t> keyed(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    const auto line = first_line(text);
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line.starts_with(key) && line.size() > key.size() && line[key.size()] == ' ')
      return number_of(line.substr(key.size() + 1));
  }
  return std::nullopt;
}

std::string limit_text(std::uint64_t value) {
  return value == Limit::unlimited ? "unlimited" : std::to_string(value);
}

}  // namespace

Suspect SuspectReader::read(std::int32_t pid, const Scene& scene, Draft& draft, std::vector<Item>& items) {
  Suspect suspect;
  suspect.pid = pid;
  for (const auto& culprit : scene.culprits) {
    if (culprit.pid == pid) suspect.role = culprit.why;
    if (culprit.pid == pid) suspect.name = culprit.name;
  }
  const auto* process = scene.processes->find(pid);
  // The pid of an event may be another's by now.
  const auto& context = scene.alert->context;
  if (process != nullptr && context && static_cast<std::int32_t>(context->pid) == pid && context->start_time_ns != 0) {
    const auto tick_ns = 1'000'000'000 / scene.processes->ticks_a_second();
    const auto started_ns = process->start_ticks * tick_ns;
    const auto apart =
        started_ns > context->start_time_ns ? started_ns - context->start_time_ns : context->start_time_ns - started_ns;
    if (apart > 2 * tick_ns) {
      suspect.gone = "it had ended when the snapshot was taken; its pid is another process' now";
      return suspect;
    }
  }
  if (process == nullptr) {
    suspect.gone = "it had ended when the snapshot was taken";
    return suspect;
  }
  suspect.folder = "evidence/" + std::to_string(pid) + "-" + path_part(process->name());
  const auto started =
      static_cast<double>(process->start_ticks) / static_cast<double>(scene.processes->ticks_a_second());
  const auto age = static_cast<double>(scene.boot_ns) / 1e9 - started;
  suspect.facts.emplace_back("running for", human_seconds(std::max(age, 0.0)));
  if (scene.processes->seconds_between() > 0) {
    suspect.facts.emplace_back("CPU", percent(scene.processes->cpus(*process), 1) + " of one CPU now, " +
                                          human_seconds(static_cast<double>(process->ticks) /
                                                        static_cast<double>(scene.processes->ticks_a_second())) +
                                          " since its start");
  }
  for (const auto* file : {"status", "limits", "stack", "oom_score", "oom_score_adj", "wchan", "io"}) {
    read_file(suspect, file, draft, items);
  }
  read_cgroup(suspect, draft, items);
  struct stat status {};
  const auto fd = std::to_string(pid) + "/fd";
  // Since Linux 6.2 the size of the directory is the number of descriptors.
  if (::fstatat(root_.fd(), fd.c_str(), &status, 0) == 0 && status.st_size > 0)
    suspect.open_fds = static_cast<std::uint64_t>(status.st_size);
  return suspect;
}

void SuspectReader::read_file(Suspect& suspect, const char* file, Draft& draft, std::vector<Item>& items) {
  const auto path = std::to_string(suspect.pid) + "/" + file;
  take_item(items, std::string(file) + " of " + std::to_string(suspect.pid), suspect.folder + "/" + file,
            [&](Item& item) -> sentinel::Result<std::uint64_t> {
              const auto text = root_.read(path, buffer_);
              if (!text) return text.error();
              const std::string_view name(file);
              if (name == "status") take_status(suspect, *text);
              if (name == "stack") suspect.stack = text->substr(0, 4096);
              if (name.starts_with("oom_score")) suspect.facts.emplace_back(name, clean(first_line(*text), 64));
              if (name == "wchan" && *text != "0" && !text->empty())
                suspect.facts.emplace_back("waits in", clean(first_line(*text), 128));
              if (name == "limits") {
                if (const auto limit = sentinel::procfs::parse_open_files_limit(*text)) {
                  suspect.facts.emplace_back("descriptor limit",
                                             limit_text(limit->soft) + " soft, " + limit_text(limit->hard) + " hard");
                }
              }
              return write_item(draft, item, *text);
            });
}

void SuspectReader::take_status(Suspect& suspect, std::string_view text) {
  for (auto rest = text; !rest.empty();) {
    const auto line = first_line(rest);
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    const auto key = line.substr(0, colon);
    const auto value = trimmed(line.substr(colon + 1));
    if (key == "State") suspect.facts.emplace_back("state", clean(value, 64));
    if (key == "Uid") suspect.facts.emplace_back("uid", std::to_string(number_of(value).value_or(0)));
    if (key == "Threads") suspect.facts.emplace_back("threads", clean(value, 32));
    for (const auto& [field, name] : {std::pair<std::string_view, const char*>{"VmRSS", "resident"},
                                      {"RssAnon", "of it anonymous"},
                                      {"RssShmem", "of it shared memory"},
                                      {"VmHWM", "greatest resident"},
                                      {"VmSwap", "swapped out"}}) {
      const auto kib = number_of(value);
      if (key == field && kib && *kib > 0) suspect.facts.emplace_back(name, human_bytes(*kib * 1024));
    }
  }
}

void SuspectReader::read_cgroup(Suspect& suspect, Draft& draft, std::vector<Item>& items) {
  std::string evidence;
  take_item(items, "cgroup of " + std::to_string(suspect.pid), suspect.folder + "/cgroup",
            [&](Item& item) -> sentinel::Result<std::uint64_t> {
              const auto text = root_.read(std::to_string(suspect.pid) + "/cgroup", buffer_);
              if (!text) return text.error();
              const std::string whole(*text);
              std::vector<Cgroup> groups;
              if (const auto parsed = sentinel::procfs::parse_cgroup(whole, groups); !parsed) return parsed.error();
              evidence = whole;
              for (const auto& group : groups) {
                if (group.path.find("/..") != std::string_view::npos)
                  continue;  // of another cgroup namespace: not to be seen from here
                const std::string path(group.path == "/" ? std::string_view() : group.path);
                if (group.hierarchy == 0) {
                  // On a machine with both versions the unified hierarchy has a directory of its own.
                  for (const auto* mount : {"", "/unified"})
                    evidence += controller_files(cgroupfs_ + mount + path, unified_files, suspect);
                }
                if (group.has("memory"))
                  evidence += controller_files(cgroupfs_ + "/memory" + path, memory_files, suspect);
                if (group.has("cpu")) evidence += controller_files(cgroupfs_ + "/cpu" + path, cpu_files, suspect);
                if (group.has("pids")) evidence += controller_files(cgroupfs_ + "/pids" + path, pids_files, suspect);
                const bool telling = group.hierarchy == 0 || group.has("memory");
                if (telling && (suspect.cgroup.empty() || suspect.cgroup == "/"))
                  suspect.cgroup = clean(group.path, 300);
              }
              suspect.container = clean(sentinel::procfs::container_of(groups).id, 128);
              return write_item(draft, item, evidence);
            });
}

std::string SuspectReader::controller_files(const std::string& folder, const std::vector<const char*>& files,
                                            Suspect& suspect) {
  const auto group = Root::open(folder);
  if (!group) return {};
  std::string evidence;
  for (const auto* file : files) {
    const auto text = group->read(file, buffer_);
    if (!text) continue;
    evidence.append("\n== ").append(folder).append("/").append(file).append("\n").append(*text);
    take_cgroup_value(suspect, file, *text);
  }
  return evidence;
}

void SuspectReader::take_cgroup_value(Suspect& suspect, std::string_view file, std::string_view text) {
  const auto value = number_of(text);
  const auto add = [&](std::string name, std::string shown) {
    suspect.facts.emplace_back(std::move(name), std::move(shown));
  };
  // Version 1 writes a limit that is none as a number close to 2^63.
  constexpr std::uint64_t no_limit = std::uint64_t{1} << 60U;
  if (file == "memory.current" || file == "memory.usage_in_bytes") {
    if (value) add("cgroup's memory", human_bytes(*value));
  } else if (file == "memory.max" || file == "memory.limit_in_bytes") {
    if (value && *value < no_limit) add("cgroup's memory limit", human_bytes(*value));
  } else if (file == "memory.failcnt") {
    if (value && *value > 0) add("cgroup hit its memory limit", std::to_string(*value) + " times");
  } else if (file == "memory.events" || file == "memory.oom_control") {
    if (const auto kills = keyed(text, "oom_kill"); kills && *kills > 0)
      add("OOM kills in the cgroup", std::to_string(*kills));
    if (const auto hits = keyed(text, "max"); hits && *hits > 0)
      add("cgroup hit its memory limit", std::to_string(*hits) + " times");
  } else if (file == "cpu.max") {
    if (value) add("cgroup's CPU limit", clean(first_line(text), 64) + " (µs of a period)");
  } else if (file == "cpu.cfs_quota_us") {
    if (value) add("cgroup's CPU quota", std::to_string(*value) + " µs a period");
  } else if (file == "cpu.stat") {
    if (const auto throttled = keyed(text, "nr_throttled"); throttled && *throttled > 0)
      add("cgroup was throttled", std::to_string(*throttled) + " times");
  } else if (file == "pids.max") {
    if (value) add("cgroup's limit of processes", std::to_string(*value));
  }
}

}  // namespace snapshot
