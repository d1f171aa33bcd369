// TCP of one network namespace: the reader's own, or that of the process `pid`, such as 1 for the host's in a container
// that has the host's procfs mounted.
//
// net/tcp, tcp6            sockets by state; IPv4 and IPv6 are added
// sock_diag(7)             the same over netlink, of the reader's own namespace alone
// iter/tcp                 the same, counted by a BPF program in the kernel (tcp_states.bpf.c), of that namespace too
// net/sockstat, sockstat6  sockets in use, orphaned, in TIME_WAIT, allocated; memory in pages
// net/snmp                 segments and resets; the kernel counts IPv4 and IPv6 together here
// net/netstat              overflows of listeners' queues, IPv4 and IPv6 together too
//
// Each read of net/tcp walks the kernel's whole hash table, which costs milliseconds on a large machine without a
// single connection; netlink walks it over twenty times as fast, and the iterator costs less still where sockets are
// many. A line whose state can't be read counts as `unknown`. Only net/tcp must be there: a kernel without IPv6, or a
// sandbox without the other files, lacks their series alone.
#include <sentinel/procfs/net_tcp.hpp>
#include <sentinel/procfs/proc_root.hpp>
#include <sentinel/procfs/snmp.hpp>
#include <sentinel/procfs/sockstat.hpp>

#include <sentinel/collector.hpp>

#include <unistd.h>

#include <array>
#include <span>
#include <string>

#include "plugins/proc_tcp/socket_states.hpp"

namespace {

using namespace sentinel::procfs;

struct Segments {
  std::string_view protocol;
  std::string_view column;
  sentinel::MetricSpec spec;
};

constexpr Segments snmp_columns[] = {
    {"Tcp", "InSegs", {"sentinel_tcp_received_segments_total", "TCP segments received, bad ones included."}},
    {"Tcp", "OutSegs", {"sentinel_tcp_sent_segments_total", "TCP segments sent, retransmitted ones left out."}},
    {"Tcp", "RetransSegs", {"sentinel_tcp_retransmitted_segments_total", "TCP segments sent again."}},
    {"Tcp", "OutRsts", {"sentinel_tcp_sent_resets_total", "TCP segments sent with RST."}},
    {"Tcp",
     "EstabResets",
     {"sentinel_tcp_established_resets_total",
      "TCP connections that went from ESTABLISHED or CLOSE-WAIT straight to CLOSE."}},
};
constexpr Segments netstat_columns[] = {
    {"TcpExt",
     "ListenOverflows",
     {"sentinel_tcp_listen_overflows_total", "Connections refused because a listener's accept queue was full."}},
    {"TcpExt",
     "ListenDrops",
     {"sentinel_tcp_listen_drops_total",
      "SYNs and connections that listeners dropped for any reason, overflows included."}},
};

class ProcTcp {
 public:
  static constexpr sentinel::Field schema[] = {
      {.name = "procfs", .type = sentinel::FieldType::path, .by_default = "/proc", .help = "where proc(5) is mounted"},
      {.name = "pid",
       .type = sentinel::FieldType::integer,
       .help = "the process whose network namespace is read; without it, the agent's own",
       .minimum = 1,
       .maximum = 4194304},
      {.name = "source",
       .by_default = "auto",
       .help = "where sockets by state come from: a BPF iterator, netlink, or net/tcp; auto is the cheapest that works",
       .choices = "auto,bpf,netlink,procfs"}};

  ProcTcp(const sentinel::Config& config, sentinel::Host& host)
      : host_(host),
        procfs_(config.path("procfs")),
        net_(config.has("pid") ? std::to_string(config.integer("pid")) + "/net/" : "net/"),
        states_(std::string(config.string("source")), net_, own_namespace(config)),
        page_bytes_(static_cast<double>(sysconf(_SC_PAGESIZE))),
        connections_(host.gauge({"sentinel_tcp_connections", "TCP sockets by state, IPv4 and IPv6."}, {"state"})),
        sockets_used_(host.gauge({"sentinel_sockets_used", "Sockets of every family."})),
        tcp_sockets_(host.gauge({"sentinel_tcp_sockets",
                                 "TCP sockets: in use (TIME_WAIT left out), orphaned, in "
                                 "TIME_WAIT, allocated."},
                                {"kind"})),
        memory_(host.gauge({"sentinel_tcp_memory_bytes", "Memory of TCP's socket buffers.", "bytes"})) {
    const std::string source(config.string("source"));
    if ((source == "bpf" || source == "netlink") && !own_namespace(config)) {
      throw sentinel::PluginError(
          {sentinel::Errc::invalid_argument, "`source: " + source +
                                                 "` sees the agent's own network namespace alone: leave out "
                                                 "`procfs` and `pid`, or the source"});
    }
    for (std::size_t i = 0; i < snmp_.size(); ++i) snmp_[i] = host.counter(snmp_columns[i].spec);
    for (std::size_t i = 0; i < netstat_.size(); ++i) netstat_[i] = host.counter(netstat_columns[i].spec);
  }

