// ebpf_proc.so with the real kernel: generators of known work, told from the rest of the machine by their names and
// pids, and counts that are exact.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstring>
#include <set>
#include <thread>

#include "tests/support/privilege.hpp"
#include "tests/support/process.hpp"
#include "tests/unit/plugins/ebpf_proc/generator.hpp"
#include "tests/unit/plugins/ebpf_proc/loaded.hpp"
#include "tests/unit/plugins/ebpf_proc/memory_cgroup.hpp"

namespace {

using sentinel::testing::FakeConfig;
using sentinel::testing::FakeRecord;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;

constexpr std::string_view program = "/bin/true";

Loaded::Configure only(pid_t pid) {
  return [pid](FakeConfig& config) { config.integers("pids", {pid}); };
}

std::string label(const FakeRecord& record, std::string_view key) {
  for (std::size_t i = 0; i < record.label_keys.size(); ++i) {
    if (record.label_keys[i] == key) return record.labels[i];
  }
  return "?";
}

std::vector<FakeRecord> of_kind(const std::vector<FakeRecord>& records, std::string_view kind) {
  std::vector<FakeRecord> found;
  for (const auto& record : records) {
    if (label(record, "event") == kind) found.push_back(record);
  }
  return found;
}

double outcome(const std::map<std::string, double>& metrics, const std::string& name) {
  return metrics.at("sentinel_bpf_events_total{plugin=\"ebpf_proc\",outcome=\"" + name + "\"}");
}

void expect_balance(const std::map<std::string, double>& metrics) {
  double sum = 0;
  for (const auto* name : {"filtered", "sampled_out", "folded", "submitted", "lost_ring", "lost_map", "lost_storage"}) {
    sum += outcome(metrics, name);
  }
  EXPECT_EQ(outcome(metrics, "seen"), sum);
}

/// With each type of hook that this kernel has.
class EbpfProcHooks : public ::testing::TestWithParam<std::string> {};

TEST_P(EbpfProcHooks, counts_forks_execs_and_exits_exactly) {
  SENTINEL_REQUIRE_BPF();
  Generator generator("gen_counts", [] {
    fork_children(50);
    run_programs(std::string(program), 20);
    return 0;
  });
  Loaded loaded(only(generator.pid()), GetParam());
  if (const auto started = loaded.start(); !started) {
    GTEST_SKIP() << "this kernel has no hooks of type " << GetParam() << ": " << started.error().message;
  }
  ASSERT_EQ(generator.wait(), 0);
  const auto metrics = loaded.metrics();
  EXPECT_EQ(metrics.at("sentinel_process_forks_total"), 70);
  EXPECT_EQ(metrics.at("sentinel_process_execs_total"), 20);
  EXPECT_EQ(metrics.at("sentinel_process_exits_total"), 71);  // its own
  EXPECT_EQ(metrics.at("sentinel_process_short_lived_total"), 71);
  EXPECT_EQ(outcome(metrics, "submitted"), 0);
  for (const auto& hook : loaded.details("hooks")) {
    if (hook.at("refused").empty() && hook.at("type") != "none" && hook.at("hook") != "fd_open") {
      EXPECT_TRUE(GetParam() == "auto" || hook.at("type") == GetParam()) << hook.at("hook") << hook.at("type");
    }
  }
}

TEST_P(EbpfProcHooks, counts_no_threads_and_each_process_once) {
  SENTINEL_REQUIRE_BPF();
  constexpr int processes = 100;
  // All threads of a process end at once, so that each may be the last.
  Generator generator("gen_threads", [] {
    for (int i = 0; i < processes; ++i) {
      run_child([] {
        start_waiting_threads(8);
        return 0;
      });
    }
    // A leader that goes first: its process ends with the last thread. Whose code that leaves, kernels do differently.
    return WEXITSTATUS(run_child([] {
      std::thread([leader = ::pthread_self()] { ::pthread_join(leader, nullptr); }).detach();
      ::syscall(SYS_exit, 9);
      return 1;
    }));
  });
  Loaded loaded(only(generator.pid()), GetParam());
  if (const auto started = loaded.start(); !started) {
    GTEST_SKIP() << "this kernel has no hooks of type " << GetParam() << ": " << started.error().message;
  }
  loaded.demand({{{{"event", "exit"}, {"ppid", std::to_string(generator.pid())}}, {}, 0}});
  const int code = WEXITSTATUS(generator.wait());
  EXPECT_EQ(loaded.metric("sentinel_process_forks_total"), processes + 1);
  EXPECT_EQ(loaded.metric("sentinel_process_exits_total"), processes + 2);
  const auto exits = loaded.events();
  ASSERT_EQ(exits.size(), processes + 1U);
  EXPECT_EQ(label(exits.back(), "exit_code"), std::to_string(code));
}

INSTANTIATE_TEST_SUITE_P(each, EbpfProcHooks,
                         ::testing::Values("auto", "tp_btf", "fentry", "raw_tp", "tracepoint", "kprobe"),
                         [](const auto& each) { return each.param; });

TEST(EbpfProc, sends_no_event_that_nobody_wants) {
  SENTINEL_REQUIRE_BPF();
  Generator generator("gen_unwanted", [] {
    fork_children(100);
    return 0;
  });
  Loaded loaded(only(generator.pid()));
  ASSERT_TRUE(loaded.start());
  ASSERT_EQ(generator.wait(), 0);
  EXPECT_THAT(loaded.events(), IsEmpty());
  const auto metrics = loaded.metrics();
  EXPECT_EQ(metrics.at("sentinel_process_forks_total"), 100);
  EXPECT_EQ(outcome(metrics, "submitted"), 0);
  EXPECT_EQ(outcome(metrics, "folded"), 0);
}

TEST(EbpfProc, tells_who_forked_whom_what_ran_and_how_it_ended) {
  SENTINEL_REQUIRE_BPF();
  Generator generator("gen_events", [] {
    run_child([] { return 7; });
    run_child([] { return ::kill(::getpid(), SIGKILL); });
    run_programs(std::string(program), 1);
    return 3;
  });
  Loaded loaded(only(generator.pid()));
  ASSERT_TRUE(loaded.start());
  loaded.demand({Wanted{}});
  ASSERT_EQ(WEXITSTATUS(generator.wait()), 3);
  const auto events = loaded.events();
  const auto own = static_cast<std::uint32_t>(generator.pid());

  const auto forks = of_kind(events, "fork");
  ASSERT_EQ(forks.size(), 3U);
  std::set<std::string> children;
  for (const auto& fork : forks) {
    EXPECT_EQ(fork.context->pid, own);
    EXPECT_EQ(fork.context->tid, own);
    EXPECT_EQ(fork.context->ppid, static_cast<std::uint32_t>(::getpid()));
    EXPECT_EQ(fork.context->comm, "gen_events");
    EXPECT_EQ(label(fork, "session"), std::to_string(::getsid(0)));
    EXPECT_EQ(label(fork, "exit_code"), "0");
    EXPECT_EQ(label(fork, "signal"), "");
    EXPECT_GT(fork.value, 0);
    children.insert(label(fork, "child"));
  }
  EXPECT_EQ(children.size(), 3U);

  const auto execs = of_kind(events, "exec");
  ASSERT_EQ(execs.size(), 1U);
  EXPECT_EQ(std::to_string(execs[0].context->pid), label(forks[2], "child"));
  EXPECT_EQ(execs[0].context->ppid, own);
  EXPECT_EQ(execs[0].context->comm, "true");
  EXPECT_EQ(execs[0].context->parent_comm, "gen_events");
  EXPECT_THAT(execs[0].context->exe, HasSubstr("/bin/true"));
  EXPECT_EQ(label(execs[0], "child"), "0");

  const auto exits = of_kind(events, "exit");
  ASSERT_EQ(exits.size(), 4U);
  EXPECT_EQ(label(exits[0], "exit_code"), "7");
  EXPECT_EQ(label(exits[0], "signal"), "");
  EXPECT_EQ(exits[0].context->parent_comm, "gen_events");
  EXPECT_EQ(std::to_string(exits[0].context->pid), label(forks[0], "child"));
  EXPECT_EQ(label(exits[1], "exit_code"), "0");
  EXPECT_EQ(label(exits[1], "signal"), "SIGKILL");
  EXPECT_EQ(label(exits[2], "exit_code"), "0");
  EXPECT_EQ(label(exits[3], "exit_code"), "3");
  EXPECT_EQ(exits[3].context->pid, own);
  EXPECT_GE(exits[3].value, forks[0].value);
  // Long gone, and known by name.
  EXPECT_THAT(exits[2].context->exe, HasSubstr("/bin/true"));
  EXPECT_TRUE(
      std::any_of(events.begin(), events.end(), [](const auto& event) { return !event.context->stack.empty(); }));
  expect_balance(loaded.metrics());
}

TEST(EbpfProc, sends_only_what_the_filters_in_the_kernel_let_through) {
  SENTINEL_REQUIRE_BPF();
  Generator generator("gen_filtered", [] {
    for (int code = 0; code < 20; ++code) run_child([code] { return code; });
    return 0;
  });
  Loaded loaded(only(generator.pid()));
  ASSERT_TRUE(loaded.start());
  loaded.demand({{{{"event", "exit"}, {"exit_code", "5"}, {"parent_comm", "gen_filtered"}}, {}, 0}});
  ASSERT_EQ(generator.wait(), 0);
  const auto events = loaded.events();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(label(events[0], "exit_code"), "5");
  const auto metrics = loaded.metrics();
  EXPECT_EQ(outcome(metrics, "submitted"), 1);
  EXPECT_EQ(metrics.at("sentinel_process_exits_total"), 21);
  expect_balance(metrics);
}

TEST(EbpfProc, folds_a_storm_of_forks_and_sends_an_exemplar_that_names_the_culprit) {
  SENTINEL_REQUIRE_BPF();
  constexpr int forks = 2000;
  Generator generator("gen_storm", [] {
    fork_children(forks);
    return 0;
  });
  Loaded loaded([](FakeConfig& config) { config.strings("comms", {"gen_storm"}); });
  ASSERT_TRUE(loaded.start());
  loaded.demand({{{{"event", "fork"}}, {"pid", "comm"}, 50}});
  ASSERT_EQ(generator.wait(), 0);

  double counted = 0;
  bool stack = false;
  std::size_t records = 0;
  ASSERT_TRUE(sentinel::testing::eventually([&] {
    for (const auto& event : loaded.events()) {
      ++records;
      counted += static_cast<double>(event.count);
      stack = stack || !event.context->stack.empty();
      EXPECT_EQ(event.context->pid, static_cast<std::uint32_t>(generator.pid()));
      EXPECT_EQ(event.context->comm, "gen_storm");
      EXPECT_EQ(label(event, "event"), event.demand == 0 ? "fork" : "");
    }
    return counted >= forks;
  }));
  EXPECT_EQ(counted, forks);
  EXPECT_TRUE(stack);
  EXPECT_LT(records, forks / 20);
  expect_balance(loaded.metrics());
  const auto parents = loaded.details("parents");
  ASSERT_FALSE(parents.empty());
  EXPECT_EQ(parents[0].at("pid"), std::to_string(generator.pid()));
  EXPECT_EQ(parents[0].at("comm"), "gen_storm");
  EXPECT_EQ(parents[0].at("forks"), std::to_string(forks));
  EXPECT_EQ(parents[0].at("short_lived_children"), std::to_string(forks));
  EXPECT_GE(loaded.metric("sentinel_process_forks_total"), forks);
  EXPECT_THAT(loaded.details("parents"), Not(Contains(Contains(Pair("comm", "gen_storm")))));  // none since then
}

TEST(EbpfProc, counts_short_lives_only) {
  SENTINEL_REQUIRE_BPF();
  using std::chrono::steady_clock;
  Generator generator("gen_short", [] {
    fork_children(10);
    const auto old = steady_clock::now() + std::chrono::milliseconds(1200);
    run_child([&] {
      while (steady_clock::now() < old) ::sched_yield();
      return 0;
    });
    return 0;
  });
  Loaded loaded([&](FakeConfig& config) {
    config.integers("pids", {generator.pid()});
    config.duration("short_lived", std::chrono::seconds(1));
  });
  ASSERT_TRUE(loaded.start());
  ASSERT_EQ(generator.wait(), 0);
  EXPECT_EQ(loaded.metric("sentinel_process_exits_total"), 12);
  EXPECT_EQ(loaded.metric("sentinel_process_short_lived_total"), 10);
}

TEST(EbpfProc, names_the_victim_of_the_oom_killer) {
  SENTINEL_REQUIRE_BPF();
  const MemoryCgroup cgroup(20 << 20);
  if (cgroup.why_not()) GTEST_SKIP() << *cgroup.why_not();
  Generator generator("gen_oom", [&] {
    if (!cgroup.enter()) return 1;
    constexpr std::size_t size = 64 << 20;
    void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    std::memset(memory, 1, size);
    return 0;
  });
  Loaded loaded(only(generator.pid()));
  ASSERT_TRUE(loaded.start());
  loaded.demand({{{{"event", "oom_kill"}}, {}, 0}, {{{"event", "exit"}}, {}, 0}});
  const int status = generator.wait();
  ASSERT_TRUE(WIFSIGNALED(status)) << status;
  const auto events = loaded.events();
  const auto kills = of_kind(events, "oom_kill");
  ASSERT_EQ(kills.size(), 1U);
  EXPECT_EQ(kills[0].context->pid, static_cast<std::uint32_t>(generator.pid()));
  EXPECT_EQ(kills[0].context->comm, "gen_oom");
  EXPECT_FALSE(kills[0].context->stack.empty());
  const auto exits = of_kind(events, "exit");
  ASSERT_EQ(exits.size(), 1U);
  EXPECT_EQ(label(exits[0], "signal"), "SIGKILL");
  EXPECT_EQ(loaded.metric("sentinel_process_oom_kills_total"), 1);
  expect_balance(loaded.metrics());
}

TEST(EbpfProc, hands_on_a_name_of_any_bytes_and_filters_by_it) {
  SENTINEL_REQUIRE_BPF();
  const std::string hostile = "\xff\"\n\x01{}\\";
  Generator generator(hostile, [] {
    fork_children(3);
    return 0;
  });
  Loaded loaded([&](FakeConfig& config) { config.strings("comms", {hostile}); });
  ASSERT_TRUE(loaded.start());
  loaded.demand({{{{"event", "fork"}, {"comm", hostile}}, {}, 0}});
  ASSERT_EQ(generator.wait(), 0);
  const auto events = loaded.events();
  ASSERT_EQ(events.size(), 3U);
  EXPECT_EQ(events[0].context->comm, hostile);
}

TEST(EbpfProc, counts_opened_descriptors_where_the_kernel_lets_it) {
  SENTINEL_REQUIRE_BPF();
  Generator generator("gen_fds", [] {
    for (int i = 0; i < 100; ++i) ::close(::dup(0));
    return 0;
  });
  Loaded loaded(only(generator.pid()));
  ASSERT_TRUE(loaded.start());
  loaded.demand({{{{"event", "fd_open"}}, {"pid", "comm"}, 1000}});
  ASSERT_EQ(generator.wait(), 0);
  const auto metrics = loaded.metrics();
  const auto found = metrics.find("sentinel_process_descriptors_opened_total");
  if (found == metrics.end()) {
    std::vector<std::string> reasons;
    for (const auto& hook : loaded.details("hooks")) {
      if (hook.at("hook") == "fd_open" && !hook.at("refused").empty()) reasons.push_back(hook.at("refused"));
    }
    EXPECT_EQ(reasons.size(), 2U);  // of each candidate
    return;
  }
  EXPECT_EQ(found->second, 100);
}

TEST(EbpfProc, leaves_descriptors_alone_when_told) {
  SENTINEL_REQUIRE_BPF();
  Loaded loaded([](FakeConfig& config) { config.boolean("descriptors", false); });
  ASSERT_TRUE(loaded.start());
  for (const auto& hook : loaded.details("hooks")) EXPECT_NE(hook.at("hook"), "fd_open");
}

TEST(EbpfProc, counts_each_fork_once_through_swaps) {
  SENTINEL_REQUIRE_BPF();
  constexpr int forks = 3000;
  constexpr int swaps = 20;
  Generator generator("gen_swapped", [] {
    fork_children(forks);
    return 0;
  });
  auto running = std::make_unique<Loaded>(only(generator.pid()));
  ASSERT_TRUE(running->start());
  generator.go();
  for (int i = 0; i < swaps; ++i) {
    auto successor = std::make_unique<Loaded>(only(generator.pid()));
    running->hand_over_to(*successor);
    running = std::move(successor);
  }
  ASSERT_EQ(generator.wait(), 0);
  const auto metrics = running->metrics();
  EXPECT_EQ(metrics.at("sentinel_process_forks_total"), forks);
  EXPECT_EQ(metrics.at("sentinel_process_exits_total"), forks + 1);
  EXPECT_EQ(metrics.at("sentinel_bpf_gaps_total{plugin=\"ebpf_proc\"}"), 0);
  expect_balance(metrics);
}

}  // namespace
