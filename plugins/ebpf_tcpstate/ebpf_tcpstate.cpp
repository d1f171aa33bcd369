// Every state transition of every TCP socket of the host, IPv4 and IPv6, in every network namespace, however short the
// connection lives: counted in the kernel, and sent as events where a pipeline wants them. What it hooks is told in
// tcpstate.bpf.c.
//
// A transition's process is the one that called connect, listen, accept or close; before a server has accepted a
// connection, its end has none. saddr and sport are this end of the socket, daddr and dport the other. TIME_WAIT never
// shows: the kernel keeps it in another kind of socket, and this one goes from FIN_WAIT2 to CLOSE. The local port is 0
// on the way into SYN_SENT, when the kernel has not chosen one yet.
#include "plugins/ebpf_tcpstate/tcpstate.h"

#include <array>
#include <cstring>
#include <optional>
#include <sentinel/bpf/common_config.hpp>
#include <sentinel/bpf/event_collector.hpp>
#include <sentinel/bpf/histogram.hpp>
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

const std::array<Hook, 2> hooks = {
    Hook{.name = "state",
         .candidates = {{"tp_btf", {"state_tp_btf"}},
                        {"fentry", {"set_fentry", "store_fentry"}},
                        {"raw_tp", {"state_raw_tp"}},
                        {"tracepoint", {"state_tracepoint"}},
                        {"kprobe", {"set_kprobe", "store_kprobe"}}}},
    // Without it a server's end has no owner until it is closed.
    Hook{.name = "accept",
         .required = false,
         .candidates = {{"fentry", {"accept_fexit"}}, {"kprobe", {"accept_kretprobe"}}}},
};
constexpr string_view kept_maps[] = {"sockets", "transitions", "times"};

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

class EbpfTcpstate : public EventCollector {
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

  EbpfTcpstate(const sentinel::Config& config, sentinel::Host& host)
      : EventCollector(host, "ebpf_tcpstate", spec(), options_of(config), budget_of(config)),
        with_times_(config.boolean("times")),
        with_polled_(config.boolean("polled") && funnel().options().filter.count == 0),
        transition_(
            host.event({"sentinel_tcp_transition",
                        "A TCP socket changed its state; the value is the time that it was in the old one.", "seconds"},
                       {"oldstate", "newstate", "family", "saddr", "sport", "daddr", "dport", "netns"})),
        transitions_(host.counter({"sentinel_tcp_transitions_total", "State transitions of TCP sockets."},
                                  {"oldstate", "newstate"})),
        state_seconds_(
            host.histogram({"sentinel_tcp_state_seconds", "Time that TCP sockets were in a state.", "seconds"},
                           TimeHistogram::bounds, {"state"})),
        connection_seconds_(host.histogram({"sentinel_tcp_connection_seconds",
                                            "Life of TCP connections, from leaving CLOSE to coming back.", "seconds"},
                                           TimeHistogram::bounds)),
        states_seen_(host.counter({"sentinel_tcp_states_seen_total",
                                   "States that TCP sockets were seen to enter, by eBPF and by a look each interval."},
                                  {"by"})) {
    may_send({transition_.id, TCPSTATE_EVENT, fields});
  }

 private:
  sentinel::Result<void> add_metrics(sentinel::Batch& batch) override {
    add_transitions(batch);
    if (with_times_) add_times(batch);
    return {};
  }

  void add_event(const funnel_event& raw, std::size_t size, sentinel::Batch& batch) override {
    const auto* whole = whole_event<tcpstate_transition>(raw, TCPSTATE_EVENT, size);
    if (whole == nullptr) return;
    const tcpstate_transition& event = *whole;
    FieldText saddr;
    FieldText daddr;
    const std::string sport = std::to_string(event.sport);
    const std::string dport = std::to_string(event.dport);
    const std::string netns = std::to_string(event.netns);
    const auto context =
        contexts().of(event.event.process, {event.frames, event.event.frame_count}, event.event.time_ns);
    batch.add(transition_, std::chrono::nanoseconds(event.event.time_ns), static_cast<double>(event.in_state_ns) / 1e9,
              context,
              {name_at(states, event.oldstate), name_at(states, event.newstate), name_at(families, event.family),
               address_text(event.saddr, saddr), sport, address_text(event.daddr, daddr), dport, netns});
  }

  void add_pane(const Pane& pane, sentinel::Batch& batch) override {
    PaneTexts text(pane, fields);
    const auto context = text.context();
    batch.add_folded(transition_, std::chrono::nanoseconds(pane.end_ns), pane.demand, pane.count,
                     static_cast<double>(pane.sum) / 1e9, context,
                     {text(TCPSTATE_OLDSTATE), text(TCPSTATE_NEWSTATE), text(TCPSTATE_FAMILY), text(TCPSTATE_SADDR),
                      text(TCPSTATE_SPORT), text(TCPSTATE_DADDR), text(TCPSTATE_DPORT), text(TCPSTATE_NETNS)});
  }

  void add_transitions(sentinel::Batch& batch) {
    const int map = funnel().map_fd("transitions");
    std::uint64_t all = 0;
    for (std::uint32_t index = 0; index < TCPSTATE_STATES * TCPSTATE_STATES; ++index) {
      const auto oldstate = states[index / TCPSTATE_STATES];
      const auto newstate = states[index % TCPSTATE_STATES];
      if (oldstate.empty() || newstate.empty()) continue;
      const auto count = funnel().count(map, index);
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
      const auto times = read_histogram(funnel(), funnel().map_fd("times"), state);
      if (state == 0) {
        batch.add(connection_seconds_, times.sum, times.counts);
      } else if (!times.empty() && !states[state].empty()) {
        batch.add(state_seconds_, times.sum, times.counts, {states[state]});
      }
    }
  }

  bool with_times_;
  bool with_polled_;
  sentinel::Event<8> transition_;
  sentinel::Counter<2> transitions_;
  sentinel::Histogram<1> state_seconds_;
  sentinel::Histogram<> connection_seconds_;
  sentinel::Counter<1> states_seen_;
  PolledStates polled_;
};

}  // namespace

SENTINEL_COLLECTOR(EbpfTcpstate,
                   {.name = "ebpf_tcpstate",
                    .version = "0.1.0",
                    .licence = "Apache-2.0",
                    .summary = "Every state transition of TCP sockets, counted in the kernel, with times"});
