// Every state transition of every TCP socket of the host, IPv4 and IPv6, in every network namespace, however short the
// connection lives: counted in the kernel, and sent as events where a pipeline wants them. What it hooks is told in
// tcpstate.bpf.c.
//
// A transition's process is the one that called connect, listen or close; before a server has accepted and closed a
// connection, its end has none. saddr and sport are this end of the socket, daddr and dport the other. TIME_WAIT never
// shows: the kernel keeps it in another kind of socket, and this one goes from FIN_WAIT2 to CLOSE. The local port is 0
// on the way into SYN_SENT, when the kernel has not chosen one yet.
#include "plugins/ebpf_tcpstate/tcpstate.h"

#include <array>
#include <cstring>
#include <optional>
#include <sentinel/bpf/common_config.hpp>
#include <sentinel/bpf/contexts.hpp>
#include <sentinel/bpf/funnel.hpp>
#include <sentinel/bpf/instruments.hpp>
#include <sentinel/collector.hpp>
#include <span>
#include <string>

#include "plugins/ebpf_tcpstate/polled_states.hpp"
#include "tcpstate.skel.h"

namespace {

using namespace sentinel::bpf;
using std::string_view;

/// By the kernel's number, include/net/tcp_states.h.
constexpr string_view states[TCPSTATE_STATES] = {"",          "established", "syn_sent",    "syn_recv",   "fin_wait1",
                                                 "fin_wait2", "time_wait",   "close",       "close_wait", "last_ack",
                                                 "listen",    "closing",     "new_syn_recv"};
constexpr string_view families[] = {"", "", "ipv4", "", "", "", "", "", "", "", "ipv6"};

constexpr Field field_table[] = {
    {.name = "oldstate", .index = TCPSTATE_OLDSTATE, .kind = FieldKind::name, .names = states},
    {.name = "newstate", .index = TCPSTATE_NEWSTATE, .kind = FieldKind::name, .names = states},
    {.name = "family", .index = TCPSTATE_FAMILY, .kind = FieldKind::name, .names = families},
    {.name = "saddr", .index = TCPSTATE_SADDR, .kind = FieldKind::address},
    {.name = "daddr", .index = TCPSTATE_DADDR, .kind = FieldKind::address},
    {.name = "sport", .index = TCPSTATE_SPORT},
    {.name = "dport", .index = TCPSTATE_DPORT},
    {.name = "netns", .index = TCPSTATE_NETNS},
    {.name = "pid", .index = TCPSTATE_PID, .beside = TCPSTATE_START},
    {.name = "tid", .index = TCPSTATE_TID},
    {.name = "ppid", .index = TCPSTATE_PPID},
    {.name = "cgroup_id", .index = TCPSTATE_CGROUP},
    {.name = "comm", .index = TCPSTATE_COMM, .kind = FieldKind::comm},
    {.name = "parent_comm", .index = TCPSTATE_PARENT_COMM, .kind = FieldKind::comm},
    {.name = "", .index = TCPSTATE_SECONDS, .kind = FieldKind::value, .scale = 1e9},
};
const Fields fields{field_table};

const std::array<Hook, 1> hooks = {
    Hook{.name = "state",
         .candidates = {{"tp_btf", {"state_tp_btf"}},
                        {"fentry", {"set_fentry", "store_fentry"}},
                        {"raw_tp", {"state_raw_tp"}},
                        {"tracepoint", {"state_tracepoint"}},
                        {"kprobe", {"set_kprobe", "store_kprobe"}}}},
};
constexpr string_view kept_maps[] = {"sockets", "transitions", "times"};

/// Bounds that are shown: each third of the kernel's powers of two microseconds.
constexpr std::size_t shown_every = 3;
constexpr std::size_t first_shown = 4;  // 16 us
constexpr std::array<double, 7> bounds = {16e-6, 128e-6, 1024e-6, 8192e-6, 65536e-6, 524288e-6, 4194304e-6};

FunnelSpec spec() {
  std::size_t size = 0;
  const auto* bytes = static_cast<const std::byte*>(tcpstate_bpf__elf_bytes(&size));
  return {{bytes, size}, hooks, kept_maps, 1};
}

FunnelOptions options_of(const sentinel::Config& config) {
  FunnelOptions options = common_options(config);
  FilterBuilder filter;
  filter.numbers("ports", integers_of(config, "ports"), TCPSTATE_SPORT, TCPSTATE_DPORT);
  filter.prefixes("addresses", strings_of(config, "addresses"), TCPSTATE_SADDR, TCPSTATE_DADDR);
  filter.texts("states", strings_of(config, "states"), field_table[1], TCPSTATE_OLDSTATE);
  filter.numbers("pids", integers_of(config, "pids"), TCPSTATE_PID);
  filter.texts("comms", strings_of(config, "comms"), *fields.find("comm"));
  filter.cgroups("cgroups", strings_of(config, "cgroups"), TCPSTATE_CGROUP);
  filter.numbers("netns", integers_of(config, "netns"), TCPSTATE_NETNS);
  options.filter = filter.filter();
  const bool by_owner = !integers_of(config, "pids").empty() || !strings_of(config, "comms").empty() ||
                        !strings_of(config, "cgroups").empty();
  if (config.boolean("times") || by_owner) options.flags |= TCPSTATE_DWELL;
  if (!by_owner && strings_of(config, "states").empty()) options.flags |= TCPSTATE_SOCKETS_ALONE;
  return options;
}

class EbpfTcpstate {
 public:
  static constexpr sentinel::Field schema[] = {
      {.name = "ports",
       .type = sentinel::FieldType::integer_list,
       .help = "only sockets with one of these ports at either end"},
      {.name = "addresses",
       .type = sentinel::FieldType::string_list,
       .help = "only sockets with one of these addresses or prefixes at either end, as 10.0.0.0/8"},
      {.name = "states",
       .type = sentinel::FieldType::string_list,
       .help = "only transitions into or out of these states, as syn_sent"},
      {.name = "pids", .type = sentinel::FieldType::integer_list, .help = "only sockets of these processes"},
      {.name = "comms", .type = sentinel::FieldType::string_list, .help = "only sockets of processes of these names"},
      {.name = "cgroups",
       .type = sentinel::FieldType::string_list,
       .help = "only sockets of processes in these cgroups of version 2, by path or id"},
      {.name = "netns",
       .type = sentinel::FieldType::integer_list,
       .help = "only these network namespaces, by the number in /proc/<pid>/ns/net"},
      {.name = "times",
       .type = sentinel::FieldType::boolean,
       .by_default = "true",
       .help = "measure the time in each state and the life of connections"},
      {.name = "polled",
       .type = sentinel::FieldType::boolean,
       .by_default = "true",
       .help = "count beside it what a look at all sockets each interval would have seen, unless there is a filter"},
      hooks_field,
      ring_field,
      period_field,
      stacks_field,
      budget_field,
  };
  static constexpr string_view capabilities[] = {"CAP_BPF", "CAP_PERFMON"};
  static constexpr std::uint32_t state_version = 1;

