// How long TCP data waits for the application that is to read it, and how long a server takes to begin its answer: of
// every connection of the host, IPv4 and IPv6, in every network namespace. Histograms are made in the kernel; an event
// leaves it for what is slower than a limit. What it hooks, and what counts as waiting, is told in recv.bpf.c.
//
// saddr and sport are this end of the connection, daddr and dport the other. The process is the one that read, or that
// answered. A connection that was there before the collector has no known side, and its requests are not timed. A slow
// read's stack is that of the reading, then a frame of address 0, then that of the arrival, where it was kept.
#include "plugins/ebpf_recv/recv.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <sentinel/bpf/common_config.hpp>
#include <sentinel/bpf/event_collector.hpp>
#include <sentinel/bpf/histogram.hpp>
#include <sentinel/collector.hpp>
#include <span>
#include <string>
#include <vector>

#include "recv.skel.h"

namespace {

using namespace sentinel::bpf;
using std::string_view;

constexpr string_view families[] = {"", "", "ipv4", "", "", "", "", "", "", "", "ipv6"};
constexpr string_view sides[] = {"unknown", "server", "client"};

constexpr Field field_table[] = {
    {.name = "family", .index = RECV_FAMILY, .kind = FieldKind::name, .names = families},
    {.name = "saddr", .index = RECV_SADDR, .kind = FieldKind::address},
    {.name = "daddr", .index = RECV_DADDR, .kind = FieldKind::address},
    {.name = "sport", .index = RECV_SPORT},
    {.name = "dport", .index = RECV_DPORT},
    {.name = "side", .index = RECV_SIDE, .kind = FieldKind::name, .names = sides},
    {.name = "waiting_bytes", .index = RECV_WAITING},
    {.name = "netns", .index = RECV_NETNS},
    {.name = "pid", .index = RECV_PID, .beside = RECV_START},
    {.name = "tid", .index = RECV_TID},
    {.name = "ppid", .index = RECV_PPID},
    {.name = "cgroup_id", .index = RECV_CGROUP},
    {.name = "comm", .index = RECV_COMM, .kind = FieldKind::comm},
    {.name = "parent_comm", .index = RECV_PARENT_COMM, .kind = FieldKind::comm},
    {.name = "", .index = RECV_SECONDS, .kind = FieldKind::value, .scale = 1e9},
};
const Fields fields{field_table};

const std::array<Hook, 4> hooks = {
    Hook{.name = "arrival",
         .candidates = {{"tp_btf", {"arrival_tp_btf"}},
                        {"fentry", {"arrival_fentry"}},
                        {"raw_tp", {"arrival_raw_tp"}},
                        {"tracepoint", {"arrival_tracepoint"}},
                        {"kprobe", {"arrival_kprobe"}}}},
    Hook{.name = "take",
         .candidates = {{"tp_btf", {"take_tp_btf"}},
                        {"fentry", {"take_fentry"}},
                        {"raw_tp", {"take_raw_tp"}},
                        {"tracepoint", {"take_tracepoint"}},
                        {"kprobe", {"take_kprobe"}}}},
    Hook{.name = "state",
         .candidates = {{"tp_btf", {"state_tp_btf"}},
                        {"fentry", {"set_fentry", "store_fentry"}},
                        {"raw_tp", {"state_raw_tp"}},
                        {"tracepoint", {"state_tracepoint"}},
                        {"kprobe", {"set_kprobe", "store_kprobe"}}}},
    Hook{.name = "answer",
         .required = false,
         .candidates = {{"tp_btf", {"answer_tp_btf"}},
                        {"tp_btf", {"sent_tp_btf"}},
                        {"fentry", {"answer_fentry", "page_fentry"}},
                        {"fentry", {"answer_fentry"}},
                        {"raw_tp", {"answer_raw_tp"}},
                        {"raw_tp", {"sent_raw_tp"}},
                        {"tracepoint", {"sent_tracepoint"}},
                        {"kprobe", {"answer_kprobe", "page_kprobe"}},
                        {"kprobe", {"answer_kprobe"}}}},
};
constexpr string_view kept_maps[] = {"sockets", "stacks", "times"};

FunnelSpec spec() {
  std::size_t size = 0;
  const auto* bytes = static_cast<const std::byte*>(recv_bpf__elf_bytes(&size));
  return {{bytes, size}, hooks, kept_maps, 1};
}

FunnelOptions options_of(const sentinel::Config& config) {
  FunnelOptions options = common_options(config);
  FilterBuilder filter;
  filter.numbers("ports", integers_of(config, "ports"), RECV_SPORT, RECV_DPORT);
  filter.prefixes("addresses", strings_of(config, "addresses"), RECV_SADDR, RECV_DADDR);
  filter.numbers("netns", integers_of(config, "netns"), RECV_NETNS);
  const auto before_processes = filter.filter().count;
  filter.numbers("pids", integers_of(config, "pids"), RECV_PID);
  filter.texts("comms", strings_of(config, "comms"), *fields.find("comm"));
  filter.cgroups("cgroups", strings_of(config, "cgroups"), RECV_CGROUP);
  options.filter = filter.filter();
  if (options.filter.count > before_processes) options.flags |= RECV_BY_PROCESS;
  if (config.boolean("requests")) options.flags |= RECV_REQUESTS;
  options.limits[RECV_SLOW_NS] = static_cast<std::uint64_t>(config.duration("slow").count());
  options.limits[RECV_SLOW_REQUEST_NS] = static_cast<std::uint64_t>(config.duration("slow_request").count());
  options.limits[RECV_ONE_IN] = static_cast<std::uint64_t>(config.integer("sample"));
  return options;
}

class EbpfRecv : public EventCollector {
 public:
  static constexpr sentinel::Field schema[] = {
      {.name = "slow",
       .type = sentinel::FieldType::duration,
       .by_default = "10ms",
       .help = "data that waited as long for its reader is an event sentinel_recv_slow",
       .minimum = 0},
      {.name = "sample",
       .type = sentinel::FieldType::integer,
       .by_default = "0",
       .help = "one in so many reads is such an event, too, however fast; 0: none",
       .minimum = 0,
       .maximum = 1e9},
      {.name = "requests",
       .type = sentinel::FieldType::boolean,
       .by_default = "true",
       .help = "time each request of a server's connections, from its first byte to the answer's first"},
      {.name = "slow_request",
       .type = sentinel::FieldType::duration,
       .by_default = "500ms",
       .help = "a request that took as long is an event sentinel_request_slow",
       .minimum = 0},
      {.name = "addresses",
       .type = sentinel::FieldType::string_list,
       .help = "only connections with one of these addresses or prefixes at either end, as 10.0.0.0/8"},
      {.name = "ports",
       .type = sentinel::FieldType::integer_list,
       .help = "only connections with one of these ports at either end"},
      {.name = "pids", .type = sentinel::FieldType::integer_list, .help = "only what these processes read and answer"},
      {.name = "comms",
       .type = sentinel::FieldType::string_list,
       .help = "only what processes of these names read and answer"},
      {.name = "cgroups",
       .type = sentinel::FieldType::string_list,
       .help = "only processes in these cgroups of version 2, by path or id"},
      {.name = "netns",
       .type = sentinel::FieldType::integer_list,
       .help = "only these network namespaces, by the number in /proc/<pid>/ns/net"},
      hooks_field,
      ring_field,
      period_field,
      stacks_field,
      budget_field,
  };

