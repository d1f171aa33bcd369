// How long received TCP data waits for the application. A segment arrives in softirq and is queued, or later by the
// process that owns the socket from the socket's backlog: tracepoint sock/sk_data_ready in sock_def_readable()
// (net/core/sock.c). The application takes it: tracepoint tcp/tcp_rcv_space_adjust, at each piece that recv, read,
// splice or io_uring has copied (net/ipv4/tcp_input.c).
//
// What lies in the queue is known by its sequence numbers. copied_seq is the oldest byte that was not taken: MSG_PEEK
// does not move it, and a FIN, which takes up a number of its own, is no byte. A listener's sk_data_ready tells of
// connections. SO_RCVLOWAT holds the signal back, and with it the time at which waiting begins.
//
// Nothing can be interrupted between the two: both hold the socket, and while a process owns it, segments go to the
// backlog. What a socket's memory does not agree with, because a hook was missed, is not timed.
#include "plugins/ebpf_recv/recv.h"

#include <sentinel/bpf/funnel.bpf.h>
#include <sentinel/bpf/stacks.bpf.h>

enum { TCP_ESTABLISHED = 1, TCP_SYN_SENT = 2, TCP_SYN_RECV = 3, TCP_CLOSE = 7, TCP_LISTEN = 10 };
#define RCV_SHUTDOWN 1

/// Arrivals of which each has its time; further ones count as part of the last.
#define MARKS 8
/// Reads that follow each other within this belong to one, as far as they take what already lay there: recv copies a
/// long queue piece by piece.
#define ONE_READ_NS 1000000
/// A stack costs microseconds, so an arrival's is taken at most so often a CPU, unless each is asked for.
#define STACK_EVERY_NS 1000000

/// What has arrived up to a sequence number.
struct mark {
  __u64 time_ns;
  __u64 stack; /* in stacks; 0: not taken */
  __u32 end;
  __u32 reserved;
};

struct socket_memory {
  __u64 taken_ns;   /* the last read */
  __u64 request_ns; /* first byte in; 0: no request is open */
  __u32 taken;      /* sequence number of the oldest byte that waits */
  __u16 side;
  __u16 reserved;
  __u32 head; /* index of the oldest mark, modulo MARKS */
  __u32 count;
  struct mark marks[MARKS];
};

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, 65536);
  __type(key, __u64);
  __type(value, struct socket_memory);
} sockets SEC(".maps");

/// Stacks of arrivals; those not used for longest make room.
struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 1024);
  __type(key, __u64);
  __type(value, struct funnel_frames);
} stacks SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, RECV_TIMES);
  __type(key, __u32);
  __type(value, struct funnel_histogram);
} times SEC(".maps");

static const struct socket_memory blank;

static __always_inline void count_time(__u32 index, __u64 ns) {
  struct funnel_histogram* of = bpf_map_lookup_elem(&times, &index);
  if (of) funnel_observe(of, ns);
}

static __always_inline struct socket_memory* memory_of(__u64 socket, struct funnel_ledger* ledger) {
  struct socket_memory* memory = bpf_map_lookup_elem(&sockets, &socket);
  if (memory) return memory;
  bpf_map_update_elem(&sockets, &socket, &blank, BPF_NOEXIST);
  memory = bpf_map_lookup_elem(&sockets, &socket);
  if (!memory) ledger->forgotten++;
  return memory;
}

static __always_inline bool before(__u32 a, __u32 b) {
  return (__s32)(a - b) < 0;
}

/* What happens to a read or a request -------------------------------------------------------------------------------*/

static __always_inline void set_socket(const bool typed, struct sock* sk, struct funnel_scratch* scratch) {
  const unsigned short family = READ(typed, sk, __sk_common.skc_family);
  funnel_set(scratch, RECV_FAMILY, family);
  if (family == AF_INET) {
    funnel_set_v4(scratch, RECV_SADDR, READ(typed, sk, __sk_common.skc_rcv_saddr));
    funnel_set_v4(scratch, RECV_DADDR, READ(typed, sk, __sk_common.skc_daddr));
  } else {
    struct in6_addr address;
    BPF_CORE_READ_INTO(&address, sk, __sk_common.skc_v6_rcv_saddr);
    funnel_set_v6(scratch, RECV_SADDR, &address);
    BPF_CORE_READ_INTO(&address, sk, __sk_common.skc_v6_daddr);
    funnel_set_v6(scratch, RECV_DADDR, &address);
  }
  // skc_num is 0 once the socket is closed, inet_sport is not.
  funnel_set(scratch, RECV_SPORT, bpf_ntohs(BPF_CORE_READ((struct inet_sock*)sk, inet_sport)));
  funnel_set(scratch, RECV_DPORT, bpf_ntohs(READ(typed, sk, __sk_common.skc_dport)));
  funnel_set(scratch, RECV_NETNS, BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum));
}

