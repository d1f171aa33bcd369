// ebpf_proc.so with the real kernel: generators of known work, told from the rest of the machine by their names and
// pids, and counts that are exact.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstring>
#include <set>
#include <thread>

#include "tests/support/fault.hpp"
#include "tests/support/privilege.hpp"
#include "tests/support/process.hpp"
#include "tests/unit/plugins/ebpf_proc/generator.hpp"
#include "tests/unit/plugins/rig.hpp"

namespace {

using rig::ConfigValues;
using rig::Event;
using rig::Want;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;
using ::testing::StartsWith;

/// A program that ends at once.
std::string program() {
  return ::access("/usr/bin/true", X_OK) == 0 ? "/usr/bin/true" : "/bin/true";
}

constexpr auto event_name = "sentinel_process_event";

/// The plugin, and a store of its own.
struct Proc {
  sentinel::store::Store store{std::size_t{1} << 20U};
  rig::Plugin plugin;

  explicit Proc(const ConfigValues& config) : plugin(store, "ebpf_proc", config) {}

  rig::Values collect() {
    const auto done = plugin.collect(++collections * std::chrono::seconds(5));
    EXPECT_TRUE(done) << done.error().message;
    return rig::values(store);
  }
  double metric(const std::string& series) { return collect().at(series); }

  int collections = 0;
};

/// What these processes and their children do; whatever lives less than an hour lives short.
ConfigValues only(pid_t pid) {
  return {{"pids", std::to_string(pid)}, {"short_lived", "1h"}};
}

/// Each event with these labels or fields.
Want each(std::map<std::string, std::vector<std::string>> any_of = {}) {
  Want want;
  want.event = event_name;
  want.any_of = std::move(any_of);
  return want;
}

/// Counts of a second, by these, with an event of a group that comes near the threshold.
Want counts(const std::string& kind, std::vector<std::string> by, double threshold) {
  Want want = each({{"event", {kind}}});
  want.fold = SENTINEL_FOLD_COUNT;
  want.by = std::move(by);
  want.pane = std::chrono::seconds(1);
  want.threshold = threshold;
  return want;
}

std::vector<Event> of_kind(const std::vector<Event>& events, const std::string& kind) {
  std::vector<Event> found;
  for (const auto& event : events) {
    if (event.labels.at("event") == kind) found.push_back(event);
  }
  return found;
}

double outcome(const rig::Values& metrics, const std::string& name) {
  return metrics.at("sentinel_bpf_events_total{plugin=\"ebpf_proc\",outcome=\"" + name + "\"}");
}

void expect_balance(const rig::Values& metrics) {
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
    run_programs(program(), 20);
    return 0;
  });
  auto config = only(generator.pid());
  config["hooks"] = GetParam();
  Proc proc(config);
  if (const auto started = proc.plugin.start(); !started) {
    GTEST_SKIP() << "this kernel has no hooks of type " << GetParam() << ": " << started.error().message;
  }
  ASSERT_EQ(generator.wait(), 0);
  const auto metrics = proc.collect();
  EXPECT_EQ(metrics.at("sentinel_process_forks_total"), 70);
  EXPECT_EQ(metrics.at("sentinel_process_execs_total"), 20);
  EXPECT_EQ(metrics.at("sentinel_process_exits_total"), 71);  // its own
  EXPECT_EQ(metrics.at("sentinel_process_short_lived_total"), 71);
  EXPECT_EQ(outcome(metrics, "submitted"), 0);
  for (const auto& hook : proc.plugin.details("hooks")) {
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
  auto config = only(generator.pid());
  config["hooks"] = GetParam();
  Proc proc(config);
  if (const auto started = proc.plugin.start(); !started) {
    GTEST_SKIP() << "this kernel has no hooks of type " << GetParam() << ": " << started.error().message;
  }
  proc.plugin.offer({each({{"event", {"exit"}}, {"ppid", {std::to_string(generator.pid())}}})});
  const int code = WEXITSTATUS(generator.wait());
  EXPECT_EQ(proc.metric("sentinel_process_forks_total"), processes + 1);
  EXPECT_EQ(proc.metric("sentinel_process_exits_total"), processes + 2);
  const auto exits = proc.plugin.ready();
  ASSERT_EQ(exits.size(), processes + 1U);
  EXPECT_EQ(exits.back().labels.at("exit_code"), std::to_string(code));
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
  Proc proc(only(generator.pid()));
  ASSERT_TRUE(proc.plugin.start());
  ASSERT_EQ(generator.wait(), 0);
  EXPECT_THAT(proc.plugin.ready(), IsEmpty());
  const auto metrics = proc.collect();
  EXPECT_EQ(metrics.at("sentinel_process_forks_total"), 100);
  EXPECT_EQ(outcome(metrics, "submitted"), 0);
  EXPECT_EQ(outcome(metrics, "folded"), 0);
}

