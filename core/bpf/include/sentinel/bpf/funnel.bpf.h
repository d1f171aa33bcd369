/// The funnel inside the kernel: what is filtered, folded, sent, and what becomes of each event. A program includes it,
/// fills the fields that are wanted, and calls funnel_decide(); BPF side only.
#pragma once

#include <sentinel/bpf/funnel.h>
#include <sentinel/bpf/kernel.bpf.h>

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 2);
  __type(key, __u32);
  __type(value, struct funnel_config);
} funnel_configs SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u32);
} funnel_active SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct funnel_ledger);
} funnel_ledgers SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 512 * 1024);
} funnel_ring SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_HASH);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, 10240);
  __type(key, struct funnel_pane_key);
  __type(value, struct funnel_pane);
} funnel_panes SEC(".maps");

/// Too large for a program's stack. One a program that may interrupt another, for a softirq runs on the CPU of the
/// process that it interrupts; one program never interrupts itself, the kernel counts that as missed.
struct funnel_scratch {
  struct funnel_value fields[FUNNEL_FIELDS];
  struct funnel_pane_key key;
};

#define FUNNEL_PROGRAMS 8
struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, FUNNEL_PROGRAMS);
  __type(key, __u32);
  __type(value, struct funnel_scratch);
} funnel_scratches SEC(".maps");

static __always_inline const struct funnel_config* funnel_config(void) {
  const __u32 zero = 0;
  const __u32* active = bpf_map_lookup_elem(&funnel_active, &zero);
  if (!active) return NULL;
  const __u32 index = *active & 1;
  return bpf_map_lookup_elem(&funnel_configs, &index);
}

static __always_inline struct funnel_ledger* funnel_ledger(void) {
  const __u32 zero = 0;
  return bpf_map_lookup_elem(&funnel_ledgers, &zero);
}

static __always_inline struct funnel_scratch* funnel_scratch(__u32 program) {
  return bpf_map_lookup_elem(&funnel_scratches, &program);
}

/// One run of 64 is timed, so that the cost of a program is known without CAP_SYS_ADMIN (which bpf_stats needs) and
/// without its cost.
static __always_inline __u64 funnel_begin(struct funnel_ledger* ledger) {
  return (ledger->runs++ & 63) == 0 ? bpf_ktime_get_ns() : 0;
}
static __always_inline void funnel_end(struct funnel_ledger* ledger, __u64 begun) {
  if (!begun) return;
  ledger->timed_ns += bpf_ktime_get_ns() - begun;
  ledger->timed++;
}

static __always_inline bool funnel_wants(const struct funnel_config* config, __u32 field) {
  return (config->wanted >> field) & 1;
}

static __always_inline void funnel_set(struct funnel_scratch* scratch, __u32 field, __u64 value) {
  scratch->fields[field].hi = 0;
  scratch->fields[field].lo = value;
}

/// An IPv4 address, network byte order, as the IPv6 address that it is mapped to.
static __always_inline void funnel_set_v4(struct funnel_scratch* scratch, __u32 field, __be32 address) {
  scratch->fields[field].hi = 0;
  scratch->fields[field].lo = 0xffff00000000ull | bpf_ntohl(address);
}

static __always_inline void funnel_set_v6(struct funnel_scratch* scratch, __u32 field, const struct in6_addr* address) {
  const __u32* words = address->in6_u.u6_addr32;
  scratch->fields[field].hi = (__u64)bpf_ntohl(words[0]) << 32 | bpf_ntohl(words[1]);
  scratch->fields[field].lo = (__u64)bpf_ntohl(words[2]) << 32 | bpf_ntohl(words[3]);
}

/// `comm` has FUNNEL_COMM bytes, zeros behind its end.
static __always_inline void funnel_set_comm(struct funnel_scratch* scratch, __u32 field, const char* comm) {
  __u64 halves[2];
  __builtin_memcpy(halves, comm, sizeof(halves));
  scratch->fields[field].hi = bpf_be64_to_cpu(halves[0]);
  scratch->fields[field].lo = bpf_be64_to_cpu(halves[1]);
}

