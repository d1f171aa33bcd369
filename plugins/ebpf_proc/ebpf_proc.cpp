// Every process of the host that begins, runs another program, ends, or is chosen by the OOM killer, however short it
// lives: counted in the kernel, and sent as events where a pipeline wants them. What it hooks is told in proc.bpf.c.
//
// The process of an event is the one that did it or to which it happened: of a fork the one that forks, whose child is
// the label `child`. The value is the time since that process began, so at its exit the time that it lived. Threads are
// not processes: what a thread does counts for its process, and an exit is that of the last thread. Processes of the
// kernel count too.
//
// Who forks is no label: those that fork most since the last interval stand in the status API as the table `parents`.
// The kernel remembers 4,096 of them.
#include "plugins/ebpf_proc/proc.h"

#include <array>
#include <cstring>
#include <sentinel/bpf/common_config.hpp>
#include <sentinel/bpf/event_collector.hpp>
#include <sentinel/collector.hpp>
#include <string>

#include "plugins/ebpf_proc/parents.hpp"
#include "proc.skel.h"

namespace {

using namespace sentinel::bpf;
using std::string_view;

constexpr string_view kinds[PROC_KINDS] = {"", "fork", "exec", "exit", "oom_kill", "fd_open"};

/// By number, signal(7); those that have another on some machine are x86's and arm64's.
constexpr string_view signals[] = {
    "",        "SIGHUP",  "SIGINT",  "SIGQUIT", "SIGILL",  "SIGTRAP", "SIGABRT",   "SIGBUS",  "SIGFPE",   "SIGKILL",
    "SIGUSR1", "SIGSEGV", "SIGUSR2", "SIGPIPE", "SIGALRM", "SIGTERM", "16",        "SIGCHLD", "SIGCONT",  "SIGSTOP",
    "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGURG",  "SIGXCPU", "SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGWINCH", "SIGIO",
    "SIGPWR",  "SIGSYS",  "32",      "33",      "34",      "35",      "36",        "37",      "38",       "39",
    "40",      "41",      "42",      "43",      "44",      "45",      "46",        "47",      "48",       "49",
    "50",      "51",      "52",      "53",      "54",      "55",      "56",        "57",      "58",       "59",
    "60",      "61",      "62",      "63",      "64"};

constexpr Field field_table[] = {
    {.name = "event", .index = PROC_KIND, .kind = FieldKind::name, .names = kinds},
    {.name = "session", .index = PROC_SESSION},
    {.name = "child", .index = PROC_CHILD},
    {.name = "exit_code", .index = PROC_EXIT_CODE},
    {.name = "signal", .index = PROC_SIGNAL, .kind = FieldKind::name, .names = signals},
    {.name = "pid", .index = PROC_PID, .beside = PROC_START},
    {.name = "tid", .index = PROC_TID},
    {.name = "ppid", .index = PROC_PPID},
    {.name = "cgroup_id", .index = PROC_CGROUP},
    {.name = "comm", .index = PROC_COMM, .kind = FieldKind::comm},
    {.name = "parent_comm", .index = PROC_PARENT_COMM, .kind = FieldKind::comm},
    {.name = "", .index = PROC_SECONDS, .kind = FieldKind::value, .scale = 1e9},
};
const Fields fields{field_table};

const std::array<Hook, 5> hooks = {
    Hook{.name = "fork",
         .candidates = {{"tp_btf", {"fork_tp_btf"}},
                        {"fentry", {"fork_fentry"}},
                        {"raw_tp", {"fork_raw_tp"}},
                        {"tracepoint", {"fork_tracepoint"}},
                        {"kprobe", {"fork_kprobe"}}}},
    Hook{.name = "exec",
         .candidates = {{"tp_btf", {"exec_tp_btf"}},
                        {"fentry", {"exec_fentry"}},
                        {"raw_tp", {"exec_raw_tp"}},
                        {"tracepoint", {"exec_tracepoint"}},
                        {"kprobe", {"exec_kprobe"}}}},
    // The first that tells which thread is the last.
    Hook{.name = "exit",
         .candidates = {{"tp_btf", {"exit_group_tp_btf"}},
                        {"tp_btf", {"exit_tp_btf"}},
                        {"fentry", {"exit_fentry"}},
                        {"raw_tp", {"exit_raw_tp"}},
                        {"tracepoint", {"exit_tracepoint"}},
                        {"kprobe", {"exit_kprobe"}}}},
    // Those that tell more than the victim's pid first.
    Hook{.name = "oom_kill",
         .required = false,
         .candidates = {{"tp_btf", {"oom_task_tp_btf"}},
                        {"fentry", {"oom_fentry"}},
                        {"raw_tp", {"oom_raw_tp"}},
                        {"kprobe", {"oom_kprobe"}},
                        {"tp_btf", {"oom_pid_tp_btf"}},
                        {"tracepoint", {"oom_tracepoint"}}}},
    // The last, and left out on demand. There is no tracepoint; those of system calls are too dear for this.
    Hook{.name = "fd_open", .required = false, .candidates = {{"fentry", {"fd_fentry"}}, {"kprobe", {"fd_kprobe"}}}},
};
constexpr string_view kept_maps[] = {"counts", "parents", "ended"};

FunnelSpec spec(bool descriptors) {
  std::size_t size = 0;
  const auto* bytes = static_cast<const std::byte*>(proc_bpf__elf_bytes(&size));
  return {{bytes, size}, std::span(hooks).first(descriptors ? hooks.size() : hooks.size() - 1), kept_maps, 1};
}

FunnelOptions options_of(const sentinel::Config& config) {
  FunnelOptions options = common_options(config);
  FilterBuilder filter;
  filter.numbers("pids", integers_of(config, "pids"), PROC_PID, PROC_PPID);
  filter.texts("comms", strings_of(config, "comms"), *fields.find("comm"), PROC_PARENT_COMM);
  filter.cgroups("cgroups", strings_of(config, "cgroups"), PROC_CGROUP);
  options.filter = filter.filter();
  options.flags = static_cast<std::uint32_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(config.duration("short_lived")).count());
  return options;
}

