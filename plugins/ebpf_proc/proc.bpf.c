// Processes that begin, run another program, and end; those that the OOM killer chose; and, where the kernel lets one
// see it cheaply, descriptors that are opened. Processes, not threads: what a thread does counts for its process.
//
// fork      sched_process_fork, or wake_up_new_task() (kernel/fork.c); in the process that forks. The classic
//           tracepoint does not tell threads, task_newtask does.
// exec      sched_process_exec, or finalize_exec() (fs/exec.c); in the process, which already has its new name
// exit      sched_process_exit, or taskstats_exit() (kernel/exit.c) of the last thread
// oom       mark_victim, or mark_oom_victim() (mm/oom_kill.c); in the process that wanted memory
// fd        fd_install() (fs/file.c)
#include "plugins/ebpf_proc/proc.h"

#include <sentinel/bpf/funnel.bpf.h>

#define CLONE_THREAD 0x00010000
#define SIGNAL_GROUP_EXIT 0x00000004

/// By enum proc_event_kind.
struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, PROC_KINDS);
  __type(key, __u32);
  __type(value, __u64);
} counts SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, PROC_PARENTS);
  __type(key, struct proc_parent_key);
  __type(value, struct proc_parent);
} parents SEC(".maps");

/// Processes that were seen to end, where the kernel does not say which thread is the last: two that end at once both
/// find that none is left.
struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 1024);
  __type(key, struct proc_parent_key);
  __type(value, __u32);
} ended SEC(".maps");

/// What happened, beside the process to which it did.
struct occurrence {
  __u32 kind;
  __u32 pid; /* of the process, when there is no task_struct of it */
  __u32 child;
  __u32 status; /* as wait(2) has it */
  __u64 child_start_ns;
  const char* filename;
};

static __always_inline void count(__u32 kind) {
  __u64* of = bpf_map_lookup_elem(&counts, &kind);
  if (of) ++*of;
}

static __always_inline struct proc_parent* parent_entry(struct task_struct* leader, struct funnel_ledger* ledger) {
  const struct proc_parent_key key = {.start_ns = BPF_CORE_READ(leader, start_boottime),
                                      .pid = BPF_CORE_READ(leader, tgid)};
  struct proc_parent* entry = bpf_map_lookup_elem(&parents, &key);
  if (!entry) {
    const struct proc_parent fresh = {.cgroup_id = BPF_CORE_READ(leader, cgroups, dfl_cgrp, kn, id),
                                      .session = BPF_CORE_READ(leader, signal, pids[3], numbers[0].nr)};
    // Another CPU may have been first; its entry serves too.
    bpf_map_update_elem(&parents, &key, &fresh, BPF_NOEXIST);
    entry = bpf_map_lookup_elem(&parents, &key);
  }
  if (entry) {
    BPF_CORE_READ_INTO(&entry->comm, leader, comm);
  } else {
    ledger->forgotten++;
  }
  return entry;
}

static __always_inline void count_for_parent(struct task_struct* task, __u32 kind, bool short_lived,
                                             struct funnel_ledger* ledger) {
  struct task_struct* leader =
      kind == PROC_FORK ? BPF_CORE_READ(task, group_leader) : BPF_CORE_READ(task, real_parent, group_leader);
  struct proc_parent* parent = parent_entry(leader, ledger);
  if (!parent) return;
  if (kind == PROC_FORK) __sync_fetch_and_add(&parent->forks, 1);
  if (kind == PROC_EXEC) __sync_fetch_and_add(&parent->execs, 1);
  if (kind == PROC_EXIT) __sync_fetch_and_add(&parent->exits, 1);
  if (short_lived) __sync_fetch_and_add(&parent->short_lived, 1);
}

static __always_inline void set_fields(struct funnel_scratch* scratch, const struct funnel_process* who,
                                       const struct occurrence* what, __u64 age_ns) {
  funnel_set(scratch, PROC_KIND, what->kind);
  funnel_set(scratch, PROC_PID, who->pid);
  funnel_set(scratch, PROC_TID, who->tid);
  funnel_set(scratch, PROC_PPID, who->ppid);
  funnel_set(scratch, PROC_START, who->start_ns);
  funnel_set(scratch, PROC_SESSION, who->session);
  funnel_set(scratch, PROC_CGROUP, who->cgroup_id);
  funnel_set_comm(scratch, PROC_COMM, who->comm);
  funnel_set_comm(scratch, PROC_PARENT_COMM, who->parent_comm);
  funnel_set(scratch, PROC_CHILD, what->child);
  funnel_set(scratch, PROC_EXIT_CODE, what->status >> 8 & 0xff);
  funnel_set(scratch, PROC_SIGNAL, what->status & 0x7f);
  funnel_set(scratch, PROC_SECONDS, age_ns);
}

