/// What the BPF program and the plugin of ebpf_proc share. C.
#pragma once

#include <sentinel/bpf/funnel.h>

/// What happens to a process. The numbers are also those of `counts`, where 0 stands for short lives.
enum proc_event_kind { PROC_SHORT_LIVED, PROC_FORK, PROC_EXEC, PROC_EXIT, PROC_OOM_KILL, PROC_FD_OPEN, PROC_KINDS };

/// Fields of an event, for filters and keys.
enum proc_field {
  PROC_KIND,
  PROC_PID,
  PROC_TID,
  PROC_PPID,
  PROC_START,
  PROC_SESSION,
  PROC_CGROUP,
  PROC_COMM,
  PROC_PARENT_COMM,
  PROC_CHILD,
  PROC_EXIT_CODE,
  PROC_SIGNAL,
  PROC_SECONDS, /* ns since the process began */
  PROC_FIELD_COUNT
};

#define PROC_EVENT 1u
#define PROC_PARENTS 4096 /* that are remembered; the one not heard of for longest goes first */
#define PROC_FILENAME 128

struct proc_parent_key {
  funnel_u64 start_ns;
  funnel_u32 pid;
  funnel_u32 reserved;
};

/// What a process's children did; forks are its own.
struct proc_parent {
  funnel_u64 forks;
  funnel_u64 execs;
  funnel_u64 exits;
  funnel_u64 short_lived;
  funnel_u64 cgroup_id;
  funnel_u32 session;
  funnel_u32 reserved;
  char comm[FUNNEL_COMM];
};

struct proc_event {
  struct funnel_event event;
  funnel_u64 age_ns; /* of the process; 0: not known */
  funnel_u64 child_start_ns;
  funnel_u32 kind;
  funnel_u32 child; /* of a fork; else 0 */
  funnel_u32 exit_code;
  funnel_u32 signal;            /* that ended the process; 0: none */
  char filename[PROC_FILENAME]; /* of an exec, cut; else empty */
  funnel_u64 frames[FUNNEL_FRAMES];
};
