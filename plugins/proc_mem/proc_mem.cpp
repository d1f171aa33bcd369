// Memory of the host, and pressure stall information (PSI) of CPU, memory and I/O.
//
// /proc/meminfo                   every line; kB are KiB; lines without kB count pages of huge memory
// /proc/pressure/{cpu,memory,io}  time that some or all tasks waited, in microseconds, and its share in percent; since
//                                 Linux 4.20, absent with psi=0
// /proc/vmstat                    pages swapped, major faults, OOM kills (since Linux 4.13)
//
// Only meminfo must be there. Inside a container /proc/meminfo is the host's unless the runtime covers it (lxcfs).
#include <sentinel/procfs/meminfo.hpp>
#include <sentinel/procfs/pressure.hpp>
#include <sentinel/procfs/proc_root.hpp>
#include <sentinel/procfs/vmstat.hpp>

#include <sentinel/collector.hpp>

#include <unistd.h>

#include <map>
#include <set>
#include <string>

#include "plugins/proc_mem/known_fields.hpp"

namespace {

using namespace sentinel::procfs;

class ProcMem {
 public:
  static constexpr sentinel::Field schema[] = {
      {.name = "procfs", .type = sentinel::FieldType::path, .by_default = "/proc", .help = "where proc(5) is mounted"}};

  ProcMem(const sentinel::Config& config, sentinel::Host& host)
      : procfs_(config.path("procfs")),
        page_bytes_(static_cast<double>(sysconf(_SC_PAGESIZE))),
        usage_(host.gauge({"sentinel_memory_usage", "Memory that is not available to new programs, in percent."})),
        waiting_(host.counter({"sentinel_pressure_waiting_seconds_total",
                               "Time that at least one task waited for the resource.", "seconds"},
                              {"resource"})),
        stalled_(host.counter({"sentinel_pressure_stalled_seconds_total",
                               "Time that all tasks waited for the resource at once.", "seconds"},
                              {"resource"})),
        waiting_ratio_(host.gauge(
            {"sentinel_pressure_waiting_ratio", "Share of the last 10 s that at least one task waited.", "ratio"},
            {"resource"})),
        stalled_ratio_(host.gauge(
            {"sentinel_pressure_stalled_ratio", "Share of the last 10 s that all tasks waited at once.", "ratio"},
            {"resource"})),
        swapped_in_(host.counter({"sentinel_memory_swapped_in_bytes_total", "Memory read back from swap.", "bytes"})),
        swapped_out_(host.counter({"sentinel_memory_swapped_out_bytes_total", "Memory written to swap.", "bytes"})),
        major_faults_(host.counter({"sentinel_memory_major_faults_total", "Page faults that waited for I/O."})),
        oom_kills_(host.counter({"sentinel_oom_kills_total", "Processes that the OOM killer ended."})) {
    for (const auto& field : known_fields) declare(host, field);
    // Without a tree nothing more is known; collect will say why.
    if (const auto root = Root::open(procfs_); !root || !read_meminfo(*root)) return;
    for (const auto& field : meminfo_.fields) {
      if (!fields_.contains(field.name)) {
        declare(host, {field.name, field.name + " of /proc/meminfo.", field.is_kib, field.key});
      }
    }
  }

  sentinel::Result<void> collect(sentinel::Batch& batch) {
    const auto root = Root::open(procfs_);
    if (!root) return root.error();
    if (const auto done = collect_meminfo(*root, batch); !done) return done;
    if (const auto done = collect_pressure(*root, "cpu", batch); !done) return done;
    if (const auto done = collect_pressure(*root, "memory", batch); !done) return done;
    if (const auto done = collect_pressure(*root, "io", batch); !done) return done;
    return collect_vmstat(*root, batch);
  }

 private:
  struct DeclaredField {
    bool is_kib;
    sentinel::Gauge<> metric;
  };

  void declare(const sentinel::Host& host, const KnownField& field) {
    std::string key = field.key.empty() ? meminfo_key(field.name) : std::string(field.key);
    // `_total` ends a counter's name, and a pool of pages is none.
    if (!field.is_kib && key.ends_with("_total")) key.resize(key.size() - std::string_view("_total").size());
    const std::string metric = "sentinel_memory_" + key + (field.is_kib ? "_bytes" : "");
    // A line of a future kernel may have a name that is taken: the first keeps it.
    if (!names_.insert(metric).second) return;
    fields_.emplace(field.name,
                    DeclaredField{field.is_kib, host.gauge({metric, field.help, field.is_kib ? "bytes" : ""})});
  }

