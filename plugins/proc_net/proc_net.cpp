// Network devices, the receive side of the CPUs, and connection tracking.
//
// net/dev                           bytes, packets, errors and drops of each device, both ways
// net/softnet_stat                  packets that CPUs took in, dropped because their backlog was full, and how often a
//                                   CPU had to stop with work left; 32-bit counts, which go on in 64 bits here
// sys/net/netfilter/nf_conntrack_*  tracked connections and their limit; absent while the module is not loaded
//
// Devices and tracked connections are of one network namespace, CPUs of the whole host. Devices of containers come and
// go by the hundred, so some names are left out by default, and there is a limit.
#include <sentinel/procfs/net_dev.hpp>
#include <sentinel/procfs/proc_root.hpp>
#include <sentinel/procfs/softnet.hpp>
#include <sentinel/procfs/sysctl.hpp>

#include <sentinel/collector.hpp>

#include <fnmatch.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace sentinel::procfs;

/// Counts of one CPU, carried on beyond the kernel's 32 bits and beyond the time that the CPU is offline.
struct CpuTotals {
  SoftnetCpu last;
  std::uint64_t processed = 0;
  std::uint64_t dropped = 0;
  std::uint64_t times_squeezed = 0;

  /// The difference of two 32-bit counts is right also when the later one wrapped.
  void advance(const SoftnetCpu& now) {
    processed += static_cast<std::uint32_t>(now.processed - last.processed);
    dropped += static_cast<std::uint32_t>(now.dropped - last.dropped);
    times_squeezed += static_cast<std::uint32_t>(now.times_squeezed - last.times_squeezed);
    last = now;
  }

  /// As they are saved.
  [[nodiscard]] std::array<std::uint64_t, 7> numbers() const {
    return {last.cpu, last.processed, last.dropped, last.times_squeezed, processed, dropped, times_squeezed};
  }
  /// Cuts a saved line off the front of `rest`.
  bool take_line(std::string_view& rest) {
    return take(rest, last.cpu, ' ') && take(rest, last.processed, ' ') && take(rest, last.dropped, ' ') &&
           take(rest, last.times_squeezed, ' ') && take(rest, processed, ' ') && take(rest, dropped, ' ') &&
           take(rest, times_squeezed, '\n');
  }

 private:
  template <class Number>
  static bool take(std::string_view& rest, Number& number, char end) {
    const auto [next, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
    rest.remove_prefix(static_cast<std::size_t>(next - rest.data()));
    if (error != std::errc() || !rest.starts_with(end)) return false;
    rest.remove_prefix(1);
    return true;
  }
};

class ProcNet {
 public:
  static constexpr sentinel::Field schema[] = {
      {.name = "procfs", .type = sentinel::FieldType::path, .by_default = "/proc", .help = "where proc(5) is mounted"},
      {.name = "pid",
       .type = sentinel::FieldType::integer,
       .help =
           "the process whose network namespace is read, without its connection tracking; by default the agent's own",
       .minimum = 1,
       .maximum = 4194304},
      {.name = "ignore_devices",
       .type = sentinel::FieldType::string_list,
       .by_default = "veth*, cali*, lxc*, cilium*, ifb*, dummy*, tap*",
       .help = "patterns (fnmatch) of devices to leave out"},
      {.name = "most_devices",
       .type = sentinel::FieldType::integer,
       .by_default = "8",
       .help = "devices with series, in the kernel's order; more are counted",
       .minimum = 1,
       .maximum = 1000}};
  static constexpr std::uint32_t state_version = 1;
  static constexpr std::size_t most_cpu_rows = 50;