  EbpfRecv(const sentinel::Config& config, sentinel::Host& host)
      : EventCollector(host, "ebpf_recv", spec(), options_of(config), budget_of(config)),
        with_requests_(config.boolean("requests")),
        slow_(host.event(
            {"sentinel_recv_slow",
             "Received TCP data waited long for its reader; the value is the wait of the oldest byte.", "seconds"},
            {"saddr", "sport", "daddr", "dport", "family", "side", "waiting_bytes", "netns"})),
        slow_request_(host.event({"sentinel_request_slow",
                                  "A server took long to begin its answer; the value is the time since the request's "
                                  "first byte.",
                                  "seconds"},
                                 {"saddr", "sport", "daddr", "dport", "family", "netns"})),
        latency_seconds_(
            host.histogram({"sentinel_recv_latency_seconds",
                            "Time that received TCP data waited for its reader, the oldest byte's.", "seconds"},
                           TimeHistogram::bounds, {"family"})),
        request_seconds_(host.histogram({"sentinel_request_seconds",
                                         "Time from a request's first byte in to the answer's first byte out, of TCP "
                                         "servers.",
                                         "seconds"},
                                        TimeHistogram::bounds, {"family"})) {
    may_send({slow_.id, RECV_SLOW_EVENT, fields});
    may_send({slow_request_.id, RECV_REQUEST_EVENT, fields});
  }