static __always_inline void set_process(struct funnel_scratch* scratch, const struct funnel_process* process) {
  funnel_set(scratch, RECV_PID, process->pid);
  funnel_set(scratch, RECV_TID, process->tid);
  funnel_set(scratch, RECV_PPID, process->ppid);
  funnel_set(scratch, RECV_START, process->start_ns);
  funnel_set(scratch, RECV_CGROUP, process->cgroup_id);
  funnel_set_comm(scratch, RECV_COMM, process->comm);
  funnel_set_comm(scratch, RECV_PARENT_COMM, process->parent_comm);
}

/// Something that was timed.
struct timing {
  __u32 event; /* type */
  __u32 side;
  __u64 now_ns;
  __u64 took_ns;
  __u64 waiting;
  __u64 arrival; /* stack */
};

static __always_inline void send(void* ctx, const struct funnel_config* config, struct funnel_demand_loop* loop,
                                 enum funnel_verdict verdict, const struct timing* timing,
                                 const struct funnel_process* process, struct funnel_ledger* ledger) {
  const bool stack = funnel_takes_stack(config, ledger, verdict, loop->time_ns);
  // The verifier wants a constant size, so there are two.
  struct recv_slow* out = stack ? funnel_reserve(sizeof(*out), verdict, loop, ledger)
                                : funnel_reserve(__builtin_offsetof(struct recv_slow, frames), verdict, loop, ledger);
  if (!out) return;
  const struct funnel_value* fields = loop->scratch->fields;
  out->event.time_ns = timing->now_ns;
  out->event.type = timing->event;
  out->event.process = *process;
  out->saddr = fields[RECV_SADDR];
  out->daddr = fields[RECV_DADDR];
  out->took_ns = timing->took_ns;
  out->waiting_bytes = timing->waiting;
  out->netns = fields[RECV_NETNS].lo;
  out->family = fields[RECV_FAMILY].lo;
  out->sport = fields[RECV_SPORT].lo;
  out->dport = fields[RECV_DPORT].lo;
  out->side = timing->side;
  out->event.frame_count = 0;
  if (stack) {
    out->event.frame_count = funnel_stack(ctx, out->frames, ledger);
    const struct funnel_frames* arrival = bpf_map_lookup_elem(&stacks, &timing->arrival);
    out->arrival.count = 0;
    if (arrival) bpf_probe_read_kernel(&out->arrival, sizeof(out->arrival), arrival);
  }
  funnel_submit(out, config, ledger);
}

/// Slower than the limit, or one that is told of as an example.
static __always_inline bool is_told(const struct funnel_config* config, const struct timing* timing,
                                    struct funnel_ledger* ledger) {
  if (timing->event == RECV_REQUEST_EVENT) {
    if (timing->took_ns >= config->limits[RECV_SLOW_REQUEST_NS]) return true;
  } else {
    const __u64 one_in = config->limits[RECV_ONE_IN];
    if (timing->took_ns >= config->limits[RECV_SLOW_NS]) return true;
    if (one_in) {
      if (bpf_get_prandom_u32() % one_in == 0) return true;
      ledger->sampled_out++;
      return false;
    }
  }
  ledger->filtered++;
  return false;
}