/* Filters ---------------------------------------------------------------------------------------------------------- */

struct funnel_range_loop {
  const struct funnel_predicate* predicate;
  struct funnel_value value;
  struct funnel_value other;
  __u32 has_other;
  __u32 found; /* no bool: the verifier must see that what a step returns is 0 or 1 */
};

static __always_inline bool funnel_at_least(const struct funnel_value* a, const struct funnel_value* b) {
  return a->hi > b->hi || (a->hi == b->hi && a->lo >= b->lo);
}

static long funnel_range_step(__u32 index, void* context) {
  struct funnel_range_loop* loop = context;
  const struct funnel_range* range = &loop->predicate->ranges[index & (FUNNEL_RANGES - 1)];
  if (funnel_at_least(&loop->value, &range->from) && funnel_at_least(&range->to, &loop->value)) {
    loop->found = 1;
  } else if (loop->has_other && funnel_at_least(&loop->other, &range->from) &&
             funnel_at_least(&range->to, &loop->other)) {
    loop->found = 1;
  }
  return loop->found & 1;
}

struct funnel_filter_loop {
  const struct funnel_filter* filter;
  const struct funnel_scratch* scratch;
  __u32 fails;
};

static long funnel_filter_step(__u32 index, void* context) {
  struct funnel_filter_loop* loop = context;
  const struct funnel_predicate* predicate = &loop->filter->predicates[index & (FUNNEL_PREDICATES - 1)];
  const __u32 field = predicate->field;
  const __u32 other = predicate->other;
  if (field >= FUNNEL_FIELDS) return 0;
  struct funnel_range_loop ranges = {.predicate = predicate, .value = loop->scratch->fields[field]};
  if (other < FUNNEL_FIELDS) {
    ranges.has_other = 1;
    ranges.other = loop->scratch->fields[other];
  }
  bpf_loop(predicate->count, funnel_range_step, &ranges, 0);
  if (ranges.found == (predicate->negate != 0)) loop->fails = 1;
  return loop->fails & 1;
}

static __always_inline bool funnel_passes(const struct funnel_filter* filter, const struct funnel_scratch* scratch) {
  if (filter->count == 0) return true;
  struct funnel_filter_loop loop = {.filter = filter, .scratch = scratch};
  bpf_loop(filter->count, funnel_filter_step, &loop, 0);
  return !loop.fails;
}

/* Demands ---------------------------------------------------------------------------------------------------------- */

/// What becomes of an event.
enum funnel_verdict {
  FUNNEL_FILTERED,  ///< nobody takes it
  FUNNEL_FOLDED,    ///< counted in panes, or lost there: the ledger has it
  FUNNEL_SEND,      ///< somebody needs it as it is
  FUNNEL_EXEMPLAR,  ///< a group needs one with its context
};

struct funnel_demand_loop {
  const struct funnel_config* config;
  struct funnel_scratch* scratch;
  __u64 time_ns;
  __u64 value;
  __u32 event;
  __u32 matched; /* bit i: demand i */
  __u32 raw;
  __u32 exemplar;
  __u32 no_room;
};

static long funnel_match_step(__u32 index, void* context) {
  struct funnel_demand_loop* loop = context;
  const struct funnel_demand* demand = &loop->config->demands[index & (FUNNEL_DEMANDS - 1)];
  if (demand->event != loop->event) return 0;
  if (!funnel_passes(&demand->filter, loop->scratch)) return 0;
  if (!demand->folds) loop->raw = 1;
  loop->matched |= 1u << (index & (FUNNEL_DEMANDS - 1));
  return loop->raw & 1;
}