  sentinel::Result<void> start() { return states_.start(host_); }
  sentinel::Result<void> stop() {
    states_.stop();
    return {};
  }

  sentinel::Result<void> collect(sentinel::Batch& batch) {
    const auto root = Root::open(procfs_);
    if (!root) return root.error();
    if (const auto done = collect_states(*root, batch); !done) return done;
    if (const auto done = collect_sockstat(*root, batch); !done) return done;
    if (const auto done = collect_counters(*root, "snmp", snmp_columns, snmp_, batch); !done) return done;
    return collect_counters(*root, "netstat", netstat_columns, netstat_, batch);
  }

  sentinel::Result<void> details(sentinel::Rows& rows) {
    states_.describe(rows);
    return {};
  }

 private:
  static bool own_namespace(const sentinel::Config& config) {
    return config.path("procfs") == "/proc" && !config.has("pid");
  }

  sentinel::Result<void> collect_states(const Root& root, sentinel::Batch& batch) {
    const auto counts = states_.count(root, host_);
    if (!counts) return counts.error();
    auto sockets = counts->sockets;
    sockets[static_cast<std::size_t>(TcpState::unknown)] += counts->malformed_lines;
    sockets[static_cast<std::size_t>(TcpState::syn_recv)] += (*counts)[TcpState::new_syn_recv];
    for (std::size_t state = 0; state < sockets.size(); ++state) {
      if (state == static_cast<std::size_t>(TcpState::new_syn_recv)) continue;
      batch.add(connections_, static_cast<double>(sockets[state]), {tcp_state_names[state]});
    }
    return {};
  }

  sentinel::Result<void> collect_sockstat(const Root& root, sentinel::Batch& batch) {
    const auto v4 = read_sockstat(root, net_ + "sockstat");
    if (!v4) return v4.error();
    const auto v6 = read_sockstat(root, net_ + "sockstat6");
    if (!v6) return v6.error();
    const auto add = [&](std::string_view kind, const std::optional<std::uint64_t>& value, std::uint64_t more = 0) {
      if (value) batch.add(tcp_sockets_, static_cast<double>(*value + more), {kind});
    };
    add("inuse", v4->tcp_inuse, v6->tcp_inuse.value_or(0));
    add("orphan", v4->tcp_orphan);
    add("tw", v4->tcp_time_wait);
    add("alloc", v4->tcp_alloc);
    if (v4->sockets_used) batch.add(sockets_used_, static_cast<double>(*v4->sockets_used));
    if (v4->tcp_mem_pages) batch.add(memory_, static_cast<double>(*v4->tcp_mem_pages) * page_bytes_);
    return {};
  }

  sentinel::Result<SockStat> read_sockstat(const Root& root, const std::string& file) {
    const auto text = root.read(file, buffer_);
    if (!text && absent(text.error())) return SockStat();
    if (!text) return text.error();
    auto parsed = parse_sockstat(*text);
    if (!parsed) return parsed.error().in(root.full_path(file));
    return parsed;
  }

  sentinel::Result<void> collect_counters(const Root& root, std::string_view name, std::span<const Segments> columns,
                                          std::span<const sentinel::Counter<>> metrics, sentinel::Batch& batch) {
    const auto file = net_ + std::string(name);
    const auto text = root.read(file, buffer_);
    if (!text && absent(text.error())) return {};
    if (!text) return text.error();
    const auto table = parse_snmp(*text);
    if (!table) return table.error().in(root.full_path(file));
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const auto value = table->find(columns[i].protocol, columns[i].column);
      if (value) batch.add(metrics[i], static_cast<double>(*value));
    }
    return {};
  }

  static bool absent(const sentinel::Error& error) {
    return error.code == sentinel::Errc::not_found || error.code == sentinel::Errc::unsupported;
  }

  sentinel::Host host_;
  std::string procfs_;
  std::string net_;
  proc_tcp::SocketStates states_;
  double page_bytes_;
  sentinel::Gauge<1> connections_;
  sentinel::Gauge<> sockets_used_;
  sentinel::Gauge<1> tcp_sockets_;
  sentinel::Gauge<> memory_;
  std::array<sentinel::Counter<>, std::size(snmp_columns)> snmp_;
  std::array<sentinel::Counter<>, std::size(netstat_columns)> netstat_;
  Buffer buffer_;
};

}  // namespace

SENTINEL_COLLECTOR(ProcTcp, {.name = "proc_tcp",
                             .version = "0.1.0",
                             .licence = "Apache-2.0",
                             .summary = "TCP sockets by state, segments, resets and listeners' overflows"});
