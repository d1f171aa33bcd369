/// What the BPF program and the plugin of ebpf_tcpstate share. C.
#pragma once

#include <sentinel/bpf/funnel.h>

#define TCPSTATE_STATES 16 /* TCP_ESTABLISHED (1) … TCP_NEW_SYN_RECV (12), include/net/tcp_states.h */

/// Fields of a transition, for filters and keys.
enum tcpstate_field {
  TCPSTATE_OLDSTATE,
  TCPSTATE_NEWSTATE,
  TCPSTATE_FAMILY,
  TCPSTATE_SADDR,
  TCPSTATE_DADDR,
  TCPSTATE_SPORT,
  TCPSTATE_DPORT,
  TCPSTATE_NETNS,
  TCPSTATE_PID,
  TCPSTATE_TID,
  TCPSTATE_PPID,
  TCPSTATE_START,
  TCPSTATE_CGROUP,
  TCPSTATE_COMM,
  TCPSTATE_PARENT_COMM,
  TCPSTATE_SECONDS, /* ns in the old state */
  TCPSTATE_FIELD_COUNT
};

#define TCPSTATE_DWELL 1u /* flag: remember each socket, for times and owners */

#define TCPSTATE_SOCKETS_ALONE 2u /* flag: the filter asks for ports, addresses and namespaces, nothing remembered */

#define TCPSTATE_EVENT 1u

struct tcpstate_transition {
  struct funnel_event event;
  struct funnel_value saddr;
  struct funnel_value daddr;
  funnel_u64 in_state_ns; /* 0: not known */
  funnel_u32 netns;
  unsigned short family;
  unsigned short sport;
  unsigned short dport;
  unsigned char oldstate;
  unsigned char newstate;
  funnel_u32 reserved;
  funnel_u64 frames[FUNNEL_FRAMES];
};
