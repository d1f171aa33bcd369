/// What the BPF program and the plugin of ebpf_recv share. C.
#pragma once

#include <sentinel/bpf/funnel.h>
#include <sentinel/bpf/stacks.h>

/// Fields of both events, for filters and keys.
enum recv_field {
  RECV_FAMILY,
  RECV_SADDR,
  RECV_DADDR,
  RECV_SPORT,
  RECV_DPORT,
  RECV_SIDE,
  RECV_WAITING, /* bytes */
  RECV_NETNS,
  RECV_PID,
  RECV_TID,
  RECV_PPID,
  RECV_START,
  RECV_CGROUP,
  RECV_COMM,
  RECV_PARENT_COMM,
  RECV_SECONDS, /* ns */
  RECV_FIELD_COUNT
};

enum recv_side {
  RECV_UNKNOWN, /* the connection was there before the program */
  RECV_SERVER,
  RECV_CLIENT
};

#define RECV_REQUESTS 1u   /* flag: time requests */
#define RECV_BY_PROCESS 2u /* flag: the collector's own filter asks for the process */

/* of funnel_config.limits */
#define RECV_SLOW_NS 0
#define RECV_SLOW_REQUEST_NS 1
#define RECV_ONE_IN 2 /* reads that are told of although they were fast; 0: none */

#define RECV_SLOW_EVENT 1u
#define RECV_REQUEST_EVENT 2u

/// Histograms by what is timed and the socket's family.
enum recv_times_index { RECV_LATENCY_V4, RECV_LATENCY_V6, RECV_REQUEST_V4, RECV_REQUEST_V6, RECV_TIMES };

/// A slow read or a slow request.
struct recv_slow {
  struct funnel_event event; /* its frames: those of the read, or of the answer */
  struct funnel_value saddr;
  struct funnel_value daddr;
  funnel_u64 took_ns;
  funnel_u32 waiting_bytes; /* not yet read when the read began; of a request 0 */
  funnel_u32 netns;
  unsigned short family;
  unsigned short sport;
  unsigned short dport;
  unsigned short side;
  funnel_u64 frames[FUNNEL_FRAMES];
  struct funnel_frames arrival; /* where the oldest byte was queued; no frames when that was not kept */
};
