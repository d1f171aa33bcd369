// Processes of the reader's pid namespace by state, with their threads, counted where they lie: a walk hands out each
// zombie, and the counts at its end. A state's letter is found as /proc/<pid>/stat does (fs/proc/array.c
// get_task_state, include/linux/sched.h task_state_index).
#include "plugins/proc_zombie/process_states.h"

#include <sentinel/bpf/kernel.bpf.h>

// include/linux/sched.h
#define TASK_UNINTERRUPTIBLE 0x02
#define EXIT_ZOMBIE 0x20
#define TASK_REPORT 0x7f
#define TASK_REPORT_IDLE (TASK_REPORT + 1)
#define TASK_IDLE 0x402
#define TASK_RTLOCK_WAIT 0x1000
#define TASK_FROZEN 0x8000
#define PIDTYPE_TGID 1

static struct process_states counts;

static __always_inline unsigned int state_index(struct task_struct* task) {
  const unsigned int state = task->__state;
  unsigned int shown = (state | task->exit_state) & TASK_REPORT;
  if ((state & TASK_IDLE) == TASK_IDLE) shown = TASK_REPORT_IDLE;
  if (state & (TASK_RTLOCK_WAIT | TASK_FROZEN)) shown = TASK_UNINTERRUPTIBLE;
  unsigned int index = 0;
  for (unsigned int bit = 0; bit < sizeof(PROCESS_STATE_LETTERS) - 2; ++bit) {
    if (shown >> bit & 1) index = bit + 1;
  }
  return index;
}

/// The number of a process in the pid namespace of `reader`, in which it lies; 0 when it does not.
static __always_inline int number_for(struct pid* reader, struct pid* pid) {
  const unsigned int level = BPF_CORE_READ(reader, level);
  if (!pid || BPF_CORE_READ(pid, level) < level) return 0;
  // The array's elements are as large as the running kernel's, not as ours.
  const unsigned long at = bpf_core_field_offset(struct pid, numbers) + level * bpf_core_type_size(struct upid);
  struct upid* in_pid = (void*)pid + at;
  struct upid* in_reader = (void*)reader + at;
  if (BPF_CORE_READ(in_pid, ns) != BPF_CORE_READ(in_reader, ns)) return 0;
  return BPF_CORE_READ(in_pid, nr);
}

/// What the reader's clock is ahead of the boot, in ns: processes start on the boot's.
static __always_inline __s64 clock_offset(struct task_struct* reader) {
  if (!bpf_core_field_exists(struct nsproxy, time_ns)) return 0;
  struct time_namespace* time = BPF_CORE_READ(reader, nsproxy, time_ns);
  return BPF_CORE_READ(time, offsets.boottime.tv_sec) * 1000000000LL + BPF_CORE_READ(time, offsets.boottime.tv_nsec);
}

static __always_inline long write_zombie(struct seq_file* out, struct task_struct* zombie) {
  struct task_struct* reader = (struct task_struct*)bpf_get_current_task();
  struct pid* view = BPF_CORE_READ(reader, thread_pid);
  struct task_struct* parent = BPF_CORE_READ(zombie, real_parent);
  struct zombie_record record = {};
  record.pid = number_for(view, BPF_CORE_READ(zombie, thread_pid));
  record.parent = number_for(view, BPF_CORE_READ(parent, signal, pids[PIDTYPE_TGID]));
  record.start_ns = BPF_CORE_READ(zombie, start_boottime) + clock_offset(reader);
  if (record.parent != 0) BPF_CORE_READ_STR_INTO(&record.parent_comm, parent, group_leader, comm);
  return bpf_seq_write(out, &record, sizeof(record));
}

SEC("iter/task")
int count_process_states(struct bpf_iter__task* context) {
  struct bpf_iter_meta* meta = context->meta;
  struct task_struct* task = context->task;
  if (meta->seq_num == 0) __builtin_memset(&counts, 0, sizeof(counts));
  if (!task) {
    bpf_seq_write(meta->seq, &counts, sizeof(counts));
    return 0;
  }
  if (task->pid != task->tgid) return 0;  // a thread
  // The buffer may be full: then the kernel empties it and shows this task again, which must not count twice.
  if (task->exit_state == EXIT_ZOMBIE && write_zombie(meta->seq, task) != 0) return 0;
  ++counts.processes[state_index(task) & (PROCESS_STATES - 1)];
  counts.threads += task->signal->nr_threads;
  return 0;
}

char LICENSE[] SEC("license") = "GPL";