  EbpfTcpstate(const sentinel::Config& config, sentinel::Host& host)
      : host_(host),
        funnel_(spec(), options_of(config)),
        instruments_(host, "ebpf_tcpstate", budget_of(config)),
        with_times_(config.boolean("times")),
        with_polled_(config.boolean("polled") && funnel_.options().filter.count == 0),
        transition_(
            host.event({"sentinel_tcp_transition",
                        "A TCP socket changed its state; the value is the time that it was in the old one.", "seconds"},
                       {"oldstate", "newstate", "family", "saddr", "sport", "daddr", "dport", "netns"})),
        transitions_(host.counter({"sentinel_tcp_transitions_total", "State transitions of TCP sockets."},
                                  {"oldstate", "newstate"})),
        state_seconds_(host.histogram(
            {"sentinel_tcp_state_seconds", "Time that TCP sockets were in a state.", "seconds"}, bounds, {"state"})),
        connection_seconds_(host.histogram({"sentinel_tcp_connection_seconds",
                                            "Life of TCP connections, from leaving CLOSE to coming back.", "seconds"},
                                           bounds)),
        states_seen_(host.counter({"sentinel_tcp_states_seen_total",
                                   "States that TCP sockets were seen to enter, by eBPF and by a look each interval."},
                                  {"by"})) {}

