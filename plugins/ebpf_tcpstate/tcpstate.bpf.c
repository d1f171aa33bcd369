// Every transition of a TCP socket: tracepoint sock/inet_sock_set_state (net/ipv4/af_inet.c), or the two functions that
// fire it. tcp_set_state alone would miss LISTEN and the child that a listener makes in SYN_RECV.
//
// A transition runs in the process that called connect, listen or close, or in whatever process a softirq interrupted:
// only the former is the owner, and is remembered for what comes later. The owner of a server's end is who accepts it,
// which is no transition: inet_csk_accept (net/ipv4/inet_connection_sock.c) returns it.
#include "plugins/ebpf_tcpstate/tcpstate.h"

#include <sentinel/bpf/funnel.bpf.h>

enum {
  TCP_ESTABLISHED = 1,
  TCP_SYN_SENT,
  TCP_SYN_RECV,
  TCP_FIN_WAIT1,
  TCP_FIN_WAIT2,
  TCP_TIME_WAIT,
  TCP_CLOSE,
  TCP_CLOSE_WAIT,
  TCP_LAST_ACK,
  TCP_LISTEN,
};

/// What is remembered of a socket from one transition to the next.
struct socket_memory {
  __u64 since_ns; /* of its state */
  __u64 born_ns;  /* it left CLOSE; of a child: it was made */
  struct funnel_process owner;
};

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, 262144);
  __type(key, __u64);
  __type(value, struct socket_memory);
} sockets SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, TCPSTATE_STATES* TCPSTATE_STATES);
  __type(key, __u32);
  __type(value, __u64);
} transitions SEC(".maps");

/// Time in each state; at index 0, where no state is, the lifetime of connections.
struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, TCPSTATE_STATES);
  __type(key, __u32);
  __type(value, struct funnel_histogram);
} times SEC(".maps");

static __always_inline void count_transition(int oldstate, int newstate) {
  const __u32 index = (oldstate & 15) * TCPSTATE_STATES + (newstate & 15);
  __u64* count = bpf_map_lookup_elem(&transitions, &index);
  if (count) ++*count;
}

static __always_inline void count_time(__u32 state, __u64 ns) {
  struct funnel_histogram* of = bpf_map_lookup_elem(&times, &state);
  if (of) funnel_observe(of, ns);
}

/// Whether this transition is made by the process that owns the socket, in its own context.
static __always_inline bool by_owner(int oldstate, int newstate) {
  if (oldstate == TCP_CLOSE) return newstate == TCP_SYN_SENT || newstate == TCP_LISTEN;
  if (oldstate == TCP_LISTEN) return newstate == TCP_CLOSE;
  if (newstate == TCP_FIN_WAIT1) return true;
  return oldstate == TCP_CLOSE_WAIT && newstate == TCP_LAST_ACK;
}

/// The socket's memory as it was, in `was`, and brought forward. A socket that was there before the program is known
/// from its next transition on. Done for sockets that filters leave out, too: an owner is needed to tell them.
static __always_inline void remember(__u64 socket, int oldstate, int newstate, __u64 now, struct socket_memory* was,
                                     struct funnel_ledger* ledger) {
  struct socket_memory* known = bpf_map_lookup_elem(&sockets, &socket);
  if (known) {
    *was = *known;
  } else if (oldstate == TCP_CLOSE || newstate == TCP_SYN_RECV) {
    was->born_ns = now;
  }
  if (by_owner(oldstate, newstate)) funnel_current(&was->owner);
  if (newstate == TCP_CLOSE) {
    bpf_map_delete_elem(&sockets, &socket);
    return;
  }
  if (known) {
    known->since_ns = now;
    if (by_owner(oldstate, newstate)) known->owner = was->owner;
    return;
  }
  struct socket_memory fresh = *was;
  fresh.since_ns = now;
  if (bpf_map_update_elem(&sockets, &socket, &fresh, BPF_ANY)) ledger->forgotten++;
}

static __always_inline void count_times(int oldstate, int newstate, __u64 now, const struct socket_memory* was) {
  if (was->since_ns) count_time(oldstate & 15, now - was->since_ns);
  if (newstate == TCP_CLOSE && oldstate != TCP_LISTEN && was->born_ns) count_time(0, now - was->born_ns);
}

static __always_inline void set_addresses(const bool typed, struct sock* sk, struct funnel_scratch* scratch,
                                          unsigned short family) {
  if (family == AF_INET) {
    funnel_set_v4(scratch, TCPSTATE_SADDR, READ(typed, sk, __sk_common.skc_rcv_saddr));
    funnel_set_v4(scratch, TCPSTATE_DADDR, READ(typed, sk, __sk_common.skc_daddr));
    return;
  }
  struct in6_addr address;
  BPF_CORE_READ_INTO(&address, sk, __sk_common.skc_v6_rcv_saddr);
  funnel_set_v6(scratch, TCPSTATE_SADDR, &address);
  BPF_CORE_READ_INTO(&address, sk, __sk_common.skc_v6_daddr);
  funnel_set_v6(scratch, TCPSTATE_DADDR, &address);
}

