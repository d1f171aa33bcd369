// CPU time, load and scheduling of the host.
//
// /proc/stat     time by CPU and mode in USER_HZ ticks, context switches, forks, threads that run or wait, boot time
// /proc/loadavg  the three load averages
//
// Guest time is contained in user time, and guest_nice in nice: adding all modes counts it twice. iowait and idle may
// step backwards, so a rate of them over a short time may be wrong. An offline CPU has no line, and so no series.
#include <sentinel/procfs/loadavg.hpp>
#include <sentinel/procfs/proc_root.hpp>
#include <sentinel/procfs/stat.hpp>

#include <sentinel/collector.hpp>

#include <unistd.h>

#include <charconv>
#include <optional>
#include <string>

namespace {

using sentinel::procfs::CpuTimes;

class ProcCpu {
 public:
  static constexpr sentinel::Field schema[] = {
      {.name = "procfs", .type = sentinel::FieldType::path, .by_default = "/proc", .help = "where proc(5) is mounted"}};
  static constexpr std::uint32_t state_version = 1;

  ProcCpu(const sentinel::Config& config, sentinel::Host& host)
      : procfs_(config.path("procfs")),
        ticks_per_second_(static_cast<double>(sysconf(_SC_CLK_TCK))),
        jiffies_(host.counter({"sentinel_cpu_jiffies_total", "Time of all CPUs by mode in USER_HZ ticks."}, {"mode"})),
        seconds_(host.counter({"sentinel_cpu_seconds_total",
                               "Time of a CPU by mode; user contains guest, nice "
                               "contains guest_nice.",
                               "seconds"},
                              {"cpu", "mode"})),
        usage_(host.gauge({"sentinel_cpu_usage_ratio",
                           "Share of all CPUs' time since the previous collection that was neither idle nor iowait.",
                           "ratio"})),
        context_switches_(host.counter({"sentinel_context_switches_total", "Context switches since boot."})),
        forks_(host.counter({"sentinel_forks_total", "Processes and threads created since boot."})),
        running_(host.gauge({"sentinel_processes_running", "Threads that run or could run now."})),
        blocked_(host.gauge({"sentinel_processes_blocked", "Threads that wait for I/O now."})),
        boot_time_(host.gauge({"sentinel_boot_time_seconds", "Unix time at which the kernel started.", "seconds"})),
        loadavg_(host.gauge({"sentinel_loadavg",
                             "Runnable and uninterruptible threads, damped over 1, 5 or 15 "
                             "minutes."},
                            {"interval"})) {}

  sentinel::Result<void> collect(sentinel::Batch& batch) {
    const auto root = sentinel::procfs::Root::open(procfs_);
    if (!root) return root.error();
    if (const auto done = collect_stat(*root, batch); !done) return done;
    return collect_loadavg(*root, batch);
  }

  /// The last sample, so that a successor's first collection has a usage: modes and jiffies in decimal, spaced.
  sentinel::Result<void> save(sentinel::Writer& out) {
    if (!previous_) return {};
    std::string text = std::to_string(previous_->modes);
    for (const auto jiffies : previous_->jiffies) text += ' ' + std::to_string(jiffies);
    out.write(text);
    return {};
  }

  sentinel::Result<void> restore(std::uint32_t version, std::string_view state) {
    using sentinel::Errc;
    if (version != state_version) {
      return sentinel::Error{Errc::unsupported, "proc_cpu reads state of version 1, not " + std::to_string(version)};
    }
    if (state.empty()) return {};
    CpuTimes times;
    const char* at = state.data();
    const char* const end = at + state.size();
    const auto number = [&](auto& value) {
      if (at != end && *at == ' ') ++at;
      const auto [next, error] = std::from_chars(at, end, value);
      at = next;
      return error == std::errc();
    };
    bool good = number(times.modes) && times.modes <= times.jiffies.size();
    for (auto& jiffies : times.jiffies) good = good && number(jiffies);
    if (!good || at != end) return sentinel::Error{Errc::invalid_argument, "proc_cpu's saved sample is malformed"};
    previous_ = times;
    return {};
  }

 private:
  sentinel::Result<void> collect_stat(const sentinel::procfs::Root& root, sentinel::Batch& batch) {
    const auto text = root.read("stat", buffer_);
    if (!text) return text.error();
    if (const auto parsed = sentinel::procfs::parse_stat(*text, stat_); !parsed) {
      return parsed.error().in(root.full_path("stat"));
    }
    using sentinel::procfs::cpu_mode_names;
    for (std::size_t mode = 0; mode < stat_.total.modes; ++mode) {
      batch.add(jiffies_, static_cast<double>(stat_.total.jiffies[mode]), {cpu_mode_names[mode]});
    }
    for (const auto& [cpu, times] : stat_.cpus) {
      char number[10];
      const std::string_view name(number, std::to_chars(number, number + sizeof(number), cpu).ptr);
      for (std::size_t mode = 0; mode < times.modes; ++mode) {
        batch.add(seconds_, static_cast<double>(times.jiffies[mode]) / ticks_per_second_, {name, cpu_mode_names[mode]});
      }
    }
    batch.add(context_switches_, static_cast<double>(stat_.context_switches));
    batch.add(forks_, static_cast<double>(stat_.forks));
    batch.add(running_, static_cast<double>(stat_.procs_running));
    batch.add(blocked_, static_cast<double>(stat_.procs_blocked));
    batch.add(boot_time_, static_cast<double>(stat_.boot_time_seconds));
    if (previous_) {
      if (const auto ratio = cpu_usage_ratio(*previous_, stat_.total)) batch.add(usage_, *ratio);
    }
    previous_ = stat_.total;
    return {};
  }

  sentinel::Result<void> collect_loadavg(const sentinel::procfs::Root& root, sentinel::Batch& batch) {
    const auto text = root.read("loadavg", buffer_);
    if (!text) return text.error();
    const auto load = sentinel::procfs::parse_loadavg(*text);
    if (!load) return load.error().in(root.full_path("loadavg"));
    batch.add(loadavg_, load->load1, {"load1"});
    batch.add(loadavg_, load->load5, {"load5"});
    batch.add(loadavg_, load->load15, {"load15"});
    return {};
  }

  std::string procfs_;
  double ticks_per_second_;
  sentinel::Counter<1> jiffies_;
  sentinel::Counter<2> seconds_;
  sentinel::Gauge<> usage_;
  sentinel::Counter<> context_switches_;
  sentinel::Counter<> forks_;
  sentinel::Gauge<> running_;
  sentinel::Gauge<> blocked_;
  sentinel::Gauge<> boot_time_;
  sentinel::Gauge<1> loadavg_;
  sentinel::procfs::Buffer buffer_;
  sentinel::procfs::Stat stat_;
  std::optional<CpuTimes> previous_;
};

}  // namespace

SENTINEL_COLLECTOR(ProcCpu, {.name = "proc_cpu",
                             .version = "0.1.0",
                             .licence = "Apache-2.0",
                             .summary = "CPU time by CPU and mode, usage, load, context switches and forks"});