  ProcNet(const sentinel::Config& config, sentinel::Host& host)
      : procfs_(config.path("procfs")),
        own_namespace_(!config.has("pid")),
        net_(own_namespace_ ? "net/" : std::to_string(config.integer("pid")) + "/net/"),
        ignored_(config.strings("ignore_devices")),
        most_devices_(static_cast<std::size_t>(config.integer("most_devices"))),
        received_{host.counter({"sentinel_network_receive_bytes_total", "Bytes received.", "bytes"}, {"device"}),
                  host.counter({"sentinel_network_receive_packets_total", "Packets received."}, {"device"}),
                  host.counter({"sentinel_network_receive_errors_total", "Packets received broken."}, {"device"}),
                  host.counter({"sentinel_network_receive_drops_total",
                                "Packets received and dropped, for want of a buffer, a taker or a known protocol."},
                               {"device"})},
        sent_{host.counter({"sentinel_network_transmit_bytes_total", "Bytes sent.", "bytes"}, {"device"}),
              host.counter({"sentinel_network_transmit_packets_total", "Packets sent."}, {"device"}),
              host.counter({"sentinel_network_transmit_errors_total", "Packets that could not be sent."}, {"device"}),
              host.counter({"sentinel_network_transmit_drops_total", "Packets dropped instead of sent."}, {"device"})},
        left_out_(
            host.gauge({"sentinel_network_devices_left_out", "Devices without series, because there are too many."})),
        processed_(host.counter({"sentinel_softnet_processed_total", "Packets that CPUs took in from devices."})),
        dropped_(host.counter({"sentinel_softnet_dropped_total", "Packets dropped because a CPU's backlog was full."})),
        squeezed_(host.counter({"sentinel_softnet_times_squeezed_total",
                                "Times a CPU stopped taking in packets with some left, its budget or time spent."})),
        entries_(host.gauge({"sentinel_conntrack_entries", "Connections tracked."})),
        entries_limit_(host.gauge({"sentinel_conntrack_entries_limit", "Connections that may be tracked."})) {}

  sentinel::Result<void> collect(sentinel::Batch& batch) {
    const auto root = Root::open(procfs_);
    if (!root) return root.error();
    if (const auto done = collect_devices(*root, batch); !done) return done;
    if (const auto done = collect_softnet(*root, batch); !done) return done;
    // The kernel answers for the namespace of the reader, whatever the path.
    if (!own_namespace_) return {};
    if (const auto done = collect_count(*root, "count", entries_, batch); !done) return done;
    return collect_count(*root, "max", entries_limit_, batch);
  }

  /// Counts as carried on: a line for each CPU with its number, what the kernel said last, and the totals; in decimal.
  sentinel::Result<void> save(sentinel::Writer& out) {
    std::string text;
    for (const auto& [cpu, totals] : cpus_) {
      for (const std::uint64_t number : totals.numbers()) text += std::to_string(number) + ' ';
      text.back() = '\n';
    }
    out.write(text);
    return {};
  }

  sentinel::Result<void> restore(std::uint32_t version, std::string_view state) {
    using sentinel::Errc;
    if (version != state_version) {
      return sentinel::Error{Errc::unsupported, "proc_net reads state of version 1, not " + std::to_string(version)};
    }
    std::map<std::uint32_t, CpuTotals> cpus;
    while (!state.empty()) {
      CpuTotals totals;
      if (!totals.take_line(state)) {
        return sentinel::Error{Errc::invalid_argument, "proc_net's saved counts are malformed"};
      }
      cpus[totals.last.cpu] = totals;
    }
    cpus_ = std::move(cpus);
    return {};
  }

  sentinel::Result<void> details(sentinel::Rows& rows) {
    std::vector<const CpuTotals*> troubled;
    for (const auto& [cpu, totals] : cpus_) {
      if (totals.dropped + totals.times_squeezed > 0) troubled.push_back(&totals);
    }
    std::stable_sort(troubled.begin(), troubled.end(), [](const CpuTotals* a, const CpuTotals* b) {
      return a->dropped != b->dropped ? a->dropped > b->dropped : a->times_squeezed > b->times_squeezed;
    });
    if (troubled.size() > most_cpu_rows) troubled.resize(most_cpu_rows);
    for (const auto* totals : troubled) {
      rows.add("softnet_by_cpu", {{"cpu", std::to_string(totals->last.cpu)},
                                  {"processed", std::to_string(totals->processed)},
                                  {"dropped", std::to_string(totals->dropped)},
                                  {"times_squeezed", std::to_string(totals->times_squeezed)}});
    }
    return {};
  }

 private:
  struct Traffic {
    sentinel::Counter<1> bytes;
    sentinel::Counter<1> packets;
    sentinel::Counter<1> errors;
    sentinel::Counter<1> drops;