static __always_inline struct funnel_pane* funnel_pane_of(const struct funnel_demand* demand,
                                                          struct funnel_demand_loop* loop) {
  struct funnel_pane_key* key = &loop->scratch->key;
  key->demand = demand->id;
  key->pane = demand->pane_ns ? (loop->time_ns - 1) / demand->pane_ns : 0;
  for (__u32 i = 0; i < FUNNEL_KEYS; ++i) {
    const __u32 field = demand->keys[i];
    if (i < demand->key_count && field < FUNNEL_FIELDS) {
      key->keys[i] = loop->scratch->fields[field];
    } else {
      key->keys[i].hi = 0;
      key->keys[i].lo = 0;
    }
  }
  struct funnel_pane* pane = bpf_map_lookup_elem(&funnel_panes, key);
  if (pane) return pane;
  const struct funnel_pane empty = {};
  // Another CPU may have been first; its entry serves too.
  bpf_map_update_elem(&funnel_panes, key, &empty, BPF_NOEXIST);
  return bpf_map_lookup_elem(&funnel_panes, key);
}

/// Whether a group wants this event for its context; it then wants no other in this pane.
static long funnel_exemplar_step(__u32 index, void* context) {
  struct funnel_demand_loop* loop = context;
  const __u32 at = index & (FUNNEL_DEMANDS - 1);
  if (!(loop->matched & (1u << at))) return 0;
  const struct funnel_demand* demand = &loop->config->demands[at];
  if (demand->exemplar_at == 0) return 0;
  struct funnel_pane* pane = funnel_pane_of(demand, loop);
  if (!pane || pane->exemplar || pane->count + 1 < demand->exemplar_at) return 0;
  pane->exemplar = 1;
  loop->exemplar = 1;
  return 0;
}

static long funnel_fold_step(__u32 index, void* context) {
  struct funnel_demand_loop* loop = context;
  const __u32 at = index & (FUNNEL_DEMANDS - 1);
  if (!(loop->matched & (1u << at))) return 0;
  struct funnel_pane* pane = funnel_pane_of(&loop->config->demands[at], loop);
  if (!pane) {
    loop->no_room = 1;
    return 0;
  }
  pane->count++;
  pane->sum += loop->value;
  return 0;
}

/// Counts the event in the panes of the demands that match it.
static __always_inline void funnel_fold(struct funnel_demand_loop* loop, struct funnel_ledger* ledger) {
  bpf_loop(loop->config->demand_count, funnel_fold_step, loop, 0);
  if (loop->no_room) {
    ledger->lost_map++;
  } else {
    ledger->folded++;
  }
}

/// What becomes of an event whose wanted fields are in `loop->scratch`. An event that one demand needs as it is, is
/// sent and counted by all in user space; only what nobody needs so is folded. So nothing is counted twice.
static __always_inline enum funnel_verdict funnel_decide(struct funnel_demand_loop* loop,
                                                         struct funnel_ledger* ledger) {
  if (loop->config->demand_count == 0) {
    ledger->filtered++;
    return FUNNEL_FILTERED;
  }
  bpf_loop(loop->config->demand_count, funnel_match_step, loop, 0);
  if (!loop->matched) {
    ledger->filtered++;
    return FUNNEL_FILTERED;
  }
  if (loop->raw) {
    if (loop->config->sample > 1 && bpf_get_prandom_u32() % loop->config->sample != 0) {
      ledger->sampled_out++;
      return FUNNEL_FILTERED;
    }
    return FUNNEL_SEND;
  }
  bpf_loop(loop->config->demand_count, funnel_exemplar_step, loop, 0);
  if (loop->exemplar) return FUNNEL_EXEMPLAR;
  funnel_fold(loop, ledger);
  return FUNNEL_FOLDED;
}

/* Sending ---------------------------------------------------------------------------------------------------------- */

/// Whether an event is to carry its stack.
static __always_inline bool funnel_takes_stack(const struct funnel_config* config, struct funnel_ledger* ledger,
                                               enum funnel_verdict verdict, __u64 now_ns) {
  if (config->stacks == FUNNEL_STACK_NONE) return false;
  if (config->stacks == FUNNEL_STACK_EACH || verdict == FUNNEL_EXEMPLAR) return true;
  if (now_ns - ledger->stack_at_ns < 10 * 1000 * 1000) return false;
  ledger->stack_at_ns = now_ns;
  return true;
}

