// Packets that the host sends, as they are queued to devices, in every network namespace: counted in the kernel by
// device and protocol, by process, and, for addresses of interest, by the kernel stack that sent them; and one of many
// as an event with its stack. What it hooks, and what is a packet, is told in xmit.bpf.c.
//
// A packet's process is the one that sent it; what the kernel sends by itself, such as an acknowledgement, has none.
#include "plugins/ebpf_xmit/xmit.h"

#include <array>
#include <cstring>
#include <map>
#include <sentinel/bpf/common_config.hpp>
#include <sentinel/bpf/event_collector.hpp>
#include <sentinel/collector.hpp>
#include <span>
#include <string>
#include <utility>

#include "plugins/ebpf_xmit/senders.hpp"
#include "xmit.skel.h"

namespace {

using namespace sentinel::bpf;
using std::string_view;

constexpr string_view families[] = {"", "", "ipv4", "", "", "", "", "", "", "", "ipv6"};
constexpr string_view protocols[XMIT_PROTOCOLS] = {"other", "tcp", "udp", "icmp"};

constexpr Field field_table[] = {
    {.name = "family", .index = XMIT_FAMILY, .kind = FieldKind::name, .names = families},
    {.name = "protocol", .index = XMIT_PROTOCOL, .kind = FieldKind::name, .names = protocols},
    {.name = "saddr", .index = XMIT_SADDR, .kind = FieldKind::address},
    {.name = "daddr", .index = XMIT_DADDR, .kind = FieldKind::address},
    {.name = "sport", .index = XMIT_SPORT},
    {.name = "dport", .index = XMIT_DPORT},
    {.name = "device", .index = XMIT_DEVICE, .kind = FieldKind::comm},
    {.name = "netns", .index = XMIT_NETNS},
    {.name = "pid", .index = XMIT_PID, .beside = XMIT_START},
    {.name = "tid", .index = XMIT_TID},
    {.name = "ppid", .index = XMIT_PPID},
    {.name = "cgroup_id", .index = XMIT_CGROUP},
    {.name = "comm", .index = XMIT_COMM, .kind = FieldKind::comm},
    {.name = "parent_comm", .index = XMIT_PARENT_COMM, .kind = FieldKind::comm},
    {.name = "", .index = XMIT_BYTES, .kind = FieldKind::value},
};
const Fields fields{field_table};

const std::array<Hook, 1> hooks = {
    Hook{.name = "queue",
         .candidates = {{"tp_btf", {"queue_tp_btf"}},
                        {"fentry", {"queue_fentry"}},
                        {"raw_tp", {"queue_raw_tp"}},
                        {"tracepoint", {"queue_tracepoint"}},
                        {"kprobe", {"queue_kprobe"}}}},
};
constexpr string_view kept_maps[] = {"traffic", "other_traffic", "processes", "stacks", "stack_counts"};

/// What is sent is already one of many, so each has its stack.
constexpr sentinel::Field each_stack_field = [] {
  sentinel::Field field = stacks_field;
  field.by_default = "each";
  return field;
}();

FunnelSpec spec() {
  std::size_t size = 0;
  const auto* bytes = static_cast<const std::byte*>(xmit_bpf__elf_bytes(&size));
  return {{bytes, size}, hooks, kept_maps, 1};
}

FunnelOptions options_of(const sentinel::Config& config) {
  FunnelOptions options = common_options(config);
  FilterBuilder filter;
  filter.prefixes("addresses", strings_of(config, "addresses"), XMIT_DADDR);
  filter.numbers("ports", integers_of(config, "ports"), XMIT_SPORT, XMIT_DPORT);
  filter.numbers("netns", integers_of(config, "netns"), XMIT_NETNS);
  const auto before_processes = filter.filter().count;
  filter.numbers("pids", integers_of(config, "pids"), XMIT_PID);
  filter.texts("comms", strings_of(config, "comms"), *fields.find("comm"));
  filter.cgroups("cgroups", strings_of(config, "cgroups"), XMIT_CGROUP);
  options.filter = filter.filter();
  if (options.filter.count > before_processes) options.flags |= XMIT_BY_PROCESS;
  if (config.boolean("processes")) options.flags |= XMIT_PROCESSES;
  if (!strings_of(config, "stacks_of").empty()) {
    options.flags |= XMIT_STACKS_OF;
  } else if (!strings_of(config, "addresses").empty()) {
    options.flags |= XMIT_STACKS;
  }
  options.sample = static_cast<std::uint32_t>(config.integer("sample"));
  return options;
}

funnel_filter stacks_of(const sentinel::Config& config) {
  FilterBuilder filter;
  filter.prefixes("stacks_of", strings_of(config, "stacks_of"), XMIT_DADDR);
  return filter.filter();
}

class EbpfXmit : public EventCollector {
 public:
  static constexpr sentinel::Field schema[] = {
      {.name = "addresses",
       .type = sentinel::FieldType::string_list,
       .help = "only packets to these addresses or prefixes, as 10.0.0.0/8; their stacks are counted"},
      {.name = "stacks_of",
       .type = sentinel::FieldType::string_list,
       .help = "count the stacks of packets to these addresses or prefixes alone"},
      {.name = "ports",
       .type = sentinel::FieldType::integer_list,
       .help = "only packets from or to these ports of TCP and UDP"},
      {.name = "pids", .type = sentinel::FieldType::integer_list, .help = "only what these processes send"},
      {.name = "comms", .type = sentinel::FieldType::string_list, .help = "only what processes of these names send"},
      {.name = "cgroups",
       .type = sentinel::FieldType::string_list,
       .help = "only processes in these cgroups of version 2, by path or id"},
      {.name = "netns",
       .type = sentinel::FieldType::integer_list,
       .help = "only these network namespaces, by the number in /proc/<pid>/ns/net"},
      {.name = "processes",
       .type = sentinel::FieldType::boolean,
       .by_default = "true",
       .help = "count by process, for the status"},
      {.name = "sample",
       .type = sentinel::FieldType::integer,
       .by_default = "1000",
       .help = "one in so many packets is an event sentinel_xmit_packet, if anybody wants them",
       .minimum = 1,
       .maximum = 1e6},
      hooks_field,
      ring_field,
      period_field,
      each_stack_field,
      budget_field,
  };

