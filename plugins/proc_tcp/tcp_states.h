/// What the walk over TCP sockets hands out; shared with its BPF program.
#pragma once

#define TCP_STATES 16 /* a power of two, as the verifier likes it; the kernel has 12 */

struct tcp_states {
  unsigned long long sockets[TCP_STATES]; /* by the kernel's number of the state */
};
