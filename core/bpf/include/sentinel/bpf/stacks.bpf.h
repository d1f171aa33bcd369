/// Kernel stacks by what they hold: for programs that count by stack, or that remember one until it is known whether it
/// is of interest. BPF side only; beside funnel.bpf.h.
#pragma once

#include <sentinel/bpf/funnel.bpf.h>
#include <sentinel/bpf/stacks.h>

/// A CPU's last stack; a program's stack has no room for it.
struct funnel_capture {
  struct funnel_frames frames;
  __u64 at_ns;
};

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct funnel_capture);
} funnel_captures SEC(".maps");

static __always_inline struct funnel_capture* funnel_last_capture(void) {
  const __u32 zero = 0;
  return bpf_map_lookup_elem(&funnel_captures, &zero);
}

struct funnel_hash_loop {
  const struct funnel_frames* frames;
  __u64 hash;
};

static long funnel_hash_step(__u32 index, void* context) {
  struct funnel_hash_loop* loop = context;
  if (index >= FUNNEL_FRAMES) return 1;
  // The finalizer of MurmurHash3: addresses of one function differ in few bits.
  __u64 mixed = (loop->hash ^ loop->frames->frames[index]) * 0xff51afd7ed558ccdull;
  loop->hash = mixed ^ mixed >> 33;
  return 0;
}

/// The stack as it is now goes to `capture`, and to `stacks`, a map of funnel_frames by what is returned, unless it
/// lies there: so user space reads each once. 0: there was none, or no room for it, and the ledger has that.
static __always_inline __u64 funnel_remember_stack(void* ctx, struct funnel_capture* capture, void* stacks,
                                                   struct funnel_ledger* ledger) {
  capture->frames.count = funnel_stack(ctx, capture->frames.frames, ledger);
  if (capture->frames.count == 0) return 0;
  struct funnel_hash_loop loop = {.frames = &capture->frames, .hash = capture->frames.count};
  bpf_loop(capture->frames.count, funnel_hash_step, &loop, 0);
  const __u64 key = loop.hash ? loop.hash : 1;
  if (bpf_map_lookup_elem(stacks, &key)) return key;
  // Another CPU may have been first; its entry serves too.
  bpf_map_update_elem(stacks, &key, &capture->frames, BPF_NOEXIST);
  if (bpf_map_lookup_elem(stacks, &key)) return key;
  ledger->forgotten++;
  return 0;
}