  EbpfXmit(const sentinel::Config& config, sentinel::Host& host)
      : EventCollector(host, "ebpf_xmit", spec(), options_of(config), budget_of(config)),
        stacks_of_(stacks_of(config)),
        packet_(host.event({"sentinel_xmit_packet", "A packet was queued to a device; the value is its size.", "bytes"},
                           {"saddr", "sport", "daddr", "dport", "family", "protocol", "device", "netns"})),
        packets_(host.counter(
            {"sentinel_xmit_packets_total", "Packets queued to devices, as many as a large one is to be cut into."},
            {"device", "protocol"})),
        bytes_(host.counter(
            {"sentinel_xmit_bytes_total",
             "Bytes queued to devices, with headers as they lie in memory: those of a large packet once.", "bytes"},
            {"device", "protocol"})) {
    may_send({packet_.id, XMIT_EVENT, fields});
  }

 private:
  sentinel::Result<void> prepare() override {
    const std::uint32_t zero = 0;
    return Funnel::write_entry(funnel().map_fd("stacks_of"), &zero, &stacks_of_);
  }

  void add_details(sentinel::Rows& rows) override { senders_.tell(funnel(), now_ns(), rows); }

  void add_event(const funnel_event& raw, std::size_t size, sentinel::Batch& batch) override {
    const auto* whole = whole_event<xmit_packet>(raw, XMIT_EVENT, size);
    if (whole == nullptr) return;
    const xmit_packet& event = *whole;
    FieldText saddr;
    FieldText daddr;
    const std::string sport = std::to_string(event.sport);
    const std::string dport = std::to_string(event.dport);
    const std::string netns = std::to_string(event.netns);
    const bool ip = event.family != 0;
    const auto context =
        contexts().of(event.event.process, {event.frames, event.event.frame_count}, event.event.time_ns);
    batch.add(packet_, std::chrono::nanoseconds(event.event.time_ns), static_cast<double>(event.bytes), context,
              {ip ? address_text(event.saddr, saddr) : string_view(), sport,
               ip ? address_text(event.daddr, daddr) : string_view(), dport, name_at(families, event.family),
               name_at(protocols, event.protocol), comm_of(event.device), netns});
  }

  void add_pane(const Pane& pane, sentinel::Batch& batch) override {
    PaneTexts text(pane, fields);
    const auto context = text.context();
    batch.add_folded(packet_, std::chrono::nanoseconds(pane.end_ns), pane.demand, pane.count,
                     static_cast<double>(pane.sum), context,
                     {text(XMIT_SADDR), text(XMIT_SPORT), text(XMIT_DADDR), text(XMIT_DPORT), text(XMIT_FAMILY),
                      text(XMIT_PROTOCOL), text(XMIT_DEVICE), text(XMIT_NETNS)});
  }

  sentinel::Result<void> add_metrics(sentinel::Batch& batch) override {
    std::map<std::pair<std::string, std::uint32_t>, xmit_count> all;
    const auto add = [&](std::string device, std::uint32_t protocol, const xmit_count& count) {
      if (count.packets == 0) return;
      xmit_count& sum = all[{std::move(device), protocol}];
      sum.packets += count.packets;
      sum.bytes += count.bytes;
    };
    const int map = funnel().map_fd("traffic");
    Funnel::each_key(map, sizeof(xmit_traffic_key), [&](const std::byte* raw) {
      xmit_traffic_key key;
      std::memcpy(&key, raw, sizeof(key));
      add(std::string(comm_of(key.device)), key.protocol, count_of(funnel(), map, &key));
    });
    for (std::uint32_t protocol = 0; protocol < XMIT_PROTOCOLS; ++protocol) {
      add("other", protocol, count_of(funnel(), funnel().map_fd("other_traffic"), &protocol));
    }
    for (const auto& [key, count] : all) {
      const auto protocol = name_at(protocols, key.second);
      batch.add(packets_, static_cast<double>(count.packets), {key.first, protocol});
      batch.add(bytes_, static_cast<double>(count.bytes), {key.first, protocol});
    }
    return {};
  }

  funnel_filter stacks_of_;
  sentinel::Event<8> packet_;
  sentinel::Counter<2> packets_;
  sentinel::Counter<2> bytes_;
  Senders senders_;
};

}  // namespace

SENTINEL_COLLECTOR(EbpfXmit, {.name = "ebpf_xmit",
                              .version = "0.1.0",
                              .licence = "Apache-2.0",
                              .summary = "Packets queued to network devices, by device, protocol, process and kernel "
                                         "stack, by eBPF"});
