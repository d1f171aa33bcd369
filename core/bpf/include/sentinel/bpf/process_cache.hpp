#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <sentinel/bpf/cgroup_paths.hpp>
#include <sentinel/bpf/pods.hpp>
#include <sentinel/procfs/buffer.hpp>
#include <sentinel/procfs/container.hpp>
#include <sentinel/procfs/pid_stat.hpp>
#include <sentinel/procfs/proc_root.hpp>
#include <sentinel/result.hpp>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace sentinel::bpf {

/// What an event of the kernel tells of a process. Texts are as the process set them, any byte; empty, or 0: not told.
/// A thread's comm is its own: give group_leader's.
struct ProcessNote {
  std::int32_t pid = 0;        ///< of the process: the kernel's tgid
  std::uint64_t start_ns = 0;  ///< task->group_leader->start_boottime, CLOCK_BOOTTIME
  std::int32_t ppid = 0;
  std::uint64_t cgroup_id = 0;  ///< in the hierarchy of version 2
  std::string_view comm = {};
  std::string_view parent_comm = {};
  std::string_view exe = {};  ///< sched_process_exec's filename
  bool exec = false;          ///< it runs another program from now on
};

/// What is known of a process. Texts are clean (see <sentinel/text.hpp>); empty: not known.
struct Process {
  std::int32_t pid = 0;
  std::int32_t ppid = 0;
  std::string comm;
  std::string parent_comm;
  std::string exe;  ///< readlink of /proc/<pid>/exe: ends with " (deleted)" when the file is; none: a kernel thread
  std::string
      cgroup;  ///< path in the hierarchy of version 2, or where that is "/" in the first of version 1 that tells
  procfs::Container container;
  std::string pod_namespace;
  std::string pod_name;
  std::string container_name;  ///< what the pod calls it
};

/// Names of processes by pid and start time, which together name one for good: a process that is gone keeps its name
/// when it was seen before, and a pid given out again does not inherit one. Fed by events (note()), and by /proc when
/// it is first asked for one that is alive. Holds `capacity` processes, about 1 KiB each; the one not used for longest
/// goes first. Not thread-safe.
///
/// Start times are CLOCK_BOOTTIME in ns as the kernel has them; /proc/<pid>/stat gives the same, cut to ticks of
/// sysconf(_SC_CLK_TCK) (fs/proc/array.c), so a process is known by pid and tick. In a time namespace with an offset
/// /proc adds that offset, and no process is found there.
class ProcessCache {
 public:
  static constexpr std::size_t default_capacity = 4096;

  struct Sources {
    std::string proc = "/proc";
    std::string cgroupfs = "/sys/fs/cgroup";
    std::string logs = "/var/log";       ///< where the kubelet's `pods` and `containers` are
    std::uint64_t ticks_per_second = 0;  ///< of /proc's start times; 0: this machine's
  };

  /// Errors: as procfs::Root::open() for `proc`; the others may be missing.
  static Result<ProcessCache> open(const Sources& sources, std::size_t capacity = default_capacity);

  /// Keeps what an event told: at fork, exec, and whenever a record names a process. What is told replaces what was
  /// known; at an exec, what was read of the old program is forgotten and read again, at a new comm read again. Touches
  /// no file.
  void note(const ProcessNote& note);

  /// What is known of a process, read from /proc first when that has not been done and it is still alive. Null when it
  /// was never noted and is gone, or its pid belongs to another by now. Valid until the next call. `now_ns` is
  /// CLOCK_BOOTTIME. Allocates nothing, and touches no file, for a process that was read before.
  const Process* find(std::int32_t pid, std::uint64_t start_ns, std::uint64_t now_ns);

  /// The path of a cgroup by its id; see CgroupPaths::find().
  std::string_view cgroup_path(std::uint64_t id, std::uint64_t now_ns) { return cgroups_.find(id, now_ns); }

  [[nodiscard]] std::size_t size() const noexcept { return by_use_.size(); }
  /// Processes that made room for others.
  [[nodiscard]] std::uint64_t evicted() const noexcept { return evicted_; }

 private:
  struct Key {
    std::int32_t pid;
    std::uint64_t start_ticks;
    friend bool operator==(const Key&, const Key&) = default;
  };
  struct KeyHash {
    std::size_t operator()(const Key& key) const noexcept;
  };
  struct Entry {
    Key key;
    Process process;
    std::uint64_t cgroup_id = 0;
    bool read = false;  ///< /proc was asked, and there is no more to learn from it
  };
  using Entries = std::list<Entry>;

  ProcessCache(procfs::Root proc, const Sources& sources, std::uint64_t ns_per_tick, std::size_t capacity);

  [[nodiscard]] Key key_of(std::int32_t pid, std::uint64_t start_ns) const noexcept;
  Entry* known(const Key& key);
  Entry& add(const Key& key);
  std::optional<procfs::PidStat> read_stat(const procfs::Root& process);
  Entry* read_living(const Key& key, Entry* entry);
  void read_parent(const Key& key, Process& process);
  void read_exe(const procfs::Root& directory, Process& process);
  void read_cgroup(const procfs::Root& directory, Process& process);
  void take_container(const procfs::Container& container, Process& process);
  void complete(Entry& entry, std::uint64_t now_ns);
  void assign_clean(std::string& field, std::string_view text);

  procfs::Root proc_;
  CgroupPaths cgroups_;
  PodNames pods_;
  std::uint64_t ns_per_tick_;
  std::size_t capacity_;
  Entries by_use_;  ///< the last used first
  std::unordered_map<Key, Entries::iterator, KeyHash> by_key_;
  std::uint64_t evicted_ = 0;
  procfs::Buffer buffer_;
  std::vector<procfs::Cgroup> groups_;
  std::string text_;
};

}  // namespace sentinel::bpf
