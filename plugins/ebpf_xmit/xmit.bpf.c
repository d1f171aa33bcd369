// Every packet that is queued to a network device: tracepoint net/net_dev_queue in __dev_queue_xmit() (net/core/dev.c),
// or that function's begin, which also sees what an egress classifier then drops. A packet comes here once a layer of
// devices: at the VLAN, the bridge, the tunnel, and at the device beneath. What is cut into packets later (GSO) comes
// here whole.
//
// What a packet is, is read from its own header: the socket (skb->sk) may be none, or one of the small kind that
// answers for a listener or lies in TIME_WAIT. Whether the current process has sent it, or was only interrupted by a
// softirq that acknowledges, sends again or forwards, is told by the socket, see by_current().
#include "plugins/ebpf_xmit/xmit.h"

#include <sentinel/bpf/funnel.bpf.h>
#include <sentinel/bpf/stacks.bpf.h>

#define ETH_P_IP 0x0800
#define ETH_P_IPV6 0x86dd
#define IPPROTO_ICMP 1
#define IPPROTO_ICMPV6 58
#define IP_OFFSET 0x1fff

enum { TCP_TIME_WAIT = 6, TCP_NEW_SYN_RECV = 12 };

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_HASH);
  __uint(max_entries, 128);
  __type(key, struct xmit_traffic_key);
  __type(value, struct xmit_count);
} traffic SEC(".maps");

/// Of devices that there was no room for.
struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, XMIT_PROTOCOLS);
  __type(key, __u32);
  __type(value, struct xmit_count);
} other_traffic SEC(".maps");

/// Those that sent nothing for longest make room.
struct {
  __uint(type, BPF_MAP_TYPE_LRU_PERCPU_HASH);
  __uint(max_entries, 4096);
  __type(key, struct xmit_process_key);
  __type(value, struct xmit_process);
} processes SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, 4096);
  __type(key, __u64);
  __type(value, struct funnel_frames);
} stacks SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_HASH);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, 4096);
  __type(key, __u64);
  __type(value, struct xmit_count);
} stack_counts SEC(".maps");

/// Whose stacks are counted, with the flag XMIT_STACKS_OF. No predicates: nobody's yet.
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct funnel_filter);
} stacks_of SEC(".maps");

struct packet {
  __u64 packets;
  __u64 bytes;
  __u64 network; /* address of the network header */
  __u32 family;  /* 0: neither IPv4 nor IPv6 */
  __u32 number;  /* of the protocol above */
};

static __always_inline __u32 protocol_of(__u32 number) {
  if (number == IPPROTO_TCP) return XMIT_TCP;
  if (number == IPPROTO_UDP) return XMIT_UDP;
  return number == IPPROTO_ICMP || number == IPPROTO_ICMPV6 ? XMIT_ICMP : XMIT_OTHER;
}

static __always_inline void read_packet(const bool typed, struct sk_buff* skb, struct packet* packet) {
  const __u64 head = (__u64)READ(typed, skb, head);
  const struct skb_shared_info* shared = (const void*)(head + READ(typed, skb, end));
  const unsigned short segments = BPF_CORE_READ(shared, gso_segs);
  packet->packets = segments ? segments : 1;
  packet->bytes = READ(typed, skb, len);
  packet->network = head + READ(typed, skb, network_header);
  const __u16 protocol = bpf_ntohs(READ(typed, skb, protocol));
  __u8 number = 0;
  if (protocol == ETH_P_IP) {
    packet->family = AF_INET;
    bpf_probe_read_kernel(&number, 1, (const void*)(packet->network + 9));
  } else if (protocol == ETH_P_IPV6) {
    packet->family = AF_INET6;
    bpf_probe_read_kernel(&number, 1, (const void*)(packet->network + 6));
  }
  packet->number = number;
}