static __always_inline void observe(void* ctx, const bool typed, struct sock* sk, const struct funnel_config* config,
                                    const struct timing* timing, __u32 program, struct funnel_ledger* ledger) {
  struct funnel_scratch* scratch = funnel_scratch(program);
  if (!scratch) return;
  ledger->seen++;
  struct funnel_process process = {};
  const bool filtered = config->filter.count > 0;
  if (filtered) {
    set_socket(typed, sk, scratch);
    funnel_set(scratch, RECV_SIDE, timing->side);
    if (config->flags & RECV_BY_PROCESS) {
      funnel_current(&process);
      set_process(scratch, &process);
    }
    if (!funnel_passes(&config->filter, scratch)) {
      ledger->filtered++;
      return;
    }
  }
  const __u32 first = timing->event == RECV_REQUEST_EVENT ? RECV_REQUEST_V4 : RECV_LATENCY_V4;
  count_time(READ(typed, sk, __sk_common.skc_family) == AF_INET6 ? first + 1 : first, timing->took_ns);
  if (config->demand_count == 0) {
    ledger->filtered++;
    return;
  }
  if (!is_told(config, timing, ledger)) return;

  if (!filtered) {
    set_socket(typed, sk, scratch);
    funnel_set(scratch, RECV_SIDE, timing->side);
  }
  funnel_current(&process);
  set_process(scratch, &process);
  funnel_set(scratch, RECV_WAITING, timing->waiting);
  funnel_set(scratch, RECV_SECONDS, timing->took_ns);
  struct funnel_demand_loop loop = {.config = config,
                                    .scratch = scratch,
                                    .time_ns = timing->now_ns,
                                    .value = timing->took_ns,
                                    .event = timing->event};
  const enum funnel_verdict verdict = funnel_decide(&loop, ledger);
  if (verdict == FUNNEL_SEND || verdict == FUNNEL_EXEMPLAR) {
    send(ctx, config, &loop, verdict, timing, &process, ledger);
  }
}

/* Arrival -----------------------------------------------------------------------------------------------------------*/

static __always_inline __u64 arrival_stack(void* ctx, const struct funnel_config* config, __u64 now,
                                           struct funnel_ledger* ledger) {
  if (config->demand_count == 0 || config->stacks == FUNNEL_STACK_NONE) return 0;
  struct funnel_capture* capture = funnel_last_capture();
  if (!capture) return 0;
  if (config->stacks != FUNNEL_STACK_EACH && now - capture->at_ns < STACK_EVERY_NS) return 0;
  capture->at_ns = now;
  return funnel_remember_stack(ctx, capture, &stacks, ledger);
}

static __always_inline void add_mark(void* ctx, const struct funnel_config* config, struct socket_memory* memory,
                                     __u32 copied, __u32 end, __u64 now, struct funnel_ledger* ledger) {
  // Something was taken that this program did not see.
  if (copied != memory->taken) memory->count = 0;
  if (memory->count == 0) {
    memory->taken = copied;
  } else {
    struct mark* last = &memory->marks[(memory->head + memory->count - 1) & (MARKS - 1)];
    if (!before(last->end, end)) return;
    if (memory->count >= MARKS) {
      last->end = end;
      return;
    }
  }
  struct mark* next = &memory->marks[(memory->head + memory->count) & (MARKS - 1)];
  next->time_ns = now;
  next->end = end;
  next->stack = memory->count == 0 || config->stacks == FUNNEL_STACK_EACH ? arrival_stack(ctx, config, now, ledger) : 0;
  memory->count++;
}

static __always_inline void on_arrival(void* ctx, const bool typed, struct sock* sk) {
  // Every socket of the machine comes here, those of AF_UNIX too, whose protocol is 0.
  if (READ(typed, sk, sk_protocol) != IPPROTO_TCP) return;
  if (READ(typed, sk, __sk_common.skc_state) == TCP_LISTEN) return;
  const struct tcp_sock* tcp = (const struct tcp_sock*)sk;
  const __u32 copied = BPF_CORE_READ(tcp, copied_seq);
  const __u32 fin = READ(typed, sk, sk_shutdown) & RCV_SHUTDOWN ? 1 : 0;
  const __u32 end = BPF_CORE_READ(tcp, rcv_nxt) - fin;
  if (!before(copied, end)) return;

  const struct funnel_config* config = funnel_config();
  struct funnel_ledger* ledger = funnel_ledger();
  if (!config || !ledger) return;
  const __u64 begun = funnel_begin(ledger);
  struct socket_memory* memory = memory_of((__u64)sk, ledger);
  if (memory) {
    const __u64 now = bpf_ktime_get_boot_ns();
    add_mark(ctx, config, memory, copied, end, now, ledger);
    if (memory->side == RECV_SERVER && !memory->request_ns) memory->request_ns = now;
  }
  funnel_end(ledger, begun);
}