class EbpfProc : public EventCollector {
 public:
  static constexpr sentinel::Field schema[] = {
      {.name = "pids",
       .type = sentinel::FieldType::integer_list,
       .help = "only what these processes and their children do"},
      {.name = "comms",
       .type = sentinel::FieldType::string_list,
       .help = "only what processes of these names and their children do"},
      {.name = "cgroups",
       .type = sentinel::FieldType::string_list,
       .help = "only processes in these cgroups of version 2, by path or id"},
      {.name = "short_lived",
       .type = sentinel::FieldType::duration,
       .by_default = "2s",
       .help = "processes that live no longer count as short-lived",
       .minimum = 0.001,
       .maximum = 3600},
      {.name = "descriptors",
       .type = sentinel::FieldType::boolean,
       .by_default = "true",
       .help = "see descriptors that are opened, where the kernel allows it"},
      hooks_field,
      ring_field,
      period_field,
      stacks_field,
      budget_field,
  };

  EbpfProc(const sentinel::Config& config, sentinel::Host& host)
      : EventCollector(host, "ebpf_proc", spec(config.boolean("descriptors")), options_of(config), budget_of(config)),
        event_(host.event(
            {"sentinel_process_event", "What happened to a process; the value is the time since it began.", "seconds"},
            {"event", "session", "child", "exit_code", "signal"})),
        forks_(host.counter({"sentinel_process_forks_total", "Processes that were forked; no threads."})),
        execs_(host.counter({"sentinel_process_execs_total", "Programs that processes began to run."})),
        exits_(host.counter({"sentinel_process_exits_total", "Processes that ended, with their last thread."})),
        short_lived_(host.counter(
            {"sentinel_process_short_lived_total", "Processes that ended within `short_lived` of their beginning."})),
        oom_kills_(host.counter({"sentinel_process_oom_kills_total", "Processes that the OOM killer chose."})),
        descriptors_(host.counter({"sentinel_process_descriptors_opened_total", "Descriptors that were opened."})) {
    may_send({event_.id, PROC_EVENT, fields});
  }