static __always_inline void set_owner(const struct funnel_config* config, struct funnel_scratch* scratch,
                                      const struct funnel_process* owner) {
  funnel_set(scratch, TCPSTATE_PID, owner->pid);
  funnel_set(scratch, TCPSTATE_TID, owner->tid);
  funnel_set(scratch, TCPSTATE_PPID, owner->ppid);
  funnel_set(scratch, TCPSTATE_START, owner->start_ns);
  funnel_set(scratch, TCPSTATE_CGROUP, owner->cgroup_id);
  if (funnel_wants(config, TCPSTATE_COMM)) funnel_set_comm(scratch, TCPSTATE_COMM, owner->comm);
  if (funnel_wants(config, TCPSTATE_PARENT_COMM)) funnel_set_comm(scratch, TCPSTATE_PARENT_COMM, owner->parent_comm);
}

static __always_inline void set_socket(const bool typed, struct sock* sk, int oldstate, int newstate,
                                       const struct funnel_config* config, struct funnel_scratch* scratch) {
  const unsigned short family = READ(typed, sk, __sk_common.skc_family);
  funnel_set(scratch, TCPSTATE_OLDSTATE, oldstate);
  funnel_set(scratch, TCPSTATE_NEWSTATE, newstate);
  funnel_set(scratch, TCPSTATE_FAMILY, family);
  if (funnel_wants(config, TCPSTATE_SADDR) || funnel_wants(config, TCPSTATE_DADDR)) {
    set_addresses(typed, sk, scratch, family);
  }
  // skc_num is 0 when a socket is closed, inet_sport is not; neither is set before connect() has chosen a port.
  funnel_set(scratch, TCPSTATE_SPORT, bpf_ntohs(BPF_CORE_READ((struct inet_sock*)sk, inet_sport)));
  funnel_set(scratch, TCPSTATE_DPORT, bpf_ntohs(READ(typed, sk, __sk_common.skc_dport)));
  if (funnel_wants(config, TCPSTATE_NETNS)) {
    funnel_set(scratch, TCPSTATE_NETNS, BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum));
  }
}

static __always_inline void send(void* ctx, const struct funnel_config* config, struct funnel_demand_loop* loop,
                                 enum funnel_verdict verdict, struct sock* sk, const struct socket_memory* was,
                                 struct funnel_ledger* ledger) {
  const bool stack = funnel_takes_stack(config, ledger, verdict, loop->time_ns);
  // The verifier wants a constant size, so there are two.
  struct tcpstate_transition* out =
      stack ? funnel_reserve(sizeof(*out), verdict, loop, ledger)
            : funnel_reserve(__builtin_offsetof(struct tcpstate_transition, frames), verdict, loop, ledger);
  if (!out) return;
  const struct funnel_value* fields = loop->scratch->fields;
  out->event.time_ns = loop->time_ns;
  out->event.type = TCPSTATE_EVENT;
  out->event.process = was->owner;
  out->saddr = fields[TCPSTATE_SADDR];
  out->daddr = fields[TCPSTATE_DADDR];
  out->in_state_ns = loop->value;
  out->netns = fields[TCPSTATE_NETNS].lo;
  out->family = fields[TCPSTATE_FAMILY].lo;
  out->sport = fields[TCPSTATE_SPORT].lo;
  out->dport = fields[TCPSTATE_DPORT].lo;
  out->oldstate = fields[TCPSTATE_OLDSTATE].lo;
  out->newstate = fields[TCPSTATE_NEWSTATE].lo;
  out->reserved = 0;
  out->event.frame_count = 0;
  if (stack) out->event.frame_count = funnel_stack(ctx, out->frames, ledger);
  funnel_submit(out, config, ledger);
}

