#pragma once

#include <cstdint>
#include <optional>
#include <sentinel/procfs/loadavg.hpp>
#include <sentinel/procfs/meminfo.hpp>
#include <sentinel/procfs/pressure.hpp>
#include <sentinel/procfs/processes.hpp>
#include <sentinel/procfs/sockstat.hpp>
#include <sentinel/procfs/stat.hpp>
#include <string>
#include <utility>
#include <vector>

#include "sinks/webhook_snapshot/alert.hpp"
#include "sinks/webhook_snapshot/chart.hpp"
#include "sinks/webhook_snapshot/helper.hpp"
#include "sinks/webhook_snapshot/kernel_log.hpp"
#include "sinks/webhook_snapshot/processes.hpp"
#include "sinks/webhook_snapshot/sockets.hpp"

namespace snapshot {

/// One thing that a snapshot took, or should have: a line of the manifest.
struct Item {
  enum class State { taken, partial, failed, absent };  ///< absent: this machine has none
  std::string name;
  std::string file;  ///< in the snapshot; empty when there is none
  std::uint64_t bytes = 0;
  double ms = 0;
  State state = State::taken;
  std::string why;  ///< of what was not taken, or not whole
};
[[nodiscard]] std::string_view to_string(Item::State state);

/// What an alert is about, so that its culprits are looked for in the right place.
enum class Subject { memory, cpu, load, zombies, tcp, descriptors, forks, disk, network, other };
[[nodiscard]] Subject subject_of(const Alert& alert);
[[nodiscard]] std::string_view to_string(Subject subject);
/// The TCP state that an alert is about; unknown when none.
[[nodiscard]] sentinel::procfs::TcpState tcp_state_of(const Alert& alert);
/// The agent's metric that shows the subject, for alerts that name none of ours.
[[nodiscard]] std::string_view metric_of(Subject subject);

/// What explains an alert: a process, or something else by its name.
struct Culprit {
  std::int32_t pid = 0;  ///< 0: no process
  std::string name;
  std::string why;      ///< "3.1 GiB resident, 78 % of memory"
  bool blamed = false;  ///< by the event itself, or by the kernel: no guess
};

/// A process that is looked at closely.
struct Suspect {
  std::int32_t pid = 0;
  std::string name;
  std::string role;     ///< "named by the alert", "largest resident memory" …
  std::string folder;   ///< of its evidence
  std::string cmdline;  ///< masked
  std::string cmdline_problem;
  std::string gone;  ///< why nothing could be read of it; empty when it is there
  std::string cgroup;
  std::string container;
  std::vector<std::pair<std::string, std::string>> facts;  ///< in the order of the report
  std::optional<std::uint64_t> open_fds;
  std::string stack;  ///< the kernel's, innermost first; first lines
};

struct MountFacts {
  std::string path;
  std::string source;
  std::string type;
  bool read_only = false;
  Answer answer;
  MountSpace space;
};

/// Everything that a report tells, in one place, so that the report is a function of it.
struct Scene {
  const Alert* alert = nullptr;
  std::string id;
  std::string reason;         ///< of one by hand
  std::int64_t taken_ns = 0;  ///< Unix time at which taking began
  std::uint64_t boot_ns = 0;  ///< CLOCK_BOOTTIME then
  double took_ms = 0;         ///< until the report was written
  Labels agent_labels;
  std::string kernel;
  double uptime_seconds = 0;

  sentinel::procfs::MemInfo memory;
  std::optional<sentinel::procfs::LoadAvg> load;
  std::optional<sentinel::procfs::Pressure> pressure_cpu;
  std::optional<sentinel::procfs::Pressure> pressure_memory;
  std::optional<sentinel::procfs::Pressure> pressure_io;
  sentinel::procfs::Stat stat;
  std::optional<double> cpu_busy;  ///< share of all CPUs' time between the two looks
  std::optional<double> cpu_iowait;
  std::optional<double> cpu_steal;
  std::optional<sentinel::procfs::SockStat> sockets_in_use;
  std::vector<std::pair<std::string, std::uint64_t>> counters;  ///< since boot, those that are not 0
  sentinel::procfs::ProcessCounts process_counts;
  ProcessTable* processes = nullptr;
  const SocketTable* sockets = nullptr;
  bool sockets_known = false;
  std::vector<std::pair<std::int32_t, std::uint64_t>> open_fds;  ///< by pid, most first; when they were asked for
  std::vector<Owner> owners;                                     ///< of sockets in the watched state, most first
  std::vector<MountFacts> mounts;
  std::vector<KernelLine> kernel_lines;

  Subject subject = Subject::other;
  std::vector<Culprit> culprits;
  std::string culprit;               ///< one sentence; empty when there is none
  std::vector<std::string> remarks;  ///< what else explains it
  std::vector<Suspect> suspects;
  std::vector<std::pair<std::int32_t, std::string>> cmdlines;  ///< of processes in the tables, masked
  Chart chart;
  std::string chart_problem;
  std::vector<Item> items;

  [[nodiscard]] std::uint64_t memory_bytes(std::string_view field) const;
  [[nodiscard]] std::string cmdline_of(std::int32_t pid) const;
  [[nodiscard]] bool about_this_host() const;
};

/// Fills `culprits`, `culprit` and `remarks` from the rest.
void find_culprits(Scene& scene);

/// The pids to look at closely: whom the alert names, then culprits; each once.
[[nodiscard]] std::vector<std::int32_t> suspects_of(const Scene& scene, std::size_t most);

}  // namespace snapshot
