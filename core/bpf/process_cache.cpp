#include "sentinel/bpf/process_cache.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <sentinel/text.hpp>
#include <utility>

namespace sentinel::bpf {
namespace {

constexpr std::uint64_t ns_per_second = 1'000'000'000;
constexpr std::size_t largest_file_bytes = std::size_t{1} << 20;

std::uint64_t this_machines_ticks() {
  const long ticks = ::sysconf(_SC_CLK_TCK);
  return ticks > 0 ? static_cast<std::uint64_t>(ticks) : 100;
}

/// The path that tells most: where a machine has both versions, a process is often in the root of one of them.
std::string_view telling_path(const std::vector<procfs::Cgroup>& groups) {
  std::string_view best;
  int best_rank = -1;
  for (const auto& group : groups) {
    const int place = group.hierarchy == 0 ? 2 : group.has("name=systemd") ? 1 : 0;
    const int rank = place + (group.path == "/" ? 0 : 3);
    if (rank <= best_rank) continue;
    best = group.path;
    best_rank = rank;
  }
  return best;
}

void clear(Process& process) {
  process.pid = process.ppid = 0;
  process.container.runtime = procfs::ContainerRuntime::unknown;
  for (auto* text : {&process.comm, &process.parent_comm, &process.exe, &process.cgroup, &process.container.id,
                     &process.container.pod_uid, &process.pod_namespace, &process.pod_name, &process.container_name}) {
    text->clear();
  }
}

}  // namespace

std::size_t ProcessCache::KeyHash::operator()(const Key& key) const noexcept {
  // Pids and ticks are small and dense: spread them over all bits.
  const auto mixed = (key.start_ticks << 22 ^ static_cast<std::uint32_t>(key.pid)) * 0x9e3779b97f4a7c15U;
  return static_cast<std::size_t>(mixed ^ mixed >> 32);
}

Result<ProcessCache> ProcessCache::open(const Sources& sources, std::size_t capacity) {
  auto proc = procfs::Root::open(sources.proc);
  if (!proc) return proc.error();
  const auto ticks = sources.ticks_per_second > 0 ? sources.ticks_per_second : this_machines_ticks();
  return ProcessCache(std::move(*proc), sources, std::max<std::uint64_t>(ns_per_second / ticks, 1),
                      std::max<std::size_t>(capacity, 1));
}

ProcessCache::ProcessCache(procfs::Root proc, const Sources& sources, std::uint64_t ns_per_tick, std::size_t capacity)
    : proc_(std::move(proc)),
      cgroups_(sources.cgroupfs),
      pods_(sources.logs),
      ns_per_tick_(ns_per_tick),
      capacity_(capacity),
      buffer_(largest_file_bytes) {}

void ProcessCache::note(const ProcessNote& note) {
  if (note.pid <= 0) return;
  const auto key = key_of(note.pid, note.start_ns);
  auto* entry = known(key);
  if (entry == nullptr) entry = &add(key);
  auto& process = entry->process;
  if (note.exec) {
    process.exe.clear();
    entry->read = false;
  }
  if (note.ppid > 0) process.ppid = note.ppid;
  if (note.cgroup_id != 0) entry->cgroup_id = note.cgroup_id;
  if (!note.comm.empty() && note.comm != process.comm) {
    auto before = std::exchange(process.comm, {});
    assign_clean(process.comm, note.comm);
    // An exec that nobody told of mostly shows in the name.
    if (process.comm != before) entry->read = false;
  }
  if (!note.parent_comm.empty() && note.parent_comm != process.parent_comm) {
    assign_clean(process.parent_comm, note.parent_comm);
  }
  if (!note.exe.empty()) assign_clean(process.exe, note.exe);
}

const Process* ProcessCache::find(std::int32_t pid, std::uint64_t start_ns, std::uint64_t now_ns) {
  if (pid <= 0) return nullptr;
  const auto key = key_of(pid, start_ns);
  auto* entry = known(key);
  if (entry == nullptr || !entry->read) entry = read_living(key, entry);
  if (entry == nullptr) return nullptr;
  complete(*entry, now_ns);
  return &entry->process;
}

ProcessCache::Key ProcessCache::key_of(std::int32_t pid, std::uint64_t start_ns) const noexcept {
  return {pid, start_ns / ns_per_tick_};
}

ProcessCache::Entry* ProcessCache::known(const Key& key) {
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return nullptr;
  by_use_.splice(by_use_.begin(), by_use_, found->second);
  return &by_use_.front();
}

ProcessCache::Entry& ProcessCache::add(const Key& key) {
  if (by_use_.size() < capacity_) {
    by_use_.emplace_front();
  } else {
    // The oldest's memory serves the newest.
    by_key_.erase(by_use_.back().key);
    by_use_.splice(by_use_.begin(), by_use_, std::prev(by_use_.end()));
    clear(by_use_.front().process);
    ++evicted_;
  }
  auto& entry = by_use_.front();
  entry.key = key;
  entry.process.pid = key.pid;
  entry.cgroup_id = 0;
  entry.read = false;
  by_key_.emplace(key, by_use_.begin());
  return entry;
}

std::optional<procfs::PidStat> ProcessCache::read_stat(const procfs::Root& process) {
  const auto text = process.read("stat", buffer_);
  procfs::PidStat stat;
  if (!text || !procfs::try_parse_pid_stat(*text, stat)) return std::nullopt;
  return stat;
}

/// Reads what /proc has of a process if it is alive. Its directory is opened once, so that all comes from the one
/// process: another that gets its pid meanwhile has another directory.
ProcessCache::Entry* ProcessCache::read_living(const Key& key, Entry* entry) {
  const auto directory = procfs::Root::open(proc_.full_path(std::to_string(key.pid)));
  const auto stat = directory ? read_stat(*directory) : std::nullopt;
  const bool alive = stat && stat->start_time_ticks == key.start_ticks;
  if (alive && entry == nullptr) entry = &add(key);
  if (entry == nullptr) return nullptr;
  entry->read = true;
  if (!alive) return entry;
  auto& process = entry->process;
  // What an event told is of its moment: a parent may have died since, and init taken over.
  if (process.comm.empty()) assign_clean(process.comm, stat->comm);
  if (process.ppid == 0) process.ppid = stat->ppid;
  read_exe(*directory, process);
  read_cgroup(*directory, process);
  if (process.parent_comm.empty()) read_parent(key, process);
  return entry;
}

void ProcessCache::read_parent(const Key& key, Process& process) {
  if (process.ppid <= 0) return;
  const auto directory = procfs::Root::open(proc_.full_path(std::to_string(process.ppid)));
  const auto stat = directory ? read_stat(*directory) : std::nullopt;
  // Younger than its child, it is another that was given the parent's pid.
  if (stat && stat->start_time_ticks <= key.start_ticks) assign_clean(process.parent_comm, stat->comm);
}

void ProcessCache::read_exe(const procfs::Root& directory, Process& process) {
  std::array<char, PATH_MAX> path;
  const auto length = ::readlinkat(directory.fd(), "exe", path.data(), path.size());
  if (length > 0) assign_clean(process.exe, {path.data(), static_cast<std::size_t>(length)});
}

void ProcessCache::read_cgroup(const procfs::Root& directory, Process& process) {
  const auto text = directory.read("cgroup", buffer_);
  if (!text || !procfs::parse_cgroup(*text, groups_)) return;
  assign_clean(process.cgroup, telling_path(groups_));
  take_container(procfs::container_of(groups_), process);
}

void ProcessCache::take_container(const procfs::Container& container, Process& process) {
  process.container.runtime = container.runtime;
  assign_clean(process.container.id, container.id);
  assign_clean(process.container.pod_uid, container.pod_uid);
}

/// What files other than /proc know; they may learn of a cgroup or a pod later than its first event.
void ProcessCache::complete(Entry& entry, std::uint64_t now_ns) {
  auto& process = entry.process;
  if (process.cgroup.empty() && entry.cgroup_id != 0) {
    process.cgroup = cgroups_.find(entry.cgroup_id, now_ns);
    if (!process.cgroup.empty()) take_container(procfs::container_of(process.cgroup), process);
  }
  if (process.container.pod_uid.empty()) return;
  if (process.pod_name.empty()) {
    if (const auto* pod = pods_.find(process.container.pod_uid, now_ns)) {
      process.pod_namespace = pod->space;
      process.pod_name = pod->name;
    }
  }
  if (process.container_name.empty() && !process.container.id.empty()) {
    process.container_name = pods_.container_name(process.container.pod_uid, process.container.id, now_ns);
  }
}

void ProcessCache::assign_clean(std::string& field, std::string_view text) {
  field = clean(text, text_);
}

}  // namespace sentinel::bpf