TEST(EbpfProc, tells_who_forked_whom_what_ran_and_how_it_ended) {
  SENTINEL_REQUIRE_BPF();
  Generator generator("gen_events", [] {
    run_child([] { return 7; });
    run_child([] { return ::kill(::getpid(), SIGKILL); });
    run_programs(program(), 1);
    return 3;
  });
  Proc proc(only(generator.pid()));
  ASSERT_TRUE(proc.plugin.start());
  proc.plugin.offer({each()});
  ASSERT_EQ(WEXITSTATUS(generator.wait()), 3);
  const auto events = proc.plugin.ready();
  const auto own = static_cast<std::uint32_t>(generator.pid());

  const auto forks = of_kind(events, "fork");
  ASSERT_EQ(forks.size(), 3U);
  std::set<std::string> children;
  for (const auto& fork : forks) {
    EXPECT_EQ(fork.pid, own);
    EXPECT_EQ(fork.tid, own);
    EXPECT_EQ(fork.ppid, static_cast<std::uint32_t>(::getpid()));
    EXPECT_EQ(fork.comm, "gen_events");
    EXPECT_EQ(fork.labels.at("session"), std::to_string(::getsid(0)));
    EXPECT_EQ(fork.labels.at("exit_code"), "0");
    EXPECT_EQ(fork.labels.at("signal"), "");
    EXPECT_GT(fork.value, 0);
    children.insert(fork.labels.at("child"));
  }
  EXPECT_EQ(children.size(), 3U);

  const auto execs = of_kind(events, "exec");
  ASSERT_EQ(execs.size(), 1U);
  EXPECT_EQ(std::to_string(execs[0].pid), forks[2].labels.at("child"));
  EXPECT_EQ(execs[0].ppid, own);
  EXPECT_EQ(execs[0].comm, "true");
  EXPECT_EQ(execs[0].parent_comm, "gen_events");
  EXPECT_THAT(execs[0].exe, HasSubstr("bin/true"));
  EXPECT_EQ(execs[0].labels.at("child"), "0");

  const auto exits = of_kind(events, "exit");
  ASSERT_EQ(exits.size(), 4U);
  EXPECT_EQ(exits[0].labels.at("exit_code"), "7");
  EXPECT_EQ(exits[0].labels.at("signal"), "");
  EXPECT_EQ(exits[0].parent_comm, "gen_events");
  EXPECT_EQ(std::to_string(exits[0].pid), forks[0].labels.at("child"));
  EXPECT_EQ(exits[1].labels.at("exit_code"), "0");
  EXPECT_EQ(exits[1].labels.at("signal"), "SIGKILL");
  EXPECT_EQ(exits[2].labels.at("exit_code"), "0");
  EXPECT_EQ(exits[3].labels.at("exit_code"), "3");
  EXPECT_EQ(exits[3].pid, own);
  EXPECT_GE(exits[3].value, forks[0].value);
  // Long gone, and known by name.
  EXPECT_THAT(exits[2].exe, HasSubstr("bin/true"));
  EXPECT_TRUE(std::any_of(events.begin(), events.end(), [](const auto& event) { return event.frames > 0; }));
  expect_balance(proc.collect());
}

