// TCP sockets of the reader's network namespace by state, counted where they lie: a walk hands out one array at its
// end. Which sockets, and which state of each, is as in /proc/net/tcp and tcp6 (net/ipv4/tcp_ipv4.c).
#include "plugins/proc_tcp/tcp_states.h"

#include <sentinel/bpf/kernel.bpf.h>

#define TCP_TIME_WAIT 6

static struct tcp_states counts;

SEC("iter/tcp")
int count_tcp_states(struct bpf_iter__tcp* context) {
  struct bpf_iter_meta* meta = context->meta;
  struct sock_common* socket = context->sk_common;
  if (meta->seq_num == 0) __builtin_memset(&counts, 0, sizeof(counts));
  if (!socket) {
    bpf_seq_write(meta->seq, &counts, sizeof(counts));
    return 0;
  }
  unsigned int state = socket->skc_state;
  // Such a mini-socket stands for FIN_WAIT2 too.
  if (state == TCP_TIME_WAIT) state = BPF_CORE_READ((struct inet_timewait_sock*)socket, tw_substate);
  ++counts.sockets[state & (TCP_STATES - 1)];
  return 0;
}

char LICENSE[] SEC("license") = "GPL";
