// Processes by state, and who leaves zombies behind.
//
// /proc/<pid>/stat  state, parent, threads and start time of each process; thread groups, not threads
//
// A zombie waits for its parent to reap it, so the parent is the culprit. Parents are no label: they go to the status
// API as the table `zombies_by_parent`, worst first. With hidepid= only processes that may be read count; the others
// show in sentinel_processes_unreadable. A walk is no snapshot: what comes or goes meanwhile may be missed.
#include <sentinel/procfs/processes.hpp>

#include <sentinel/collector.hpp>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

namespace {

using namespace sentinel::procfs;

class ProcZombie {
 public:
  static constexpr sentinel::Field schema[] = {
      {.name = "procfs", .type = sentinel::FieldType::path, .by_default = "/proc", .help = "where proc(5) is mounted"}};
  static constexpr std::size_t most_parents = 50;

  ProcZombie(const sentinel::Config& config, sentinel::Host& host)
      : host_(host),
        procfs_(config.path("procfs")),
        ticks_per_second_(static_cast<std::uint64_t>(sysconf(_SC_CLK_TCK))),
        processes_(host.gauge({"sentinel_process_count", "Processes by state."}, {"state"})),
        threads_(host.gauge({"sentinel_threads", "Threads of all processes."})),
        unreadable_(host.gauge({"sentinel_processes_unreadable",
                                "Processes that were listed but not read: gone meanwhile, denied, malformed."},
                               {"reason"})) {}

  sentinel::Result<void> collect(sentinel::Batch& batch) {
    const auto root = Root::open(procfs_);
    if (!root) return root.error();
    std::array<std::uint64_t, process_state_count> states{};
    std::int64_t threads = 0;
    zombies_.clear();
    const auto walked = walker_.walk(*root, [&](const PidStat& stat) {
      ++states[static_cast<std::size_t>(stat.state)];
      threads += stat.threads;
      if (stat.state == ProcessState::zombie) zombies_.push_back({stat.ppid, stat.pid, stat.start_time_ticks});
    });
    if (!walked) return walked.error();
    if (walked->seen == 0) {
      return sentinel::Error{sentinel::Errc::no_data,
                             procfs_ + " lists no process; point `procfs` at a mounted proc(5)"};
    }
    for (std::size_t state = 0; state < states.size(); ++state) {
      batch.add(processes_, static_cast<double>(states[state]), {process_state_names[state]});
    }
    batch.add(threads_, static_cast<double>(threads));
    batch.add(unreadable_, static_cast<double>(walked->vanished), {"vanished"});
    batch.add(unreadable_, static_cast<double>(walked->denied), {"denied"});
    batch.add(unreadable_, static_cast<double>(walked->malformed), {"malformed"});
    find_parents(*root);
    return {};
  }

  sentinel::Result<void> details(sentinel::Rows& rows) {
    for (const auto& parent : parents_) {
      rows.add("zombies_by_parent", {{"ppid", std::to_string(parent.pid)},
                                     {"parent", parent.comm},
                                     {"zombies", std::to_string(parent.zombies)},
                                     {"oldest_pid", std::to_string(parent.oldest_pid)},
                                     {"oldest_age_seconds", std::to_string(parent.oldest_age_seconds)}});
    }
    return {};
  }

 private:
  struct Zombie {
    std::int32_t parent;
    std::int32_t pid;
    std::uint64_t start_ticks;  // since boot
  };
  struct Parent {
    std::int32_t pid;
    std::size_t zombies;
    std::int32_t oldest_pid;
    std::uint64_t oldest_age_seconds;  // since it started; when it died the kernel does not tell
    std::string comm;                  // empty when the parent could not be read any more
  };

  void find_parents(const Root& root) {
    parents_.clear();
    const auto now = static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(host_.now()).count());
    std::sort(zombies_.begin(), zombies_.end(), [](const Zombie& a, const Zombie& b) {
      return a.parent != b.parent ? a.parent < b.parent : a.start_ticks < b.start_ticks;
    });
    for (auto first = zombies_.begin(); first != zombies_.end();) {
      const auto last = std::find_if(first, zombies_.end(), [&](const Zombie& z) { return z.parent != first->parent; });
      const auto started = first->start_ticks / ticks_per_second_;
      parents_.push_back(
          {first->parent, static_cast<std::size_t>(last - first), first->pid, now > started ? now - started : 0, {}});
      first = last;
    }
    std::stable_sort(parents_.begin(), parents_.end(),
                     [](const Parent& a, const Parent& b) { return a.zombies > b.zombies; });
    if (parents_.size() > most_parents) parents_.resize(most_parents);
    for (auto& parent : parents_) {
      const auto text = root.read(std::to_string(parent.pid) + "/stat", buffer_);
      PidStat stat;
      if (text && try_parse_pid_stat(*text, stat)) parent.comm = stat.comm;
    }
  }

  sentinel::Host host_;
  std::string procfs_;
  std::uint64_t ticks_per_second_;
  sentinel::Gauge<1> processes_;
  sentinel::Gauge<> threads_;
  sentinel::Gauge<1> unreadable_;
  ProcessWalker walker_;
  Buffer buffer_;
  std::vector<Zombie> zombies_;
  std::vector<Parent> parents_;
};

}  // namespace

SENTINEL_COLLECTOR(ProcZombie, {.name = "proc_zombie",
                                .version = "0.1.0",
                                .licence = "Apache-2.0",
                                .summary = "Processes by state, and the parents that leave zombies behind"});
