// Processes by state, and who leaves zombies behind.
//
// /proc/<pid>/stat  state, parent, threads and start time of each process; thread groups, not threads
// iter/task         the same, counted by a BPF program in the kernel (process_states.bpf.c), which hands out zombies
//                   alone; of the reader's pid namespace
//
// A zombie waits for its parent to reap it, so the parent is the culprit. Parents are no label: they go to the status
// API as the table `zombies_by_parent`, worst first. With hidepid= only processes that may be read count in the files;
// the others show in sentinel_processes_unreadable. The iterator counts them all. A walk is no snapshot: what comes or
// goes meanwhile may be missed.
#include <sentinel/procfs/pid_stat.hpp>

#include <sentinel/collector.hpp>

#include <algorithm>
#include <chrono>
#include <string>
#include <tuple>
#include <vector>

#include "plugins/proc_zombie/process_walk.hpp"

namespace {

using namespace sentinel::procfs;

class ProcZombie {
 public:
  static constexpr sentinel::Field schema[] = {
      {.name = "procfs", .type = sentinel::FieldType::path, .by_default = "/proc", .help = "where proc(5) is mounted"},
      {.name = "source",
       .by_default = "auto",
       .help = "where processes come from: a BPF iterator, or <pid>/stat; auto is the first that works",
       .choices = "auto,bpf,procfs"}};
  static constexpr std::size_t most_parents = 50;

  ProcZombie(const sentinel::Config& config, sentinel::Host& host)
      : host_(host),
        walk_(std::string(config.string("source")), std::string(config.path("procfs"))),
        processes_(host.gauge({"sentinel_process_count", "Processes by state."}, {"state"})),
        threads_(host.gauge({"sentinel_threads", "Threads of all processes."})),
        unreadable_(host.gauge({"sentinel_processes_unreadable",
                                "Processes that were listed but not read: gone meanwhile, denied, malformed."},
                               {"reason"})) {
    if (config.string("source") == "bpf" && config.path("procfs") != "/proc") {
      throw sentinel::PluginError({sentinel::Errc::invalid_argument,
                                   "`source: bpf` sees the agent's own pid namespace alone: leave out `procfs`, or the "
                                   "source"});
    }
  }

  sentinel::Result<void> start() { return walk_.start(host_); }
  sentinel::Result<void> stop() {
    walk_.stop();
    return {};
  }

  sentinel::Result<void> collect(sentinel::Batch& batch) {
    const auto walked = walk_.walk(host_);
    if (!walked) return walked.error();
    proc_zombie::Processes& found = **walked;
    for (std::size_t state = 0; state < found.states.size(); ++state) {
      batch.add(processes_, static_cast<double>(found.states[state]), {process_state_names[state]});
    }
    batch.add(threads_, static_cast<double>(found.threads));
    batch.add(unreadable_, static_cast<double>(found.counts.vanished), {"vanished"});
    batch.add(unreadable_, static_cast<double>(found.counts.denied), {"denied"});
    batch.add(unreadable_, static_cast<double>(found.counts.malformed), {"malformed"});
    find_parents(found.zombies);
    return {};
  }

  sentinel::Result<void> details(sentinel::Rows& rows) {
    for (const auto& parent : parents_) {
      rows.add("zombies_by_parent", {{"ppid", std::to_string(parent.oldest.parent)},
                                     {"parent", parent.comm},
                                     {"zombies", std::to_string(parent.zombies)},
                                     {"oldest_pid", std::to_string(parent.oldest.pid)},
                                     {"oldest_age_seconds", std::to_string(parent.oldest_age_seconds)}});
    }
    walk_.describe(rows);
    return {};
  }

 private:
  struct Parent {
    std::size_t zombies;
    proc_zombie::Zombie oldest;
    std::uint64_t oldest_age_seconds;  // since it started; when it died the kernel does not tell
    std::string comm;                  // empty when the parent could not be read any more
  };

  void find_parents(std::vector<proc_zombie::Zombie>& zombies) {
    parents_.clear();
    const auto now = static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(host_.now()).count());
    std::sort(zombies.begin(), zombies.end(), [](const proc_zombie::Zombie& a, const proc_zombie::Zombie& b) {
      return std::tie(a.parent, a.start_ticks, a.pid) < std::tie(b.parent, b.start_ticks, b.pid);
    });
    for (auto first = zombies.begin(); first != zombies.end();) {
      const auto last =
          std::find_if(first, zombies.end(), [&](const auto& zombie) { return zombie.parent != first->parent; });
      const auto started = first->start_seconds;
      parents_.push_back({static_cast<std::size_t>(last - first), *first, now > started ? now - started : 0, {}});
      first = last;
    }
    std::stable_sort(parents_.begin(), parents_.end(),
                     [](const Parent& a, const Parent& b) { return a.zombies > b.zombies; });
    if (parents_.size() > most_parents) parents_.resize(most_parents);
    for (auto& parent : parents_) parent.comm = walk_.parent_comm(parent.oldest);
  }

  sentinel::Host host_;
  proc_zombie::ProcessWalk walk_;
  sentinel::Gauge<1> processes_;
  sentinel::Gauge<> threads_;
  sentinel::Gauge<1> unreadable_;
  std::vector<Parent> parents_;
};

}  // namespace

SENTINEL_COLLECTOR(ProcZombie, {.name = "proc_zombie",
                                .version = "0.1.0",
                                .licence = "Apache-2.0",
                                .summary = "Processes by state, and the parents that leave zombies behind"});
