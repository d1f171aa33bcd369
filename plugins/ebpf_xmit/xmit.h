/// What the BPF program and the plugin of ebpf_xmit share. C.
#pragma once

#include <sentinel/bpf/funnel.h>
#include <sentinel/bpf/stacks.h>

#define XMIT_NAME 16 /* IFNAMSIZ */

/// Fields of a packet, for filters and keys.
enum xmit_field {
  XMIT_FAMILY,
  XMIT_PROTOCOL, /* xmit_protocol */
  XMIT_SADDR,
  XMIT_DADDR,
  XMIT_SPORT,
  XMIT_DPORT,
  XMIT_DEVICE,
  XMIT_NETNS,
  XMIT_PID,
  XMIT_TID,
  XMIT_PPID,
  XMIT_START,
  XMIT_CGROUP,
  XMIT_COMM,
  XMIT_PARENT_COMM,
  XMIT_BYTES,
  XMIT_FIELD_COUNT
};

enum xmit_protocol { XMIT_OTHER, XMIT_TCP, XMIT_UDP, XMIT_ICMP, XMIT_PROTOCOLS };

#define XMIT_PROCESSES 1u  /* flag: count by process */
#define XMIT_STACKS 2u     /* flag: count by stack what passes the filter */
#define XMIT_STACKS_OF 4u  /* flag: count by stack what passes the filter in the map stacks_of */
#define XMIT_BY_PROCESS 8u /* flag: the collector's own filter asks for the process */

#define XMIT_EVENT 1u

struct xmit_count {
  funnel_u64 packets;
  funnel_u64 bytes;
};

struct xmit_traffic_key {
  char device[XMIT_NAME];
  funnel_u32 protocol;
  funnel_u32 reserved;
};

struct xmit_process_key {
  funnel_u64 start_ns;
  funnel_u32 pid;
  funnel_u32 reserved;
};

/// A CPU's part of what a process has sent; the CPU that was first has its name.
struct xmit_process {
  struct xmit_count count;
  char comm[FUNNEL_COMM];
};

struct xmit_packet {
  struct funnel_event event;
  struct funnel_value saddr;
  struct funnel_value daddr;
  funnel_u64 bytes;
  char device[XMIT_NAME];
  funnel_u32 netns;
  unsigned short family;
  unsigned short protocol;
  unsigned short sport;
  unsigned short dport;
  funnel_u32 reserved;
  funnel_u64 frames[FUNNEL_FRAMES];
};