 private:
  sentinel::Result<void> add_metrics(sentinel::Batch& batch) override {
    batch.add(forks_, count_of(PROC_FORK));
    batch.add(execs_, count_of(PROC_EXEC));
    batch.add(exits_, count_of(PROC_EXIT));
    batch.add(short_lived_, count_of(PROC_SHORT_LIVED));
    if (serves("oom_kill")) batch.add(oom_kills_, count_of(PROC_OOM_KILL));
    if (serves("fd_open")) batch.add(descriptors_, count_of(PROC_FD_OPEN));
    return parents_.look(funnel().map_fd("parents"));
  }

  void add_details(sentinel::Rows& rows) override { parents_.add_rows(rows); }

  /// Whether a hook was got, and it can be told how often it happened.
  [[nodiscard]] bool serves(string_view hook) const {
    for (const Choice& choice : funnel().hooks().choices()) {
      if (choice.hook == hook) return choice.candidate != nullptr;
    }
    return false;
  }

  [[nodiscard]] double count_of(std::uint32_t kind) const {
    return static_cast<double>(funnel().count(funnel().map_fd("counts"), kind));
  }

  /// Those who begin and who change their program are remembered, to have their names when they are gone.
  void note(const proc_event& event) {
    if (event.kind == PROC_EXEC) {
      contexts().note(event.event.process, true, {event.filename, strnlen(event.filename, sizeof(event.filename))});
    }
    if (event.kind != PROC_FORK || event.child_start_ns == 0) return;
    funnel_process child = event.event.process;
    child.pid = child.tid = event.child;
    child.ppid = event.event.process.pid;
    child.start_ns = event.child_start_ns;
    std::memcpy(child.parent_comm, child.comm, sizeof(child.parent_comm));
    contexts().note(child);
  }

  void add_event(const funnel_event& raw, std::size_t size, sentinel::Batch& batch) override {
    const auto* whole = whole_event<proc_event>(raw, PROC_EVENT, size);
    if (whole == nullptr) return;
    const proc_event& event = *whole;
    note(event);
    const std::string session = std::to_string(event.event.process.session);
    const std::string child = std::to_string(event.child);
    const std::string exit_code = std::to_string(event.exit_code);
    const auto context =
        contexts().of(event.event.process, {event.frames, event.event.frame_count}, event.event.time_ns);
    batch.add(event_, std::chrono::nanoseconds(event.event.time_ns), static_cast<double>(event.age_ns) / 1e9, context,
              {name_at(kinds, event.kind), session, child, exit_code, name_at(signals, event.signal)});
  }

  void add_pane(const Pane& pane, sentinel::Batch& batch) override {
    PaneTexts text(pane, fields);
    const auto context = text.context();
    batch.add_folded(event_, std::chrono::nanoseconds(pane.end_ns), pane.demand, pane.count,
                     static_cast<double>(pane.sum) / 1e9, context,
                     {text(PROC_KIND), text(PROC_SESSION), text(PROC_CHILD), text(PROC_EXIT_CODE), text(PROC_SIGNAL)});
  }

  sentinel::Event<5> event_;
  sentinel::Counter<> forks_;
  sentinel::Counter<> execs_;
  sentinel::Counter<> exits_;
  sentinel::Counter<> short_lived_;
  sentinel::Counter<> oom_kills_;
  sentinel::Counter<> descriptors_;
  Parents parents_;
};

}  // namespace

SENTINEL_COLLECTOR(EbpfProc, {.name = "ebpf_proc",
                              .version = "0.1.0",
                              .licence = "Apache-2.0",
                              .summary = "Processes that are forked, run a program, end or are killed for want of "
                                         "memory, counted in the kernel"});
