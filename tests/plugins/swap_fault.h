/* The wrong thing that a variant of test_swap does. Linked into it from swap_fault.c, so that variants share the rest.
 */
#ifndef SENTINEL_TESTS_PLUGINS_SWAP_FAULT_H
#define SENTINEL_TESTS_PLUGINS_SWAP_FAULT_H
#ifdef __cplusplus
extern "C" {
#endif

struct swap_fault {
  const char* call;  /* in which it happens: "create", "collect", "none", … */
  const char* how;   /* "fail", "throw", "hang", "dawdle", "abort", "leak_thread", "leak_fd", "stay_loaded" */
  const char* where; /* "anywhere", "agent": not in the child that tries it, "restored": once it was given a state */
  int after;         /* calls that go well before */
};
extern const struct swap_fault swap_fault;

#ifdef __cplusplus
}
#endif
#endif