  sentinel::Result<void> offer(const sentinel::Demands& demands) {
    const EventType types[] = {{transition_.id, TCPSTATE_EVENT, fields}};
    return funnel_.offer(demands, types);
  }

  sentinel::Result<void> start() {
    const auto started = funnel_.start();
    if (started && !funnel_.gap().empty()) instruments_.note_gap(funnel_.gap());
    return started;
  }

  sentinel::Result<void> resume() { return funnel_.resume(); }

  sentinel::Result<void> stop() {
    funnel_.stop();
    return {};
  }

  sentinel::Result<void> save(sentinel::Writer& out) {
    if (const auto saved = funnel_.save(out); !saved) return saved;
    out.write(instruments_.save());
    return {};
  }

  sentinel::Result<void> restore(std::uint32_t version, string_view state) {
    if (version != state_version) {
      return sentinel::Error{sentinel::Errc::unsupported, "state of version " + std::to_string(version)};
    }
    instruments_.restore(state);
    (void)funnel_.restore(state);  // what can't be gone on from is a gap, which start() tells of
    return {};
  }

  sentinel::Result<sentinel::Watch> watch() { return funnel_.watch(); }

  sentinel::Result<void> ready(sentinel::Batch& batch) {
    const Instruments::Timing timing(instruments_);
    const auto read = funnel_.read_events([&](const funnel_event& event, std::size_t size) {
      const std::size_t whole = offsetof(tcpstate_transition, frames) + event.frame_count * sizeof(funnel_u64);
      if (event.type == TCPSTATE_EVENT && size >= whole) {
        add_transition(reinterpret_cast<const tcpstate_transition&>(event), batch);
      }
    });
    funnel_.read_panes(now_ns(), false, [&](const Pane& pane) { add_pane(pane, batch); });
    instruments_.note_read(read);
    instruments_.tell_lost(funnel_, batch);
    return {};
  }

  sentinel::Result<void> collect(sentinel::Batch& batch) {
    const Instruments::Timing timing(instruments_);
    add_transitions(batch);
    if (with_times_) add_times(batch);
    instruments_.collect(funnel_, batch);
    return {};
  }

  sentinel::Result<void> details(sentinel::Rows& rows) {
    instruments_.details(funnel_, rows);
    return {};
  }

 private:
  [[nodiscard]] std::uint64_t now_ns() const { return static_cast<std::uint64_t>(host_.now().count()); }

  void add_transition(const tcpstate_transition& event, sentinel::Batch& batch) {
    FieldText saddr;
    FieldText daddr;
    const std::string sport = std::to_string(event.sport);
    const std::string dport = std::to_string(event.dport);
    const std::string netns = std::to_string(event.netns);
    const auto context =
        contexts_.of(event.event.process, {event.frames, event.event.frame_count}, event.event.time_ns);
    batch.add(transition_, std::chrono::nanoseconds(event.event.time_ns), static_cast<double>(event.in_state_ns) / 1e9,
              context,
              {name_of(states, event.oldstate), name_of(states, event.newstate), name_of(families, event.family),
               address_text(event.saddr, saddr), sport, address_text(event.daddr, daddr), dport, netns});
  }

  void add_pane(const Pane& pane, sentinel::Batch& batch) {
    std::array<FieldText, TCPSTATE_FIELD_COUNT> room;
    const auto text = [&](std::uint32_t field) { return pane.text(fields, field, room[field]); };
    const auto number = [&](std::uint32_t field) {
      const auto* value = pane.value(field);
      return value == nullptr ? 0 : value->lo;
    };
    sentinel::Context context;
    context.pid = static_cast<std::uint32_t>(number(TCPSTATE_PID));
    context.tid = static_cast<std::uint32_t>(number(TCPSTATE_TID));
    context.ppid = static_cast<std::uint32_t>(number(TCPSTATE_PPID));
    context.start_time_ns = number(TCPSTATE_START);
    context.cgroup_id = number(TCPSTATE_CGROUP);
    context.comm = text(TCPSTATE_COMM);
    context.parent_comm = text(TCPSTATE_PARENT_COMM);
    batch.add_folded(transition_, std::chrono::nanoseconds(pane.end_ns), pane.demand, pane.count,
                     static_cast<double>(pane.sum) / 1e9, context,
                     {text(TCPSTATE_OLDSTATE), text(TCPSTATE_NEWSTATE), text(TCPSTATE_FAMILY), text(TCPSTATE_SADDR),
                      text(TCPSTATE_SPORT), text(TCPSTATE_DADDR), text(TCPSTATE_DPORT), text(TCPSTATE_NETNS)});
  }

