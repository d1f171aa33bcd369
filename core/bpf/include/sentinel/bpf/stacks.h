/// A kernel stack as a program keeps it in a map, by a hash of what it holds. C, shared by both sides.
#pragma once

#include <sentinel/bpf/funnel.h>

struct funnel_frames {
  funnel_u32 count;
  funnel_u32 reserved;
  funnel_u64 frames[FUNNEL_FRAMES]; /* innermost first */
};