  sentinel::Result<void> read_meminfo(const Root& root) {
    const auto text = root.read("meminfo", buffer_);
    if (!text) return text.error();
    if (const auto parsed = parse_meminfo(*text, meminfo_); !parsed) {
      return parsed.error().in(root.full_path("meminfo"));
    }
    return {};
  }

  sentinel::Result<void> collect_meminfo(const Root& root, sentinel::Batch& batch) {
    if (const auto read = read_meminfo(root); !read) return read;
    for (const auto& field : meminfo_.fields) {
      const auto declared = fields_.find(field.name);
      if (declared == fields_.end() || declared->second.is_kib != field.is_kib) continue;
      batch.add(declared->second.metric, static_cast<double>(field.is_kib ? field.bytes() : field.value));
    }
    const auto total = meminfo_.total_bytes();
    const auto available = meminfo_.available_bytes();
    if (total && available && *total > 0) {
      const auto all = static_cast<double>(*total);
      batch.add(usage_, 100 * (all - static_cast<double>(*available)) / all);
    }
    return {};
  }

  sentinel::Result<void> collect_pressure(const Root& root, std::string_view resource, sentinel::Batch& batch) {
    const std::string file = "pressure/" + std::string(resource);
    const auto text = root.read(file, buffer_);
    if (!text && absent(text.error())) return {};
    if (!text) return text.error();
    const auto pressure = parse_pressure(*text);
    if (!pressure) return pressure.error().in(root.full_path(file));
    batch.add(waiting_, static_cast<double>(pressure->some.total_us) / 1e6, {resource});
    batch.add(waiting_ratio_, pressure->some.avg10 / 100, {resource});
    if (pressure->full) {
      batch.add(stalled_, static_cast<double>(pressure->full->total_us) / 1e6, {resource});
      batch.add(stalled_ratio_, pressure->full->avg10 / 100, {resource});
    }
    return {};
  }

  sentinel::Result<void> collect_vmstat(const Root& root, sentinel::Batch& batch) {
    const auto text = root.read("vmstat", buffer_);
    if (!text && absent(text.error())) return {};
    if (!text) return text.error();
    const auto vmstat = parse_vmstat(*text);
    if (!vmstat) return vmstat.error().in(root.full_path("vmstat"));
    if (vmstat->pswpin) batch.add(swapped_in_, static_cast<double>(*vmstat->pswpin) * page_bytes_);
    if (vmstat->pswpout) batch.add(swapped_out_, static_cast<double>(*vmstat->pswpout) * page_bytes_);
    if (vmstat->pgmajfault) batch.add(major_faults_, static_cast<double>(*vmstat->pgmajfault));
    if (vmstat->oom_kill) batch.add(oom_kills_, static_cast<double>(*vmstat->oom_kill));
    return {};
  }

  static bool absent(const sentinel::Error& error) {
    return error.code == sentinel::Errc::not_found || error.code == sentinel::Errc::unsupported;
  }

  std::string procfs_;
  double page_bytes_;
  sentinel::Gauge<> usage_;
  sentinel::Counter<1> waiting_;
  sentinel::Counter<1> stalled_;
  sentinel::Gauge<1> waiting_ratio_;
  sentinel::Gauge<1> stalled_ratio_;
  sentinel::Counter<> swapped_in_;
  sentinel::Counter<> swapped_out_;
  sentinel::Counter<> major_faults_;
  sentinel::Counter<> oom_kills_;
  std::map<std::string, DeclaredField, std::less<>> fields_;  // by the kernel's name
  std::set<std::string> names_{"sentinel_memory_usage"};      // of gauges
  Buffer buffer_;
  MemInfo meminfo_;
};

}  // namespace

SENTINEL_COLLECTOR(ProcMem, {.name = "proc_mem",
                             .version = "0.1.0",
                             .licence = "Apache-2.0",
                             .summary = "Memory by kind of use, pressure, swapping, major faults and OOM kills"});