FUNNEL_STUB(arrival_tp_btf, "tp_btf/sk_data_ready")
SEC("?tp_btf/sk_data_ready")
int BPF_PROG(arrival_tp_btf, struct sock* sk) {
  on_arrival(ctx, true, sk);
  return 0;
}
FUNNEL_STUB(arrival_fentry, "fentry/sock_def_readable")
SEC("?fentry/sock_def_readable")
int BPF_PROG(arrival_fentry, struct sock* sk) {
  on_arrival(ctx, true, sk);
  return 0;
}
FUNNEL_STUB(arrival_raw_tp, "raw_tp/sk_data_ready")
SEC("?raw_tp/sk_data_ready")
int arrival_raw_tp(struct bpf_raw_tracepoint_args* ctx) {
  on_arrival(ctx, false, (struct sock*)ctx->args[0]);
  return 0;
}
// /sys/kernel/tracing/events/sock/sk_data_ready/format
struct socket_args {
  __u64 common;
  const void* skaddr;
};
FUNNEL_STUB(arrival_tracepoint, "tracepoint/sock/sk_data_ready")
SEC("?tracepoint/sock/sk_data_ready")
int arrival_tracepoint(struct socket_args* ctx) {
  on_arrival(ctx, false, (struct sock*)ctx->skaddr);
  return 0;
}
FUNNEL_STUB(arrival_kprobe, "kprobe/sock_def_readable")
SEC("?kprobe/sock_def_readable")
int BPF_KPROBE(arrival_kprobe, struct sock* sk) {
  on_arrival(ctx, false, sk);
  return 0;
}

/* Taking ------------------------------------------------------------------------------------------------------------*/

struct drop_loop {
  struct socket_memory* memory;
  __u32 copied;
};

static long drop_step(__u32 index, void* context) {
  struct drop_loop* loop = context;
  struct socket_memory* memory = loop->memory;
  if (memory->count == 0 || before(loop->copied, memory->marks[memory->head & (MARKS - 1)].end)) return 1;
  memory->head++;
  memory->count--;
  return 0;
}

static __always_inline void on_take(void* ctx, const bool typed, struct sock* sk) {
  const __u64 socket = (__u64)sk;
  struct socket_memory* memory = bpf_map_lookup_elem(&sockets, &socket);
  if (!memory || memory->count == 0) return;
  const __u32 copied = BPF_CORE_READ((const struct tcp_sock*)sk, copied_seq);
  if (!before(memory->taken, copied)) return;
  const struct funnel_config* config = funnel_config();
  struct funnel_ledger* ledger = funnel_ledger();
  if (!config || !ledger) return;
  const __u64 begun = funnel_begin(ledger);
  const __u64 now = bpf_ktime_get_boot_ns();

  const struct mark* oldest = &memory->marks[memory->head & (MARKS - 1)];
  const __u32 end = memory->marks[(memory->head + memory->count - 1) & (MARKS - 1)].end;
  const bool of_last_read = oldest->time_ns < memory->taken_ns && now - memory->taken_ns < ONE_READ_NS;
  const struct timing timing = {.event = RECV_SLOW_EVENT,
                                .side = memory->side,
                                .now_ns = now,
                                .took_ns = now - oldest->time_ns,
                                .waiting = end - memory->taken,
                                .arrival = oldest->stack};
  struct drop_loop loop = {.memory = memory, .copied = copied};
  bpf_loop(MARKS, drop_step, &loop, 0);
  memory->taken = copied;
  memory->taken_ns = now;
  if (!of_last_read) observe(ctx, typed, sk, config, &timing, 0, ledger);
  funnel_end(ledger, begun);
}

