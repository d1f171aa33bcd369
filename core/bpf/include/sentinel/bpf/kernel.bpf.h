/// The kernel's types as far as the programs here read them. libbpf finds each member by its name in the running
/// kernel's BTF (CO-RE), so order and size do not matter, and what lies in an anonymous union stands flat.
/// BPF side only.
#pragma once

#include <linux/bpf.h>
#include <linux/ptrace.h>
#include <linux/types.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

typedef _Bool bool;
#define true 1
#define false 0

#define AF_INET 2
#define AF_INET6 10
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct ns_common {
  unsigned int inum;
};
struct net {
  struct ns_common ns;
};
typedef struct {
  struct net* net;
} possible_net_t;

struct in6_addr {
  union {
    __u8 u6_addr8[16];
    __u32 u6_addr32[4];
  } in6_u;
};

// include/net/sock.h
struct sock_common {
  __be32 skc_daddr;
  __be32 skc_rcv_saddr;
  __be16 skc_dport;
  __u16 skc_num; /* host byte order */
  unsigned short skc_family;
  volatile unsigned char skc_state;
  possible_net_t skc_net;
  struct in6_addr skc_v6_daddr;
  struct in6_addr skc_v6_rcv_saddr;
};
typedef struct {
  int owned; /* by a process */
} socket_lock_t;
struct sock {
  struct sock_common __sk_common;
  socket_lock_t sk_lock;
  __u16 sk_protocol;
  int sk_rcvbuf;
  __u8 sk_shutdown;
  __u8 sk_kern_sock : 1;
};
// include/net/inet_timewait_sock.h
struct inet_timewait_sock {
  volatile unsigned char tw_substate;
};
// include/net/inet_sock.h
struct inet_sock {
  struct sock sk;
  __be32 inet_saddr;
  __be16 inet_sport;
};
// include/linux/tcp.h
struct tcp_sock {
  __u32 copied_seq;
  __u32 rcv_nxt;
  __u32 write_seq;
};

// include/linux/skbuff.h, where sk_buff_data_t is an offset from head on machines of 64 bits
struct net_device {
  char name[16];
  possible_net_t nd_net;
};
struct sk_buff {
  struct net_device* dev;
  struct sock* sk;
  unsigned int len;
  __be16 protocol;
  __u16 network_header;
  unsigned int end;
  unsigned char* head;
};
struct skb_shared_info {
  unsigned short gso_segs;
};

struct kernfs_node {
  __u64 id;
};
struct cgroup {
  struct kernfs_node* kn;
};
struct css_set {
  struct cgroup* dfl_cgrp;
};

// include/linux/pid.h
struct pid_namespace;
struct upid {
  int nr;
  struct pid_namespace* ns;
};
struct pid {
  unsigned int level;
  struct upid numbers[1]; /* level + 1 of them */
};
typedef struct {
  int counter;
} atomic_t;
// include/linux/sched/signal.h
struct signal_struct {
  atomic_t live; /* threads that have not begun to exit */
  int nr_threads;
  int group_exit_code;
  unsigned int flags;
  struct pid* pids[4]; /* PIDTYPE_PID, _TGID, _PGID, _SID */
};

// include/linux/time_namespace.h
struct timespec64 {
  __s64 tv_sec;
  long tv_nsec;
};
struct timens_offsets {
  struct timespec64 boottime;
};
struct time_namespace {
  struct timens_offsets offsets;
};
struct nsproxy {
  struct time_namespace* time_ns;
};

// include/linux/sched.h
struct task_struct {
  unsigned int __state;
  int exit_state;
  int pid;
  int tgid;
  int exit_code;
  __u64 start_boottime;
  char comm[16];
  struct task_struct* real_parent;
  struct task_struct* group_leader;
  struct pid* thread_pid;
  struct signal_struct* signal;
  struct nsproxy* nsproxy;
  struct css_set* cgroups;
};

// include/linux/binfmts.h
struct linux_binprm {
  const char* filename;
};

// include/linux/bpf.h, kernel/bpf/task_iter.c, net/ipv4/tcp_ipv4.c: what an iterator's program is given
struct seq_file;
struct bpf_iter_meta {
  struct seq_file* seq;
  __u64 seq_num; /* objects before this one in the walk */
};
struct bpf_iter__task {
  struct bpf_iter_meta* meta;
  struct task_struct* task; /* null at the end of the walk */
};
struct bpf_iter__tcp {
  struct bpf_iter_meta* meta;
  struct sock_common* sk_common; /* null at the end of the walk */
};

#pragma clang attribute pop

/// A member of what a program was given by the kernel as typed pointer (tp_btf, fentry: plain loads that the verifier
/// knows to be safe), or of what it got as a number (raw_tp, tracepoint, kprobe: by a helper). `typed` is constant.
#define READ(typed, pointer, member)           \
  ({                                           \
    typeof((pointer)->member) value_;          \
    if (typed) {                               \
      value_ = (pointer)->member;              \
    } else {                                   \
      value_ = BPF_CORE_READ(pointer, member); \
    }                                          \
    value_;                                    \
  })