/// Room for an event in the ring. Null: it is counted as lost, or folded after all when it was an exemplar.
static __always_inline void* funnel_reserve(__u64 size, enum funnel_verdict verdict, struct funnel_demand_loop* loop,
                                            struct funnel_ledger* ledger) {
  void* event = bpf_ringbuf_reserve(&funnel_ring, size, 0);
  if (event) return event;
  if (verdict == FUNNEL_EXEMPLAR) {
    funnel_fold(loop, ledger);
  } else {
    ledger->lost_ring++;
  }
  return NULL;
}

/// User space is woken when the ring is a quarter full, not by each event; a timer of its own serves the rest.
static __always_inline void funnel_submit(void* event, const struct funnel_config* config,
                                          struct funnel_ledger* ledger) {
  ledger->submitted++;
  const bool full = bpf_ringbuf_query(&funnel_ring, BPF_RB_AVAIL_DATA) >= config->wakeup_bytes;
  bpf_ringbuf_submit(event, full ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP);
}

static __always_inline __u32 funnel_stack(void* ctx, funnel_u64* frames, struct funnel_ledger* ledger) {
  const long bytes = bpf_get_stack(ctx, frames, FUNNEL_FRAMES * sizeof(*frames), 0);
  if (bytes < 0) {
    ledger->failed_stacks++;
    return 0;
  }
  return bytes / sizeof(*frames);
}

/* Histograms ------------------------------------------------------------------------------------------------------- */

static __always_inline void funnel_observe(struct funnel_histogram* of, __u64 ns) {
  // The number of bits of the microseconds; the compiler's own log2 is no BPF instruction.
  __u64 us = ns / 1000;
  __u32 bucket = 0;
  if (us >> 32) us = 0xffffffff;
  if (us >= 1ull << 16) us >>= 16, bucket += 16;
  if (us >= 1ull << 8) us >>= 8, bucket += 8;
  if (us >= 1ull << 4) us >>= 4, bucket += 4;
  if (us >= 1ull << 2) us >>= 2, bucket += 2;
  if (us >= 1ull << 1) us >>= 1, bucket += 1;
  if (us) bucket += 1;
  if (bucket >= FUNNEL_BUCKETS) bucket = FUNNEL_BUCKETS - 1;
  of->buckets[bucket]++;
  of->sum_ns += ns;
}

/* Processes -------------------------------------------------------------------------------------------------------- */

/// `task` as it stands; it is the current one, or an argument of the hook.
static __always_inline void funnel_process_of(struct task_struct* task, struct funnel_process* out) {
  struct task_struct* leader = BPF_CORE_READ(task, group_leader);
  struct task_struct* parent = BPF_CORE_READ(task, real_parent);
  out->pid = BPF_CORE_READ(task, tgid);
  out->tid = BPF_CORE_READ(task, pid);
  out->ppid = BPF_CORE_READ(parent, tgid);
  out->session = BPF_CORE_READ(task, signal, pids[3], numbers[0].nr);
  out->start_ns = BPF_CORE_READ(leader, start_boottime);
  out->cgroup_id = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
  BPF_CORE_READ_INTO(&out->comm, leader, comm);
  BPF_CORE_READ_INTO(&out->parent_comm, parent, comm);
}

static __always_inline void funnel_current(struct funnel_process* out) {
  funnel_process_of((struct task_struct*)bpf_get_current_task(), out);
}

/* Hooks ------------------------------------------------------------------------------------------------------------ */

/// A hook's stub: the one program that is attached. It calls what the array holds, and a swap of plugins is one update
/// of that array, so that no event is seen twice or by nobody. One array a stub, because the kernel ties an array to
/// one kind of program.
#define FUNNEL_STUB(name, section)              \
  struct {                                      \
    __uint(type, BPF_MAP_TYPE_PROG_ARRAY);      \
    __uint(max_entries, 1);                     \
    __type(key, __u32);                         \
    __type(value, __u32);                       \
  } jump_##name SEC(".maps");                   \
  SEC("?" section) int stub_##name(void* ctx) { \
    bpf_tail_call(ctx, &jump_##name, 0);        \
    return 0;                                   \
  }

char LICENSE[] SEC("license") = "Dual BSD/GPL";