TEST(EbpfProc, sends_only_what_the_filters_in_the_kernel_let_through) {
  SENTINEL_REQUIRE_BPF();
  Generator generator("gen_filtered", [] {
    for (int code = 0; code < 20; ++code) run_child([code] { return code; });
    return 0;
  });
  Proc proc(only(generator.pid()));
  ASSERT_TRUE(proc.plugin.start());
  proc.plugin.offer({each({{"event", {"exit"}}, {"exit_code", {"4", "5"}}, {"parent_comm", {"gen_filtered"}}})});
  ASSERT_EQ(generator.wait(), 0);
  const auto events = proc.plugin.ready();
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0].labels.at("exit_code"), "4");
  EXPECT_EQ(events[1].labels.at("exit_code"), "5");
  const auto metrics = proc.collect();
  EXPECT_EQ(outcome(metrics, "submitted"), 2);
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
  Proc proc({{"comms", "gen_storm"}, {"short_lived", "1h"}});
  ASSERT_TRUE(proc.plugin.start());
  proc.plugin.offer({counts("fork", {"pid", "comm"}, 50)});
  ASSERT_EQ(generator.wait(), 0);

  double counted = 0;
  bool stack = false;
  std::size_t records = 0;
  ASSERT_TRUE(sentinel::testing::eventually([&] {
    for (const auto& event : proc.plugin.ready()) {
      ++records;
      counted += static_cast<double>(event.count);
      stack = stack || event.frames > 0;
      EXPECT_EQ(event.pid, static_cast<std::uint32_t>(generator.pid()));
      EXPECT_EQ(event.comm, "gen_storm");
      EXPECT_EQ(event.labels.at("event"), event.demand == 0 ? "fork" : "");
    }
    return counted >= forks;
  }));
  EXPECT_EQ(counted, forks);
  EXPECT_TRUE(stack);
  EXPECT_LT(records, forks / 20);
  expect_balance(proc.collect());
  const auto parents = proc.plugin.details("parents");
  ASSERT_FALSE(parents.empty());
  EXPECT_EQ(parents[0].at("pid"), std::to_string(generator.pid()));
  EXPECT_EQ(parents[0].at("comm"), "gen_storm");
  EXPECT_EQ(parents[0].at("forks"), std::to_string(forks));
  EXPECT_EQ(parents[0].at("short_lived_children"), std::to_string(forks));
  EXPECT_GE(proc.metric("sentinel_process_forks_total"), forks);
  EXPECT_THAT(proc.plugin.details("parents"), Not(Contains(Contains(Pair("comm", "gen_storm")))));  // none since then
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
  Proc proc({{"pids", std::to_string(generator.pid())}, {"short_lived", "1s"}});
  ASSERT_TRUE(proc.plugin.start());
  ASSERT_EQ(generator.wait(), 0);
  EXPECT_EQ(proc.metric("sentinel_process_exits_total"), 12);
  EXPECT_EQ(proc.metric("sentinel_process_short_lived_total"), 10);
}

TEST(EbpfProc, names_the_victim_of_the_oom_killer) {
  SENTINEL_REQUIRE_BPF();
  const sentinel::testing::MemoryCgroup cgroup(20 << 20);
  if (!cgroup.problem().empty()) GTEST_SKIP() << cgroup.problem();
  Generator generator("gen_oom", [command = cgroup.inside({SENTINEL_BINARY_DIR "/chaos/memory_eater", "--fast",
                                                           "--ceiling", "100", "--lifetime", "30s"})] {
    std::vector<char*> words;
    for (const auto& word : command) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    ::execvp(words[0], words.data());
    return 127;
  });
  Proc proc(only(generator.pid()));
  ASSERT_TRUE(proc.plugin.start());
  proc.plugin.offer({each({{"event", {"oom_kill", "exit"}}})});
  const int status = generator.wait();
  ASSERT_TRUE(WIFSIGNALED(status)) << status;
  const auto events = proc.plugin.ready();
  const auto kills = of_kind(events, "oom_kill");
  ASSERT_EQ(kills.size(), 1U);
  EXPECT_EQ(kills[0].pid, static_cast<std::uint32_t>(generator.pid()));
  EXPECT_EQ(kills[0].comm, "memory_eater");
  EXPECT_GT(kills[0].frames, 0U);
  const auto exits = of_kind(events, "exit");
  ASSERT_EQ(exits.size(), 1U);
  EXPECT_EQ(exits[0].labels.at("signal"), "SIGKILL");
  EXPECT_EQ(proc.metric("sentinel_process_oom_kills_total"), 1);
  expect_balance(proc.collect());
}

