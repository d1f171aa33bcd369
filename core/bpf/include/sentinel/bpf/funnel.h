/// What a BPF program and the plugin that loads it agree on: filters, demands, panes, the ledger, and how an event
/// begins. C, shared by both sides; every struct has the same layout in both.
#pragma once

#ifdef __bpf__
#include <linux/types.h>
typedef __u64 funnel_u64;
typedef __u32 funnel_u32;
#else
#include <stdint.h>
typedef uint64_t funnel_u64;
typedef uint32_t funnel_u32;
#endif

#define FUNNEL_FIELDS 24    /* of an event, that filters and keys may name */
#define FUNNEL_RANGES 16    /* of a predicate */
#define FUNNEL_PREDICATES 8 /* of a demand or of the collector's own filter */
#define FUNNEL_DEMANDS 16   /* of a collector */
#define FUNNEL_KEYS 6       /* of a pane's group */
#define FUNNEL_COMM 16      /* TASK_COMM_LEN */
#define FUNNEL_FRAMES 48    /* of a stack */
#define FUNNEL_BUCKETS 24   /* of a histogram */
#define FUNNEL_NO_FIELD 0xffffffffu

/// A value of a field: a number in `lo`, an IPv6 address (v4 as ::ffff:a.b.c.d) or a comm as a big-endian number of 128
/// bits. So one comparison serves numbers, prefixes and names.
struct funnel_value {
  funnel_u64 hi;
  funnel_u64 lo;
};

/// From and to, both included.
struct funnel_range {
  struct funnel_value from;
  struct funnel_value to;
};

/// Whether a field, or one of two, lies in one of the ranges; `negate`: in none.
struct funnel_predicate {
  funnel_u32 field;
  funnel_u32 other; /* FUNNEL_NO_FIELD: none */
  funnel_u32 negate;
  funnel_u32 count;
  struct funnel_range ranges[FUNNEL_RANGES];
};

struct funnel_filter {
  funnel_u32 count;
  funnel_u32 reserved;
  struct funnel_predicate predicates[FUNNEL_PREDICATES];
};

/// What a consumer needs of the events of one type.
struct funnel_demand {
  funnel_u64 id;
  funnel_u64 pane_ns;
  funnel_u64 exemplar_at; /* a group's count on one CPU at which it sends an event; 0: never */
  funnel_u32 event;       /* type of the event, the plugin's */
  funnel_u32 folds;       /* counted in panes instead of being sent */
  funnel_u32 key_count;
  funnel_u32 keys[FUNNEL_KEYS]; /* fields */
  funnel_u32 reserved;
  struct funnel_filter filter;
};

#define FUNNEL_STACK_NONE 0u
#define FUNNEL_STACK_SOME 1u /* of an event every 10 ms a CPU, and of exemplars */
#define FUNNEL_STACK_EACH 2u

/// What user space tells a running program. It lies twice in a map: user space writes one and then switches to it.
struct funnel_config {
  funnel_u32 demand_count;
  funnel_u32 sample;           /* one event of so many is sent; 0 and 1: each */
  funnel_u32 stacks;           /* FUNNEL_STACK_… */
  funnel_u32 flags;            /* the plugin's */
  funnel_u64 wanted;           /* bit i: field i is needed by a filter, a key or an event */
  funnel_u64 limits[4];        /* the plugin's */
  funnel_u64 wakeup_bytes;     /* waiting in the ring at which user space is woken */
  struct funnel_filter filter; /* of the collector itself */
  struct funnel_demand demands[FUNNEL_DEMANDS];
};

/// What became of every event that a program saw; a CPU's own. seen = filtered + sampled_out + folded + submitted +
/// lost_ring + lost_map + lost_storage.
struct funnel_ledger {
  funnel_u64 seen;
  funnel_u64 filtered;
  funnel_u64 sampled_out;
  funnel_u64 folded;
  funnel_u64 submitted;
  funnel_u64 lost_ring;    /* the ring was full */
  funnel_u64 lost_map;     /* no room for another pane */
  funnel_u64 lost_storage; /* what had to be remembered was not */
  funnel_u64 failed_stacks;
  funnel_u64 forgotten; /* times and owners that there was no room to remember; the events are accounted for above */
  funnel_u64 runs;      /* of programs */
  funnel_u64 timed;     /* of these, whose time was taken */
  funnel_u64 timed_ns;  /* their sum */
  funnel_u64 stack_at_ns;
};

struct funnel_pane_key {
  funnel_u64 demand;
  funnel_u64 pane; /* (time - 1) / pane_ns */
  struct funnel_value keys[FUNNEL_KEYS];
};

/// A CPU's part of a pane.
struct funnel_pane {
  funnel_u64 count;
  funnel_u64 sum;
  funnel_u64 exemplar; /* one was sent */
};

/// A histogram of times: bucket i counts those below 2^i microseconds and not below 2^(i-1), the last all others.
struct funnel_histogram {
  funnel_u64 sum_ns;
  funnel_u64 buckets[FUNNEL_BUCKETS];
};

/// A process as it was when it did what the event tells. pid is the kernel's tgid, tid its pid.
struct funnel_process {
  funnel_u32 pid;
  funnel_u32 tid;
  funnel_u32 ppid;
  funnel_u32 session;
  funnel_u64 start_ns; /* of the group's leader, CLOCK_BOOTTIME */
  funnel_u64 cgroup_id;
  char comm[FUNNEL_COMM];
  char parent_comm[FUNNEL_COMM];
};

/// How every event in the ring begins. What the plugin adds follows, then `frame_count` addresses.
struct funnel_event {
  funnel_u64 time_ns; /* CLOCK_BOOTTIME */
  funnel_u32 type;
  funnel_u32 frame_count;
  struct funnel_process process;
};