 private:
  sentinel::Result<void> add_metrics(sentinel::Batch& batch) override {
    add_times(latency_seconds_, RECV_LATENCY_V4, "ipv4", batch);
    add_times(latency_seconds_, RECV_LATENCY_V6, "ipv6", batch);
    if (with_requests_) {
      add_times(request_seconds_, RECV_REQUEST_V4, "ipv4", batch);
      add_times(request_seconds_, RECV_REQUEST_V6, "ipv6", batch);
    }
    return {};
  }

  void add_event(const funnel_event& raw, std::size_t size, sentinel::Batch& batch) override {
    // With its own frames go those of the arrival, behind them.
    const std::size_t needed = raw.frame_count > 0 ? sizeof(recv_slow) : offsetof(recv_slow, frames);
    if (size < needed || raw.frame_count > FUNNEL_FRAMES) return;
    const auto& event = reinterpret_cast<const recv_slow&>(raw);
    FieldText saddr;
    FieldText daddr;
    const std::string sport = std::to_string(event.sport);
    const std::string dport = std::to_string(event.dport);
    const std::string netns = std::to_string(event.netns);
    const std::string waiting = std::to_string(event.waiting_bytes);
    const auto frames = event.event.frame_count;
    const auto context = contexts().of(event.event.process, {event.frames, frames}, event.event.time_ns,
                                       {event.arrival.frames, frames > 0 ? event.arrival.count : 0});
    const auto time = std::chrono::nanoseconds(event.event.time_ns);
    const double seconds = static_cast<double>(event.took_ns) / 1e9;
    if (event.event.type == RECV_REQUEST_EVENT) {
      batch.add(slow_request_, time, seconds, context,
                {address_text(event.saddr, saddr), sport, address_text(event.daddr, daddr), dport,
                 name_at(families, event.family), netns});
    } else {
      batch.add(slow_, time, seconds, context,
                {address_text(event.saddr, saddr), sport, address_text(event.daddr, daddr), dport,
                 name_at(families, event.family), name_at(sides, event.side), waiting, netns});
    }
  }

  void add_pane(const Pane& pane, sentinel::Batch& batch) override {
    PaneTexts text(pane, fields);
    const auto context = text.context();
    const auto end = std::chrono::nanoseconds(pane.end_ns);
    const double sum = static_cast<double>(pane.sum) / 1e9;
    if (pane.event == RECV_REQUEST_EVENT) {
      batch.add_folded(slow_request_, end, pane.demand, pane.count, sum, context,
                       {text(RECV_SADDR), text(RECV_SPORT), text(RECV_DADDR), text(RECV_DPORT), text(RECV_FAMILY),
                        text(RECV_NETNS)});
    } else {
      batch.add_folded(slow_, end, pane.demand, pane.count, sum, context,
                       {text(RECV_SADDR), text(RECV_SPORT), text(RECV_DADDR), text(RECV_DPORT), text(RECV_FAMILY),
                        text(RECV_SIDE), text(RECV_WAITING), text(RECV_NETNS)});
    }
  }

  void add_times(sentinel::Histogram<1> metric, std::uint32_t index, string_view family, sentinel::Batch& batch) {
    const auto times = read_histogram(funnel(), funnel().map_fd("times"), index);
    batch.add(metric, times.sum, times.counts, {family});
  }

  bool with_requests_;
  sentinel::Event<8> slow_;
  sentinel::Event<6> slow_request_;
  sentinel::Histogram<1> latency_seconds_;
  sentinel::Histogram<1> request_seconds_;
};

}  // namespace

SENTINEL_COLLECTOR(EbpfRecv, {.name = "ebpf_recv",
                              .version = "0.1.0",
                              .licence = "Apache-2.0",
                              .summary = "How long received TCP data waits for its reader, and a request for its "
                                         "answer, by eBPF"});