static __always_inline void send(void* ctx, const struct funnel_config* config, struct funnel_demand_loop* loop,
                                 enum funnel_verdict verdict, const struct funnel_process* who,
                                 const struct occurrence* what, struct funnel_ledger* ledger) {
  const bool stack = funnel_takes_stack(config, ledger, verdict, loop->time_ns);
  // The verifier wants a constant size, so there are two.
  struct proc_event* out = stack ? funnel_reserve(sizeof(*out), verdict, loop, ledger)
                                 : funnel_reserve(__builtin_offsetof(struct proc_event, frames), verdict, loop, ledger);
  if (!out) return;
  out->event.time_ns = loop->time_ns;
  out->event.type = PROC_EVENT;
  out->event.process = *who;
  out->age_ns = loop->value;
  out->child_start_ns = what->child_start_ns;
  out->kind = what->kind;
  out->child = what->child;
  out->exit_code = what->status >> 8 & 0xff;
  out->signal = what->status & 0x7f;
  out->filename[0] = 0;
  if (what->filename) bpf_probe_read_kernel_str(out->filename, sizeof(out->filename), what->filename);
  out->event.frame_count = 0;
  if (stack) out->event.frame_count = funnel_stack(ctx, out->frames, ledger);
  funnel_submit(out, config, ledger);
}

/// `task` is one of the process's threads, or null when its pid is all that is known. `program` tells programs apart
/// that may interrupt each other.
static __always_inline void on_event(void* ctx, struct task_struct* task, const struct occurrence* what,
                                     __u32 program) {
  const struct funnel_config* config = funnel_config();
  struct funnel_ledger* ledger = funnel_ledger();
  struct funnel_scratch* scratch = funnel_scratch(program);
  if (!config || !ledger || !scratch) return;
  const __u64 begun = funnel_begin(ledger);
  const __u64 now = bpf_ktime_get_boot_ns();
  ledger->seen++;

  const __u64 start_ns = task ? BPF_CORE_READ(task, group_leader, start_boottime) : 0;
  const __u64 age_ns = start_ns && now > start_ns ? now - start_ns : 0;
  struct funnel_process who = {.pid = what->pid, .tid = what->pid};
  if (config->wanted) {
    if (task) funnel_process_of(task, &who);
    set_fields(scratch, &who, what, age_ns);
  }
  if (!funnel_passes(&config->filter, scratch)) {
    ledger->filtered++;
    funnel_end(ledger, begun);
    return;
  }
  // The flags are the milliseconds of a short life.
  const bool short_lived = what->kind == PROC_EXIT && age_ns <= config->flags * 1000000ull;
  count(what->kind);
  if (short_lived) count(PROC_SHORT_LIVED);
  if (task && (what->kind == PROC_FORK || what->kind == PROC_EXEC || what->kind == PROC_EXIT)) {
    count_for_parent(task, what->kind, short_lived, ledger);
  }

  struct funnel_demand_loop loop = {
      .config = config, .scratch = scratch, .time_ns = now, .value = age_ns, .event = PROC_EVENT};
  const enum funnel_verdict verdict = funnel_decide(&loop, ledger);
  if (verdict == FUNNEL_SEND || verdict == FUNNEL_EXEMPLAR) send(ctx, config, &loop, verdict, &who, what, ledger);
  funnel_end(ledger, begun);
}

static __always_inline struct task_struct* current(void) {
  return (struct task_struct*)bpf_get_current_task();
}

/* Forks ------------------------------------------------------------------------------------------------------------ */

static __always_inline void on_fork(void* ctx, struct task_struct* child) {
  const __u32 pid = BPF_CORE_READ(child, tgid);
  if (BPF_CORE_READ(child, pid) != (int)pid) return;  // a thread
  const struct occurrence what = {
      .kind = PROC_FORK, .child = pid, .child_start_ns = BPF_CORE_READ(child, start_boottime)};
  on_event(ctx, current(), &what, 0);
}