/// Whether the current process has sent it. Of TCP it has when it holds the socket: a softirq leaves that alone
/// meanwhile. Other protocols send when they are told to, but for the kernel's own sockets, which answer to ICMP and
/// reset. A datagram that waited for its neighbour's address leaves in a softirq all the same.
static __always_inline bool by_current(const bool typed, struct sk_buff* skb) {
  struct sock* sk = READ(typed, skb, sk);
  if (!sk) return false;
  const unsigned char state = READ(typed, sk, __sk_common.skc_state);
  if (state == TCP_TIME_WAIT || state == TCP_NEW_SYN_RECV) return false;
  if (typed ? BPF_CORE_READ_BITFIELD(sk, sk_kern_sock) : BPF_CORE_READ_BITFIELD_PROBED(sk, sk_kern_sock)) return false;
  return READ(typed, sk, sk_protocol) != IPPROTO_TCP || READ(typed, sk, sk_lock.owned) != 0;
}

static __always_inline void set_ports(const struct packet* packet, __u64 transport, struct funnel_scratch* scratch) {
  __be16 ports[2] = {};
  if (packet->number == IPPROTO_TCP || packet->number == IPPROTO_UDP) {
    bpf_probe_read_kernel(ports, sizeof(ports), (const void*)transport);
  }
  funnel_set(scratch, XMIT_SPORT, bpf_ntohs(ports[0]));
  funnel_set(scratch, XMIT_DPORT, bpf_ntohs(ports[1]));
}

static __always_inline void set_addresses(const struct packet* packet, struct funnel_scratch* scratch) {
  __u32 words[10] = {};
  funnel_set(scratch, XMIT_FAMILY, packet->family);
  funnel_set(scratch, XMIT_PROTOCOL, protocol_of(packet->number));
  if (packet->family == AF_INET) {
    bpf_probe_read_kernel(words, 20, (const void*)packet->network);
    funnel_set_v4(scratch, XMIT_SADDR, words[3]);
    funnel_set_v4(scratch, XMIT_DADDR, words[4]);
    // A fragment that is not the first has no ports.
    const __u32 first = bpf_ntohl(words[0]) >> 24;
    if (bpf_ntohl(words[1]) & IP_OFFSET) {
      funnel_set(scratch, XMIT_SPORT, 0);
      funnel_set(scratch, XMIT_DPORT, 0);
    } else {
      set_ports(packet, packet->network + (first & 15) * 4, scratch);
    }
    return;
  }
  if (packet->family == AF_INET6) bpf_probe_read_kernel(words, 40, (const void*)packet->network);
  funnel_set_v6(scratch, XMIT_SADDR, (const struct in6_addr*)(words + 2));
  funnel_set_v6(scratch, XMIT_DADDR, (const struct in6_addr*)(words + 6));
  set_ports(packet, packet->network + 40, scratch);
}

static __always_inline void set_process(struct funnel_scratch* scratch, const struct funnel_process* process) {
  funnel_set(scratch, XMIT_PID, process->pid);
  funnel_set(scratch, XMIT_TID, process->tid);
  funnel_set(scratch, XMIT_PPID, process->ppid);
  funnel_set(scratch, XMIT_START, process->start_ns);
  funnel_set(scratch, XMIT_CGROUP, process->cgroup_id);
  funnel_set_comm(scratch, XMIT_COMM, process->comm);
  funnel_set_comm(scratch, XMIT_PARENT_COMM, process->parent_comm);
}

static __always_inline void add(struct xmit_count* to, const struct packet* packet) {
  to->packets += packet->packets;
  to->bytes += packet->bytes;
}

static __always_inline void count_traffic(const struct packet* packet, const struct xmit_traffic_key* key) {
  struct xmit_count* count = bpf_map_lookup_elem(&traffic, key);
  if (!count) {
    const struct xmit_count none = {};
    // Another CPU may have been first; its entry serves too.
    bpf_map_update_elem(&traffic, key, &none, BPF_NOEXIST);
    count = bpf_map_lookup_elem(&traffic, key);
  }
  if (!count) count = bpf_map_lookup_elem(&other_traffic, &key->protocol);
  if (count) add(count, packet);
}