    void add(sentinel::Batch& batch, std::string_view device, const NetTraffic& traffic) const {
      batch.add(bytes, static_cast<double>(traffic.bytes), {device});
      batch.add(packets, static_cast<double>(traffic.packets), {device});
      batch.add(errors, static_cast<double>(traffic.errors), {device});
      batch.add(drops, static_cast<double>(traffic.dropped), {device});
    }
  };

  sentinel::Result<void> collect_devices(const Root& root, sentinel::Batch& batch) {
    const auto file = net_ + "dev";
    const auto text = root.read(file, buffer_);
    if (!text) return text.error();
    if (const auto parsed = parse_net_dev(*text, devices_); !parsed) return parsed.error().in(root.full_path(file));
    std::erase_if(devices_, [&](const NetDevice& device) { return ignores(std::string(device.name)); });
    const auto reported = std::min(devices_.size(), most_devices_);
    for (std::size_t i = 0; i < reported; ++i) {
      received_.add(batch, devices_[i].name, devices_[i].received);
      sent_.add(batch, devices_[i].name, devices_[i].sent);
    }
    batch.add(left_out_, static_cast<double>(devices_.size() - reported));
    return {};
  }

  sentinel::Result<void> collect_softnet(const Root& root, sentinel::Batch& batch) {
    const auto file = net_ + "softnet_stat";
    const auto text = root.read(file, buffer_);
    if (!text && absent(text.error())) return {};
    if (!text) return text.error();
    if (const auto parsed = parse_softnet(*text, softnet_); !parsed) return parsed.error().in(root.full_path(file));
    for (const auto& cpu : softnet_) cpus_[cpu.cpu].advance(cpu);
    CpuTotals sum;
    for (const auto& [cpu, totals] : cpus_) {
      sum.processed += totals.processed;
      sum.dropped += totals.dropped;
      sum.times_squeezed += totals.times_squeezed;
    }
    batch.add(processed_, static_cast<double>(sum.processed));
    batch.add(dropped_, static_cast<double>(sum.dropped));
    batch.add(squeezed_, static_cast<double>(sum.times_squeezed));
    return {};
  }

  sentinel::Result<void> collect_count(const Root& root, std::string_view what, sentinel::Gauge<> metric,
                                       sentinel::Batch& batch) {
    const auto name = "nf_conntrack_" + std::string(what);
    const auto file = "sys/net/netfilter/" + name;
    const auto text = root.read(file, buffer_);
    if (!text && absent(text.error())) return {};
    if (!text) return text.error();
    std::array<std::uint64_t, 1> number{};
    if (const auto parsed = parse_sysctl(name, *text, number); !parsed) {
      return parsed.error().in(root.full_path(file));
    }
    batch.add(metric, static_cast<double>(number[0]));
    return {};
  }

  [[nodiscard]] bool ignores(const std::string& device) const {
    return std::any_of(ignored_.begin(), ignored_.end(),
                       [&](const std::string& pattern) { return ::fnmatch(pattern.c_str(), device.c_str(), 0) == 0; });
  }

  static bool absent(const sentinel::Error& error) {
    return error.code == sentinel::Errc::not_found || error.code == sentinel::Errc::unsupported;
  }

  std::string procfs_;
  bool own_namespace_;
  std::string net_;
  std::vector<std::string> ignored_;
  std::size_t most_devices_;
  Traffic received_;
  Traffic sent_;
  sentinel::Gauge<> left_out_;
  sentinel::Counter<> processed_;
  sentinel::Counter<> dropped_;
  sentinel::Counter<> squeezed_;
  sentinel::Gauge<> entries_;
  sentinel::Gauge<> entries_limit_;
  Buffer buffer_;
  std::vector<NetDevice> devices_;
  std::vector<SoftnetCpu> softnet_;
  std::map<std::uint32_t, CpuTotals> cpus_;
};

}  // namespace

SENTINEL_COLLECTOR(ProcNet, {.name = "proc_net",
                             .version = "0.1.0",
                             .licence = "Apache-2.0",
                             .summary = "Traffic of network devices, overloaded receivers, tracked connections"});
