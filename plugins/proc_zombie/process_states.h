/// What the walk over processes hands out; shared with its BPF program.
#pragma once

#define PROCESS_STATE_LETTERS "RSDTtXZPI"
#define PROCESS_STATES 16 /* a power of two, as the verifier likes it */

/* A zombie, written when it is met. */
struct zombie_record {
  int pid; /* pids are those of the reader's pid namespace; 0: not in it */
  int parent;
  unsigned long long start_ns; /* CLOCK_BOOTTIME of the reader's time namespace */
  char parent_comm[16];
};

/* The end of the walk. */
struct process_states {
  unsigned long long processes[PROCESS_STATES]; /* in the order of the letters */
  unsigned long long threads;
};