TEST(EbpfProc, filters_by_a_name_of_any_bytes_and_hands_it_on_clean) {
  SENTINEL_REQUIRE_BPF();
  const std::string hostile = "\xff\"\n\x01{}\\";
  Generator generator(hostile, [] {
    fork_children(3);
    return 0;
  });
  Proc proc(ConfigValues{{"comms", hostile}});
  ASSERT_TRUE(proc.plugin.start());
  proc.plugin.offer({each({{"event", {"fork"}}, {"comm", {hostile}}})});
  ASSERT_EQ(generator.wait(), 0);
  const auto events = proc.plugin.ready();
  ASSERT_EQ(events.size(), 3U);
  EXPECT_EQ(events[0].comm, "\uFFFD\"\uFFFD\uFFFD{}\\");
}

TEST(EbpfProc, counts_opened_descriptors_where_the_kernel_lets_it) {
  SENTINEL_REQUIRE_BPF();
  Generator generator("gen_fds", [] {
    for (int i = 0; i < 100; ++i) ::close(::dup(0));
    return 0;
  });
  Proc proc(only(generator.pid()));
  ASSERT_TRUE(proc.plugin.start());
  proc.plugin.offer({counts("fd_open", {"pid", "comm"}, 1000)});
  ASSERT_EQ(generator.wait(), 0);
  const auto metrics = proc.collect();
  const auto found = metrics.find("sentinel_process_descriptors_opened_total");
  if (found == metrics.end()) {
    std::vector<std::string> reasons;
    for (const auto& hook : proc.plugin.details("hooks")) {
      if (hook.at("hook") == "fd_open" && !hook.at("refused").empty()) reasons.push_back(hook.at("refused"));
    }
    EXPECT_EQ(reasons.size(), 2U);  // of each candidate
    return;
  }
  EXPECT_EQ(found->second, 100);
}

TEST(EbpfProc, leaves_descriptors_alone_when_told) {
  SENTINEL_REQUIRE_BPF();
  Proc proc(ConfigValues{{"descriptors", "false"}});
  ASSERT_TRUE(proc.plugin.start());
  for (const auto& hook : proc.plugin.details("hooks")) EXPECT_NE(hook.at("hook"), "fd_open");
}

TEST(EbpfProc, counts_each_fork_once_through_swaps) {
  SENTINEL_REQUIRE_BPF();
  constexpr int forks = 3000;
  constexpr int swaps = 20;
  Generator generator("gen_swapped", [] {
    fork_children(forks);
    return 0;
  });
  auto running = std::make_unique<Proc>(only(generator.pid()));
  ASSERT_TRUE(running->plugin.start());
  generator.go();
  for (int i = 0; i < swaps; ++i) {
    auto successor = std::make_unique<Proc>(only(generator.pid()));
    const auto state = running->plugin.save();
    ASSERT_TRUE(state) << state.error().message;
    ASSERT_TRUE(successor->plugin.restore(*state));
    ASSERT_TRUE(successor->plugin.start());
    running = std::move(successor);
  }
  ASSERT_EQ(generator.wait(), 0);
  const auto metrics = running->collect();
  EXPECT_EQ(metrics.at("sentinel_process_forks_total"), forks);
  EXPECT_EQ(metrics.at("sentinel_process_exits_total"), forks + 1);
  EXPECT_EQ(metrics.at("sentinel_bpf_gaps_total{plugin=\"ebpf_proc\"}"), 0);
  expect_balance(metrics);
}

}  // namespace
