// Iterators whose program does nothing: what a walk costs without being of use.
#include <sentinel/bpf/kernel.bpf.h>

SEC("iter/tcp")
int empty_tcp(struct bpf_iter__tcp* context) {
  return 0;
}

SEC("iter/task")
int empty_task(struct bpf_iter__task* context) {
  return 0;
}

char LICENSE[] SEC("license") = "GPL";