FUNNEL_STUB(fork_tp_btf, "tp_btf/sched_process_fork")
SEC("?tp_btf/sched_process_fork")
int BPF_PROG(fork_tp_btf, struct task_struct* parent, struct task_struct* child) {
  on_fork(ctx, child);
  return 0;
}
FUNNEL_STUB(fork_fentry, "fentry/wake_up_new_task")
SEC("?fentry/wake_up_new_task")
int BPF_PROG(fork_fentry, struct task_struct* child) {
  on_fork(ctx, child);
  return 0;
}
FUNNEL_STUB(fork_raw_tp, "raw_tp/sched_process_fork")
SEC("?raw_tp/sched_process_fork")
int fork_raw_tp(struct bpf_raw_tracepoint_args* ctx) {
  on_fork(ctx, (struct task_struct*)ctx->args[1]);
  return 0;
}
// /sys/kernel/tracing/events/task/task_newtask/format
struct newtask_args {
  __u64 common;
  int pid;
  char comm[FUNNEL_COMM];
  unsigned long clone_flags;
};
FUNNEL_STUB(fork_tracepoint, "tracepoint/task/task_newtask")
SEC("?tracepoint/task/task_newtask")
int fork_tracepoint(struct newtask_args* ctx) {
  if (ctx->pid == 0 || ctx->clone_flags & CLONE_THREAD) return 0;
  const struct occurrence what = {.kind = PROC_FORK, .child = ctx->pid};
  on_event(ctx, current(), &what, 0);
  return 0;
}
FUNNEL_STUB(fork_kprobe, "kprobe/wake_up_new_task")
SEC("?kprobe/wake_up_new_task")
int BPF_KPROBE(fork_kprobe, struct task_struct* child) {
  on_fork(ctx, child);
  return 0;
}

/* Execs ------------------------------------------------------------------------------------------------------------ */

static __always_inline void on_exec(void* ctx, const char* filename) {
  const struct occurrence what = {.kind = PROC_EXEC, .filename = filename};
  on_event(ctx, current(), &what, 1);
}

FUNNEL_STUB(exec_tp_btf, "tp_btf/sched_process_exec")
SEC("?tp_btf/sched_process_exec")
int BPF_PROG(exec_tp_btf, struct task_struct* task, int old_pid, struct linux_binprm* program) {
  on_exec(ctx, BPF_CORE_READ(program, filename));
  return 0;
}
FUNNEL_STUB(exec_fentry, "fentry/finalize_exec")
SEC("?fentry/finalize_exec")
int BPF_PROG(exec_fentry, struct linux_binprm* program) {
  on_exec(ctx, BPF_CORE_READ(program, filename));
  return 0;
}
FUNNEL_STUB(exec_raw_tp, "raw_tp/sched_process_exec")
SEC("?raw_tp/sched_process_exec")
int exec_raw_tp(struct bpf_raw_tracepoint_args* ctx) {
  on_exec(ctx, BPF_CORE_READ((struct linux_binprm*)ctx->args[2], filename));
  return 0;
}
// /sys/kernel/tracing/events/sched/sched_process_exec/format
struct exec_args {
  __u64 common;
  __u32 filename; /* offset and length */
};
FUNNEL_STUB(exec_tracepoint, "tracepoint/sched/sched_process_exec")
SEC("?tracepoint/sched/sched_process_exec")
int exec_tracepoint(struct exec_args* ctx) {
  on_exec(ctx, (const char*)ctx + (ctx->filename & 0xffff));
  return 0;
}
FUNNEL_STUB(exec_kprobe, "kprobe/finalize_exec")
SEC("?kprobe/finalize_exec")
int BPF_KPROBE(exec_kprobe, struct linux_binprm* program) {
  on_exec(ctx, BPF_CORE_READ(program, filename));
  return 0;
}

/* Exits ------------------------------------------------------------------------------------------------------------ */

/// The last thread of a process ends.
static __always_inline void on_exit(void* ctx, struct task_struct* task) {
  struct signal_struct* signal = BPF_CORE_READ(task, signal);
  // As wait_task_zombie() finds it, kernel/exit.c.
  const __u32 status = BPF_CORE_READ(signal, flags) & SIGNAL_GROUP_EXIT ? BPF_CORE_READ(signal, group_exit_code)
                                                                        : BPF_CORE_READ(task, group_leader, exit_code);
  const struct occurrence what = {.kind = PROC_EXIT, .status = status};
  on_event(ctx, task, &what, 2);
}

/// Where the kernel does not say whether the thread is the last one.
static __always_inline void on_thread_exit(void* ctx) {
  struct task_struct* task = current();
  if (BPF_CORE_READ(task, signal, live.counter) != 0) return;
  const struct proc_parent_key key = {.start_ns = BPF_CORE_READ(task, group_leader, start_boottime),
                                      .pid = BPF_CORE_READ(task, tgid)};
  const __u32 seen = 1;
  if (bpf_map_update_elem(&ended, &key, &seen, BPF_NOEXIST) != 0) return;
  on_exit(ctx, task);
}

