#include "sinks/webhook_snapshot/processes.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace snapshot {
namespace {

using sentinel::Result;
using sentinel::procfs::PidStat;
using sentinel::procfs::ProcessCounts;
using sentinel::procfs::Root;

constexpr auto by_pid = [](const Process& a, const Process& b) { return a.pid < b.pid; };

}  // namespace

std::string_view Process::name() const {
  return {comm.data(), ::strnlen(comm.data(), comm.size())};
}

ProcessTable::ProcessTable(std::size_t most)
    : processes_(most),
      order_(most),
      stack_(most),
      page_bytes_(static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE))),
      ticks_a_second_(static_cast<std::uint64_t>(sysconf(_SC_CLK_TCK))) {}

Process* ProcessTable::slot(std::int32_t pid) {
  const auto begin = processes_.begin();
  const auto end = begin + static_cast<std::ptrdiff_t>(first_look_);
  const auto at = std::lower_bound(begin, end, pid, [](const Process& a, std::int32_t b) { return a.pid < b; });
  return at != end && at->pid == pid ? &*at : nullptr;
}

void ProcessTable::take(const PidStat& stat, bool again) {
  Process* process = again ? slot(stat.pid) : nullptr;
  const bool same = process != nullptr && process->start_ticks == stat.start_time_ticks;
  if (process == nullptr) {
    if (used_ == processes_.size()) {
      ++beyond_;
      return;
    }
    process = &processes_[used_++];
  }
  const auto before = same ? process->ticks : 0;
  *process = Process();
  process->pid = stat.pid;
  process->ppid = stat.ppid;
  stat.comm.copy(process->comm.data(), process->comm.size());
  process->state = stat.state_letter;
  process->threads = static_cast<std::int32_t>(stat.threads);
  process->start_ticks = stat.start_time_ticks;
  process->ticks = stat.utime_ticks + stat.stime_ticks;
  process->ticks_before = std::min(before, process->ticks);
  // One that was born between spent all of its time between.
  process->seen_twice = again;
  process->rss_bytes = stat.resident_pages > 0 ? static_cast<std::uint64_t>(stat.resident_pages) * page_bytes_ : 0;
}

Result<ProcessCounts> ProcessTable::look(const Root& root, std::uint64_t now_ns) {
  used_ = 0;
  first_look_ = 0;
  beyond_ = 0;
  looked_ns_ = now_ns;
  seconds_between_ = 0;
  auto counts = walker_.walk(root, [this](const PidStat& stat) { take(stat, false); });
  std::sort(processes_.begin(), processes_.begin() + static_cast<std::ptrdiff_t>(used_), by_pid);
  first_look_ = used_;
  return counts;
}

Result<ProcessCounts> ProcessTable::look_again(const Root& root, std::uint64_t now_ns) {
  beyond_ = 0;
  auto counts = walker_.walk(root, [this](const PidStat& stat) { take(stat, true); });
  std::sort(processes_.begin(), processes_.begin() + static_cast<std::ptrdiff_t>(used_), by_pid);
  first_look_ = used_;
  if (counts && now_ns > looked_ns_) seconds_between_ = static_cast<double>(now_ns - looked_ns_) / 1e9;
  return counts;
}

const Process* ProcessTable::find(std::int32_t pid) const {
  const auto processes = all();
  const auto at = std::lower_bound(processes.begin(), processes.end(), pid,
                                   [](const Process& a, std::int32_t b) { return a.pid < b; });
  return at != processes.end() && at->pid == pid ? &*at : nullptr;
}

double ProcessTable::cpus(std::uint64_t ticks) const {
  if (seconds_between_ <= 0) return 0;
  return static_cast<double>(ticks) / static_cast<double>(ticks_a_second_) / seconds_between_;
}
double ProcessTable::cpus(const Process& process) const {
  return cpus(process.ticks_between());
}

std::vector<ProgramSum> ProcessTable::programs(std::size_t most, bool by_cpu) {
  for (std::size_t i = 0; i < used_; ++i) order_[i] = static_cast<std::uint32_t>(i);
  const auto end = order_.begin() + static_cast<std::ptrdiff_t>(used_);
  std::sort(order_.begin(), end,
            [this](std::uint32_t a, std::uint32_t b) { return processes_[a].name() < processes_[b].name(); });
  const auto key = [by_cpu](const ProgramSum& sum) { return by_cpu ? sum.ticks_between : sum.rss_bytes; };
  std::vector<ProgramSum> sums;
  const auto keep = [&](const ProgramSum& sum) {
    if (sum.count < 2 || key(sum) == 0) return;
    auto at = sums.end();
    while (at != sums.begin() && key(sum) > key(*(at - 1))) --at;
    sums.insert(at, sum);
    if (sums.size() > most) sums.pop_back();
  };
  ProgramSum sum;
  for (auto at = order_.begin(); at != end; ++at) {
    const auto& process = processes_[*at];
    if (sum.count == 0 || sum.name != process.name()) {
      keep(sum);
      sum = {process.name(), 0, 0, 0};
    }
    ++sum.count;
    sum.rss_bytes += process.rss_bytes;
    sum.ticks_between += process.ticks_between();
  }
  keep(sum);
  return sums;
}

std::span<const std::uint32_t> ProcessTable::tree() {
  // Indexes by parent, so that the children of one stand together.
  std::vector<std::uint32_t>& children = stack_;
  for (std::size_t i = 0; i < used_; ++i) children[i] = static_cast<std::uint32_t>(i);
  std::sort(children.begin(), children.begin() + static_cast<std::ptrdiff_t>(used_),
            [this](std::uint32_t a, std::uint32_t b) {
              const auto& left = processes_[a];
              const auto& right = processes_[b];
              return left.ppid != right.ppid ? left.ppid < right.ppid : left.pid < right.pid;
            });
  std::size_t placed = 0;
  // Depth first without recursion: `order_` grows from the front with what is placed, and from the back with what
  // waits.
  std::size_t waiting = used_;
  const auto push_children = [&](std::int32_t pid, std::uint8_t depth) {
    const auto begin = children.begin();
    const auto end = begin + static_cast<std::ptrdiff_t>(used_);
    auto last =
        std::upper_bound(begin, end, pid, [this](std::int32_t a, std::uint32_t b) { return a < processes_[b].ppid; });
    while (last != begin && processes_[*(last - 1)].ppid == pid) {
      --last;
      if (processes_[*last].depth != 0) continue;
      processes_[*last].depth = depth;
      order_[--waiting] = *last;
    }
  };
  const auto place_waiting = [&] {
    while (waiting < used_) {
      const auto index = order_[waiting++];
      order_[placed++] = index;
      const auto deeper = static_cast<std::uint8_t>(std::min(processes_[index].depth + 1, 250));
      push_children(processes_[index].pid, deeper);
    }
  };
  for (std::size_t i = 0; i < used_; ++i) processes_[i].depth = 0;
  // Roots: those whose parent is not seen from here. Then, against a tree that changed under the walk, whatever is
  // left.
  for (const bool roots_alone : {true, false}) {
    for (std::size_t i = 0; i < used_; ++i) {
      if (processes_[i].depth != 0 || (roots_alone && find(processes_[i].ppid) != nullptr)) continue;
      processes_[i].depth = 1;
      order_[--waiting] = static_cast<std::uint32_t>(i);
      place_waiting();
    }
  }
  return {order_.data(), used_};
}

}  // namespace snapshot