static __always_inline void count_process(const struct packet* packet, struct funnel_ledger* ledger) {
  struct task_struct* task = bpf_get_current_task_btf();
  struct xmit_process_key key = {.start_ns = task->group_leader->start_boottime,
                                 .pid = bpf_get_current_pid_tgid() >> 32};
  struct xmit_process* of = bpf_map_lookup_elem(&processes, &key);
  if (!of) {
    struct xmit_process fresh = {};
    BPF_CORE_READ_INTO(&fresh.comm, task, group_leader, comm);
    bpf_map_update_elem(&processes, &key, &fresh, BPF_NOEXIST);
    of = bpf_map_lookup_elem(&processes, &key);
  }
  if (of) {
    add(&of->count, packet);
  } else {
    ledger->forgotten++;
  }
}

static __always_inline void count_stack(void* ctx, const struct packet* packet, struct funnel_ledger* ledger) {
  struct funnel_capture* capture = funnel_last_capture();
  if (!capture) return;
  const __u64 key = funnel_remember_stack(ctx, capture, &stacks, ledger);
  if (!key) return;
  struct xmit_count* count = bpf_map_lookup_elem(&stack_counts, &key);
  if (!count) {
    const struct xmit_count none = {};
    bpf_map_update_elem(&stack_counts, &key, &none, BPF_NOEXIST);
    count = bpf_map_lookup_elem(&stack_counts, &key);
  }
  if (count) {
    add(count, packet);
  } else {
    ledger->forgotten++;
  }
}

static __always_inline bool counts_stack(const struct funnel_config* config, const struct funnel_scratch* scratch) {
  if (config->flags & XMIT_STACKS) return true;
  if (!(config->flags & XMIT_STACKS_OF)) return false;
  const __u32 zero = 0;
  const struct funnel_filter* filter = bpf_map_lookup_elem(&stacks_of, &zero);
  return filter && filter->count > 0 && funnel_passes(filter, scratch);
}

static __always_inline void send(void* ctx, const struct funnel_config* config, struct funnel_demand_loop* loop,
                                 enum funnel_verdict verdict, const struct xmit_traffic_key* key,
                                 const struct funnel_process* process, struct funnel_ledger* ledger) {
  const bool stack = funnel_takes_stack(config, ledger, verdict, loop->time_ns);
  // The verifier wants a constant size, so there are two.
  struct xmit_packet* out = stack
                                ? funnel_reserve(sizeof(*out), verdict, loop, ledger)
                                : funnel_reserve(__builtin_offsetof(struct xmit_packet, frames), verdict, loop, ledger);
  if (!out) return;
  const struct funnel_value* fields = loop->scratch->fields;
  out->event.time_ns = loop->time_ns;
  out->event.type = XMIT_EVENT;
  out->event.process = *process;
  out->saddr = fields[XMIT_SADDR];
  out->daddr = fields[XMIT_DADDR];
  out->bytes = loop->value;
  __builtin_memcpy(out->device, key->device, sizeof(out->device));
  out->netns = fields[XMIT_NETNS].lo;
  out->family = fields[XMIT_FAMILY].lo;
  out->protocol = key->protocol;
  out->sport = fields[XMIT_SPORT].lo;
  out->dport = fields[XMIT_DPORT].lo;
  out->reserved = 0;
  out->event.frame_count = 0;
  if (stack) out->event.frame_count = funnel_stack(ctx, out->frames, ledger);
  funnel_submit(out, config, ledger);
}

/// Events: only here, where somebody wants them, is a process looked at as a whole.
static __always_inline void tell(void* ctx, const struct funnel_config* config, struct funnel_scratch* scratch,
                                 const struct packet* packet, const struct xmit_traffic_key* key,
                                 struct funnel_process* process, bool by_process, struct funnel_ledger* ledger) {
  if (config->demand_count == 0) {
    ledger->filtered++;
    return;
  }
  if (by_process) funnel_current(process);
  set_process(scratch, process);
  struct funnel_demand_loop loop = {.config = config,
                                    .scratch = scratch,
                                    .time_ns = bpf_ktime_get_boot_ns(),
                                    .value = packet->bytes,
                                    .event = XMIT_EVENT};
  const enum funnel_verdict verdict = funnel_decide(&loop, ledger);
  if (verdict == FUNNEL_SEND || verdict == FUNNEL_EXEMPLAR) {
    send(ctx, config, &loop, verdict, key, process, ledger);
  }
}