FUNNEL_STUB(exit_group_tp_btf, "tp_btf/sched_process_exit")
SEC("?tp_btf/sched_process_exit")
int BPF_PROG(exit_group_tp_btf, struct task_struct* task, bool last) {
  if (last) on_exit(ctx, task);
  return 0;
}
// Linux before 6.16 does not tell `last`, and its verifier refuses the program above.
FUNNEL_STUB(exit_tp_btf, "tp_btf/sched_process_exit")
SEC("?tp_btf/sched_process_exit")
int BPF_PROG(exit_tp_btf, struct task_struct* task) {
  on_thread_exit(ctx);
  return 0;
}
FUNNEL_STUB(exit_fentry, "fentry/taskstats_exit")
SEC("?fentry/taskstats_exit")
int BPF_PROG(exit_fentry, struct task_struct* task, int last) {
  if (last) on_exit(ctx, task);
  return 0;
}
FUNNEL_STUB(exit_raw_tp, "raw_tp/sched_process_exit")
SEC("?raw_tp/sched_process_exit")
int exit_raw_tp(struct bpf_raw_tracepoint_args* ctx) {
  on_thread_exit(ctx);
  return 0;
}
FUNNEL_STUB(exit_tracepoint, "tracepoint/sched/sched_process_exit")
SEC("?tracepoint/sched/sched_process_exit")
int exit_tracepoint(void* ctx) {
  on_thread_exit(ctx);
  return 0;
}
FUNNEL_STUB(exit_kprobe, "kprobe/taskstats_exit")
SEC("?kprobe/taskstats_exit")
int BPF_KPROBE(exit_kprobe, struct task_struct* task, int last) {
  if (last) on_exit(ctx, task);
  return 0;
}

/* The OOM killer's victims ----------------------------------------------------------------------------------------- */

static __always_inline void on_victim(void* ctx, struct task_struct* task) {
  const struct occurrence what = {.kind = PROC_OOM_KILL};
  on_event(ctx, task, &what, 3);
}
static __always_inline void on_victim_pid(void* ctx, __u32 pid) {
  const struct occurrence what = {.kind = PROC_OOM_KILL, .pid = pid};
  on_event(ctx, NULL, &what, 3);
}

FUNNEL_STUB(oom_task_tp_btf, "tp_btf/mark_victim")
SEC("?tp_btf/mark_victim")
int BPF_PROG(oom_task_tp_btf, struct task_struct* task) {
  // Older kernels give a number here, and their verifier refuses this.
  if (task->pid == 0) return 0;
  on_victim(ctx, task);
  return 0;
}
FUNNEL_STUB(oom_fentry, "fentry/mark_oom_victim")
SEC("?fentry/mark_oom_victim")
int BPF_PROG(oom_fentry, struct task_struct* task) {
  on_victim(ctx, task);
  return 0;
}
FUNNEL_STUB(oom_kprobe, "kprobe/mark_oom_victim")
SEC("?kprobe/mark_oom_victim")
int BPF_KPROBE(oom_kprobe, struct task_struct* task) {
  on_victim(ctx, task);
  return 0;
}
FUNNEL_STUB(oom_raw_tp, "raw_tp/mark_victim")
SEC("?raw_tp/mark_victim")
int oom_raw_tp(struct bpf_raw_tracepoint_args* ctx) {
  // A task, or a pid on older kernels: no pid has a bit of the upper half, every kernel address has.
  const __u64 victim = ctx->args[0];
  if (victim >> 32) {
    on_victim(ctx, (struct task_struct*)victim);
  } else {
    on_victim_pid(ctx, victim);
  }
  return 0;
}
FUNNEL_STUB(oom_pid_tp_btf, "tp_btf/mark_victim")
SEC("?tp_btf/mark_victim")
int BPF_PROG(oom_pid_tp_btf, int pid) {
  on_victim_pid(ctx, pid);
  return 0;
}
// /sys/kernel/tracing/events/oom/mark_victim/format; newer kernels add to it
struct victim_args {
  __u64 common;
  int pid;
};
FUNNEL_STUB(oom_tracepoint, "tracepoint/oom/mark_victim")
SEC("?tracepoint/oom/mark_victim")
int oom_tracepoint(struct victim_args* ctx) {
  on_victim_pid(ctx, ctx->pid);
  return 0;
}

/* Descriptors ------------------------------------------------------------------------------------------------------ */

static __always_inline void on_descriptor(void* ctx) {
  const struct occurrence what = {.kind = PROC_FD_OPEN};
  on_event(ctx, current(), &what, 4);
}

FUNNEL_STUB(fd_fentry, "fentry/fd_install")
SEC("?fentry/fd_install")
int BPF_PROG(fd_fentry) {
  on_descriptor(ctx);
  return 0;
}
FUNNEL_STUB(fd_kprobe, "kprobe/fd_install")
SEC("?kprobe/fd_install")
int BPF_KPROBE(fd_kprobe) {
  on_descriptor(ctx);
  return 0;
}