FUNNEL_STUB(take_tp_btf, "tp_btf/tcp_rcv_space_adjust")
SEC("?tp_btf/tcp_rcv_space_adjust")
int BPF_PROG(take_tp_btf, struct sock* sk) {
  on_take(ctx, true, sk);
  return 0;
}
FUNNEL_STUB(take_fentry, "fentry/tcp_rcv_space_adjust")
SEC("?fentry/tcp_rcv_space_adjust")
int BPF_PROG(take_fentry, struct sock* sk) {
  on_take(ctx, true, sk);
  return 0;
}
FUNNEL_STUB(take_raw_tp, "raw_tp/tcp_rcv_space_adjust")
SEC("?raw_tp/tcp_rcv_space_adjust")
int take_raw_tp(struct bpf_raw_tracepoint_args* ctx) {
  on_take(ctx, false, (struct sock*)ctx->args[0]);
  return 0;
}
// /sys/kernel/tracing/events/tcp/tcp_rcv_space_adjust/format
FUNNEL_STUB(take_tracepoint, "tracepoint/tcp/tcp_rcv_space_adjust")
SEC("?tracepoint/tcp/tcp_rcv_space_adjust")
int take_tracepoint(struct socket_args* ctx) {
  on_take(ctx, false, (struct sock*)ctx->skaddr);
  return 0;
}
FUNNEL_STUB(take_kprobe, "kprobe/tcp_rcv_space_adjust")
SEC("?kprobe/tcp_rcv_space_adjust")
int BPF_KPROBE(take_kprobe, struct sock* sk) {
  on_take(ctx, false, sk);
  return 0;
}

/* Answers -----------------------------------------------------------------------------------------------------------*/

/// A server begins to answer: the request that its first byte opened is done.
static __always_inline void on_answer(void* ctx, const bool typed, struct sock* sk) {
  if (READ(typed, sk, sk_protocol) != IPPROTO_TCP) return;
  const __u64 socket = (__u64)sk;
  struct socket_memory* memory = bpf_map_lookup_elem(&sockets, &socket);
  if (!memory || !memory->request_ns) return;
  const struct funnel_config* config = funnel_config();
  struct funnel_ledger* ledger = funnel_ledger();
  if (!config || !ledger) return;
  const __u64 begun = funnel_begin(ledger);
  const __u64 now = bpf_ktime_get_boot_ns();
  const struct timing timing = {
      .event = RECV_REQUEST_EVENT, .side = memory->side, .now_ns = now, .took_ns = now - memory->request_ns};
  memory->request_ns = 0;
  if (config->flags & RECV_REQUESTS) observe(ctx, typed, sk, config, &timing, 1, ledger);
  funnel_end(ledger, begun);
}

FUNNEL_STUB(answer_tp_btf, "tp_btf/tcp_sendmsg_locked")
SEC("?tp_btf/tcp_sendmsg_locked")
int BPF_PROG(answer_tp_btf, struct sock* sk) {
  on_answer(ctx, true, sk);
  return 0;
}
// Before Linux 6.16: when the first write has returned.
FUNNEL_STUB(sent_tp_btf, "tp_btf/sock_send_length")
SEC("?tp_btf/sock_send_length")
int BPF_PROG(sent_tp_btf, struct sock* sk, int sent) {
  if (sent > 0) on_answer(ctx, true, sk);
  return 0;
}
FUNNEL_STUB(answer_fentry, "fentry/tcp_sendmsg")
SEC("?fentry/tcp_sendmsg")
int BPF_PROG(answer_fentry, struct sock* sk) {
  on_answer(ctx, true, sk);
  return 0;
}
// sendfile(2) before Linux 6.5.
FUNNEL_STUB(page_fentry, "fentry/tcp_sendpage")
SEC("?fentry/tcp_sendpage")
int BPF_PROG(page_fentry, struct sock* sk) {
  on_answer(ctx, true, sk);
  return 0;
}
FUNNEL_STUB(answer_raw_tp, "raw_tp/tcp_sendmsg_locked")
SEC("?raw_tp/tcp_sendmsg_locked")
int answer_raw_tp(struct bpf_raw_tracepoint_args* ctx) {
  on_answer(ctx, false, (struct sock*)ctx->args[0]);
  return 0;
}
FUNNEL_STUB(sent_raw_tp, "raw_tp/sock_send_length")
SEC("?raw_tp/sock_send_length")
int sent_raw_tp(struct bpf_raw_tracepoint_args* ctx) {
  if ((int)ctx->args[1] > 0) on_answer(ctx, false, (struct sock*)ctx->args[0]);
  return 0;
}
// /sys/kernel/tracing/events/sock/sock_send_length/format
struct length_args {
  __u64 common;
  const void* sk;
  __u16 family;
  __u16 protocol;
  int length;
};
FUNNEL_STUB(sent_tracepoint, "tracepoint/sock/sock_send_length")
SEC("?tracepoint/sock/sock_send_length")
int sent_tracepoint(struct length_args* ctx) {
  if (ctx->length > 0) on_answer(ctx, false, (struct sock*)ctx->sk);
  return 0;
}
FUNNEL_STUB(answer_kprobe, "kprobe/tcp_sendmsg")
SEC("?kprobe/tcp_sendmsg")
int BPF_KPROBE(answer_kprobe, struct sock* sk) {
  on_answer(ctx, false, sk);
  return 0;
}
FUNNEL_STUB(page_kprobe, "kprobe/tcp_sendpage")
SEC("?kprobe/tcp_sendpage")
int BPF_KPROBE(page_kprobe, struct sock* sk) {
  on_answer(ctx, false, sk);
  return 0;
}