static __always_inline void on_packet(void* ctx, const bool typed, struct sk_buff* skb) {
  const struct funnel_config* config = funnel_config();
  struct funnel_ledger* ledger = funnel_ledger();
  struct funnel_scratch* scratch = funnel_scratch(0);
  if (!config || !ledger || !scratch) return;
  const __u64 begun = funnel_begin(ledger);
  ledger->seen++;

  struct packet packet = {};
  struct xmit_traffic_key key = {};
  read_packet(typed, skb, &packet);
  const struct net_device* device = READ(typed, skb, dev);
  bpf_probe_read_kernel_str(key.device, sizeof(key.device), device->name);
  key.protocol = protocol_of(packet.number);

  struct funnel_process process = {};
  const bool by_process =
      (config->demand_count || (config->flags & (XMIT_PROCESSES | XMIT_BY_PROCESS))) && by_current(typed, skb);
  if (config->wanted || (config->flags & XMIT_STACKS_OF)) set_addresses(&packet, scratch);
  if (config->wanted) {
    funnel_set_comm(scratch, XMIT_DEVICE, key.device);
    funnel_set(scratch, XMIT_NETNS, BPF_CORE_READ(skb, dev, nd_net.net, ns.inum));
    funnel_set(scratch, XMIT_BYTES, packet.bytes);
    if (config->flags & XMIT_BY_PROCESS) {
      if (by_process) funnel_current(&process);
      set_process(scratch, &process);
    }
  }
  if (funnel_passes(&config->filter, scratch)) {
    count_traffic(&packet, &key);
    if (by_process && (config->flags & XMIT_PROCESSES)) count_process(&packet, ledger);
    if (counts_stack(config, scratch)) count_stack(ctx, &packet, ledger);
    tell(ctx, config, scratch, &packet, &key, &process, by_process, ledger);
  } else {
    ledger->filtered++;
  }
  funnel_end(ledger, begun);
}

FUNNEL_STUB(queue_tp_btf, "tp_btf/net_dev_queue")
SEC("?tp_btf/net_dev_queue")
int BPF_PROG(queue_tp_btf, struct sk_buff* skb) {
  on_packet(ctx, true, skb);
  return 0;
}
FUNNEL_STUB(queue_fentry, "fentry/__dev_queue_xmit")
SEC("?fentry/__dev_queue_xmit")
int BPF_PROG(queue_fentry, struct sk_buff* skb) {
  on_packet(ctx, true, skb);
  return 0;
}
FUNNEL_STUB(queue_raw_tp, "raw_tp/net_dev_queue")
SEC("?raw_tp/net_dev_queue")
int queue_raw_tp(struct bpf_raw_tracepoint_args* ctx) {
  on_packet(ctx, false, (struct sk_buff*)ctx->args[0]);
  return 0;
}
// /sys/kernel/tracing/events/net/net_dev_queue/format
struct queue_args {
  __u64 common;
  const void* skbaddr;
};
FUNNEL_STUB(queue_tracepoint, "tracepoint/net/net_dev_queue")
SEC("?tracepoint/net/net_dev_queue")
int queue_tracepoint(struct queue_args* ctx) {
  on_packet(ctx, false, (struct sk_buff*)ctx->skbaddr);
  return 0;
}
FUNNEL_STUB(queue_kprobe, "kprobe/__dev_queue_xmit")
SEC("?kprobe/__dev_queue_xmit")
int BPF_KPROBE(queue_kprobe, struct sk_buff* skb) {
  on_packet(ctx, false, skb);
  return 0;
}