static __always_inline void on_transition(void* ctx, const bool typed, struct sock* sk, int oldstate, int newstate,
                                          __u32 program) {
  if (BPF_CORE_READ(sk, sk_protocol) != IPPROTO_TCP) return;
  const struct funnel_config* config = funnel_config();
  struct funnel_ledger* ledger = funnel_ledger();
  struct funnel_scratch* scratch = funnel_scratch(program);
  if (!config || !ledger || !scratch) return;
  const __u64 begun = funnel_begin(ledger);
  const __u64 now = bpf_ktime_get_boot_ns();
  ledger->seen++;

  struct socket_memory was = {};
  const bool remembers = (config->flags & TCPSTATE_DWELL) || config->demand_count;
  const bool early = config->flags & TCPSTATE_SOCKETS_ALONE;
  if (config->wanted) set_socket(typed, sk, oldstate, newstate, config, scratch);
  if (early && !funnel_passes(&config->filter, scratch)) {
    ledger->filtered++;
    funnel_end(ledger, begun);
    return;
  }
  if (remembers) remember((__u64)sk, oldstate, newstate, now, &was, ledger);
  if (config->wanted) set_owner(config, scratch, &was.owner);
  if (!early && !funnel_passes(&config->filter, scratch)) {
    ledger->filtered++;
    funnel_end(ledger, begun);
    return;
  }
  count_transition(oldstate, newstate);
  count_times(oldstate, newstate, now, &was);

  struct funnel_demand_loop loop = {.config = config,
                                    .scratch = scratch,
                                    .time_ns = now,
                                    .value = was.since_ns ? now - was.since_ns : 0,
                                    .event = TCPSTATE_EVENT};
  if (config->wanted) funnel_set(scratch, TCPSTATE_SECONDS, loop.value);
  const enum funnel_verdict verdict = funnel_decide(&loop, ledger);
  if (verdict == FUNNEL_SEND || verdict == FUNNEL_EXEMPLAR) send(ctx, config, &loop, verdict, sk, &was, ledger);
  funnel_end(ledger, begun);
}

FUNNEL_STUB(state_tp_btf, "tp_btf/inet_sock_set_state")
SEC("?tp_btf/inet_sock_set_state")
int BPF_PROG(state_tp_btf, struct sock* sk, int oldstate, int newstate) {
  on_transition(ctx, true, sk, oldstate, newstate, 0);
  return 0;
}

FUNNEL_STUB(set_fentry, "fentry/inet_sk_set_state")
SEC("?fentry/inet_sk_set_state")
int BPF_PROG(set_fentry, struct sock* sk, int state) {
  on_transition(ctx, true, sk, sk->__sk_common.skc_state, state, 0);
  return 0;
}
FUNNEL_STUB(store_fentry, "fentry/inet_sk_state_store")
SEC("?fentry/inet_sk_state_store")
int BPF_PROG(store_fentry, struct sock* sk, int state) {
  on_transition(ctx, true, sk, sk->__sk_common.skc_state, state, 1);
  return 0;
}

FUNNEL_STUB(state_raw_tp, "raw_tp/inet_sock_set_state")
SEC("?raw_tp/inet_sock_set_state")
int state_raw_tp(struct bpf_raw_tracepoint_args* ctx) {
  on_transition(ctx, false, (struct sock*)ctx->args[0], ctx->args[1], ctx->args[2], 0);
  return 0;
}

// /sys/kernel/tracing/events/sock/inet_sock_set_state/format
struct set_state_args {
  __u64 common;
  const void* skaddr;
  int oldstate;
  int newstate;
};
FUNNEL_STUB(state_tracepoint, "tracepoint/sock/inet_sock_set_state")
SEC("?tracepoint/sock/inet_sock_set_state")
int state_tracepoint(struct set_state_args* ctx) {
  on_transition(ctx, false, (struct sock*)ctx->skaddr, ctx->oldstate, ctx->newstate, 0);
  return 0;
}

FUNNEL_STUB(set_kprobe, "kprobe/inet_sk_set_state")
SEC("?kprobe/inet_sk_set_state")
int BPF_KPROBE(set_kprobe, struct sock* sk, int state) {
  on_transition(ctx, false, sk, BPF_CORE_READ(sk, __sk_common.skc_state), state, 0);
  return 0;
}
FUNNEL_STUB(store_kprobe, "kprobe/inet_sk_state_store")
SEC("?kprobe/inet_sk_state_store")
int BPF_KPROBE(store_kprobe, struct sock* sk, int state) {
  on_transition(ctx, false, sk, BPF_CORE_READ(sk, __sk_common.skc_state), state, 1);
  return 0;
}

/* Accept ----------------------------------------------------------------------------------------------------------- */

/// The server's end, whose transitions so far were made by nobody, has an owner from now on. No event of its own.
static __always_inline void on_accept(struct sock* accepted) {
  const struct funnel_config* config = funnel_config();
  if (!accepted || !config) return;
  if (!(config->flags & TCPSTATE_DWELL) && !config->demand_count) return;
  const __u64 socket = (__u64)accepted;
  struct socket_memory* known = bpf_map_lookup_elem(&sockets, &socket);
  if (known) funnel_current(&known->owner);
}

FUNNEL_STUB(accept_fexit, "fexit/inet_csk_accept")
SEC("?fexit/inet_csk_accept")
int accept_fexit(void* ctx) {
  __u64 accepted = 0;  // its place behind the arguments depends on the kernel's version
  if (bpf_get_func_ret(ctx, &accepted) == 0) on_accept((struct sock*)accepted);
  return 0;
}

FUNNEL_STUB(accept_kretprobe, "kretprobe/inet_csk_accept")
SEC("?kretprobe/inet_csk_accept")
int BPF_KRETPROBE(accept_kretprobe, struct sock* accepted) {
  on_accept(accepted);
  return 0;
}