/* Life of a socket --------------------------------------------------------------------------------------------------*/

/// A connection begins, on which side is only known now; or ends, and is forgotten.
static __always_inline void on_state(const bool typed, struct sock* sk, int oldstate, int newstate) {
  if (newstate != TCP_CLOSE && newstate != TCP_ESTABLISHED) return;
  if (READ(typed, sk, sk_protocol) != IPPROTO_TCP) return;
  struct funnel_ledger* ledger = funnel_ledger();
  if (!ledger) return;
  const __u64 begun = funnel_begin(ledger);
  const __u64 socket = (__u64)sk;
  if (newstate == TCP_CLOSE) {
    bpf_map_delete_elem(&sockets, &socket);
  } else {
    struct socket_memory* memory = memory_of(socket, ledger);
    if (memory) {
      memory->side = oldstate == TCP_SYN_RECV ? RECV_SERVER : RECV_CLIENT;
      memory->request_ns = 0;
    }
  }
  funnel_end(ledger, begun);
}

FUNNEL_STUB(state_tp_btf, "tp_btf/inet_sock_set_state")
SEC("?tp_btf/inet_sock_set_state")
int BPF_PROG(state_tp_btf, struct sock* sk, int oldstate, int newstate) {
  on_state(true, sk, oldstate, newstate);
  return 0;
}
FUNNEL_STUB(set_fentry, "fentry/inet_sk_set_state")
SEC("?fentry/inet_sk_set_state")
int BPF_PROG(set_fentry, struct sock* sk, int state) {
  on_state(true, sk, sk->__sk_common.skc_state, state);
  return 0;
}
FUNNEL_STUB(store_fentry, "fentry/inet_sk_state_store")
SEC("?fentry/inet_sk_state_store")
int BPF_PROG(store_fentry, struct sock* sk, int state) {
  on_state(true, sk, sk->__sk_common.skc_state, state);
  return 0;
}
FUNNEL_STUB(state_raw_tp, "raw_tp/inet_sock_set_state")
SEC("?raw_tp/inet_sock_set_state")
int state_raw_tp(struct bpf_raw_tracepoint_args* ctx) {
  on_state(false, (struct sock*)ctx->args[0], ctx->args[1], ctx->args[2]);
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
  on_state(false, (struct sock*)ctx->skaddr, ctx->oldstate, ctx->newstate);
  return 0;
}
FUNNEL_STUB(set_kprobe, "kprobe/inet_sk_set_state")
SEC("?kprobe/inet_sk_set_state")
int BPF_KPROBE(set_kprobe, struct sock* sk, int state) {
  on_state(false, sk, BPF_CORE_READ(sk, __sk_common.skc_state), state);
  return 0;
}
FUNNEL_STUB(store_kprobe, "kprobe/inet_sk_state_store")
SEC("?kprobe/inet_sk_state_store")
int BPF_KPROBE(store_kprobe, struct sock* sk, int state) {
  on_state(false, sk, BPF_CORE_READ(sk, __sk_common.skc_state), state);
  return 0;
}