  void add_transitions(sentinel::Batch& batch) {
    const int map = funnel_.map_fd("transitions");
    std::uint64_t all = 0;
    for (std::uint32_t index = 0; index < TCPSTATE_STATES * TCPSTATE_STATES; ++index) {
      const auto oldstate = states[index / TCPSTATE_STATES];
      const auto newstate = states[index % TCPSTATE_STATES];
      if (oldstate.empty() || newstate.empty()) continue;
      std::uint64_t count = 0;
      funnel_.each_cpu(map, &index, sizeof(count), [&](const std::byte* part) {
        std::uint64_t of_cpu = 0;
        std::memcpy(&of_cpu, part, sizeof(of_cpu));
        count += of_cpu;
      });
      if (count == 0) continue;
      all += count;
      batch.add(transitions_, static_cast<double>(count), {oldstate, newstate});
    }
    batch.add(states_seen_, static_cast<double>(all), {"bpf"});
    if (!with_polled_) return;
    if (const auto looked = polled_.look(); looked) {
      batch.add(states_seen_, static_cast<double>(polled_.seen()), {"poll"});
    }
  }

  void add_times(sentinel::Batch& batch) {
    for (std::uint32_t state = 0; state < TCPSTATE_STATES; ++state) {
      std::array<std::uint64_t, TCPSTATE_BUCKETS> counts{};
      std::uint64_t sum_ns = 0;
      funnel_.each_cpu(funnel_.map_fd("times"), &state, sizeof(tcpstate_times), [&](const std::byte* part) {
        tcpstate_times of_cpu;
        std::memcpy(&of_cpu, part, sizeof(of_cpu));
        sum_ns += of_cpu.sum_ns;
        for (std::size_t i = 0; i < counts.size(); ++i) counts[i] += of_cpu.buckets[i];
      });
      std::array<std::uint64_t, bounds.size() + 1> cumulative{};
      std::uint64_t total = 0;
      for (std::size_t i = 0; i < counts.size(); ++i) {
        total += counts[i];
        if (i < first_shown || (i - first_shown) % shown_every != 0) continue;
        const std::size_t bound = (i - first_shown) / shown_every;
        if (bound < bounds.size()) cumulative[bound] = total;
      }
      cumulative.back() = total;
      const double sum = static_cast<double>(sum_ns) / 1e9;
      if (state == 0) {
        batch.add(connection_seconds_, sum, cumulative);
      } else if (total > 0 && !states[state].empty()) {
        batch.add(state_seconds_, sum, cumulative, {states[state]});
      }
    }
  }

  static string_view name_of(std::span<const string_view> names, std::size_t index) {
    return index < names.size() ? names[index] : string_view();
  }

  sentinel::Host host_;
  Funnel funnel_;
  Instruments instruments_;
  bool with_times_;
  bool with_polled_;
  sentinel::Event<8> transition_;
  sentinel::Counter<2> transitions_;
  sentinel::Histogram<1> state_seconds_;
  sentinel::Histogram<> connection_seconds_;
  sentinel::Counter<1> states_seen_;
  Contexts contexts_;
  PolledStates polled_;
};

}  // namespace

SENTINEL_COLLECTOR(EbpfTcpstate,
                   {.name = "ebpf_tcpstate",
                    .version = "0.1.0",
                    .licence = "Apache-2.0",
                    .summary = "Every state transition of TCP sockets, counted in the kernel, with times"});
