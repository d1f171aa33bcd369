#include "sentinel/bpf/process_cache.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "tests/support/process.hpp"

namespace sentinel::bpf {
namespace {

using sentinel::testing::read_text;
using sentinel::testing::TempFolder;
using sentinel::testing::write_text;

constexpr std::uint64_t tick = 10'000'000;  // 100 a second
const std::string id(64, 'a');
const std::string uid = "2b1e6d3c-9a70-4c1d-8f52-7d3e0b6a9c41";

/// A made-up proc tree beside a tree of cgroups and one of logs.
class ProcessCacheTest : public ::testing::Test {
 protected:
  ProcessCacheTest() {
    for (const auto* name : {"proc", "cgroup", "log"}) std::filesystem::create_directories(host / name);
    write_text(host / "cgroup/cgroup.controllers", "");
  }

  ProcessCache open(std::size_t capacity = ProcessCache::default_capacity) const {
    ProcessCache::Sources sources;
    sources.proc = host / "proc";
    sources.cgroupfs = host / "cgroup";
    sources.logs = host / "log";
    sources.ticks_per_second = 100;
    auto cache = ProcessCache::open(sources, capacity);
    if (!cache) throw std::runtime_error(cache.error().message);
    return std::move(*cache);
  }

  void process(int pid, const std::string& comm, int ppid, std::uint64_t start_ticks) const {
    const auto folder = host / "proc" / std::to_string(pid);
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder);
    write_text(folder / "stat", std::to_string(pid) + " (" + comm + ") S " + std::to_string(ppid) +
                                    " 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 " + std::to_string(start_ticks) +
                                    " 4096 1\n");
    write_text(folder / "cgroup", "0::/system.slice/docker-" + id + ".scope\n");
    std::filesystem::create_symlink("/usr/bin/" + comm, folder / "exe");
  }
  void gone(int pid) const { std::filesystem::remove_all(host / "proc" / std::to_string(pid)); }

  TempFolder host;
};

TEST_F(ProcessCacheTest, ReadsAProcessThatLives) {
  process(1, "init", 0, 1);
  process(40, "server", 1, 500);
  auto cache = open();
  const auto* found = cache.find(40, 500 * tick, 0);
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->pid, 40);
  EXPECT_EQ(found->ppid, 1);
  EXPECT_EQ(found->comm, "server");
  EXPECT_EQ(found->parent_comm, "init");
  EXPECT_EQ(found->exe, "/usr/bin/server");
  EXPECT_EQ(found->cgroup, "/system.slice/docker-" + id + ".scope");
  EXPECT_EQ(found->container.id, id);
  EXPECT_EQ(found->container.runtime, procfs::ContainerRuntime::docker);
}

TEST_F(ProcessCacheTest, TheKernelsNanosecondsAreCutToTicks) {
  process(40, "server", 1, 500);
  struct Case {
    std::uint64_t start_ns;
    bool same;
  };
  for (const auto& c : {Case{500 * tick, true}, Case{500 * tick + 1, true}, Case{501 * tick - 1, true},
                        Case{501 * tick, false}, Case{500 * tick - 1, false}, Case{0, false}}) {
    auto cache = open();
    EXPECT_EQ(cache.find(40, c.start_ns, 0) != nullptr, c.same) << c.start_ns;
  }
}

TEST_F(ProcessCacheTest, WhatIsGoneKeepsItsName) {
  process(40, "server", 1, 500);
  auto cache = open();
  ASSERT_NE(cache.find(40, 500 * tick, 0), nullptr);
  gone(40);
  const auto* found = cache.find(40, 500 * tick + 7, 0);
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->exe, "/usr/bin/server");
}

TEST_F(ProcessCacheTest, APidGivenOutAgainDoesNotInherit) {
  process(40, "server", 1, 500);
  auto cache = open();
  ASSERT_NE(cache.find(40, 500 * tick, 0), nullptr);
  process(40, "other", 1, 900);
  EXPECT_EQ(cache.find(40, 900 * tick, 0)->exe, "/usr/bin/other");
  EXPECT_EQ(cache.find(40, 500 * tick, 0)->exe, "/usr/bin/server") << "each keeps its own";
}

TEST_F(ProcessCacheTest, AnEventOfOneThatIsGoneIsNotNamedAfterItsSuccessor) {
  process(40, "other", 1, 900);
  auto cache = open();
  EXPECT_EQ(cache.find(40, 500 * tick, 0), nullptr);
  cache.note({.pid = 40, .start_ns = 500 * tick, .ppid = 7, .comm = "brief", .parent_comm = "shell"});
  const auto* found = cache.find(40, 500 * tick, 0);
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->comm, "brief");
  EXPECT_EQ(found->ppid, 7);
  EXPECT_EQ(found->parent_comm, "shell");
  EXPECT_EQ(found->exe, "");
  EXPECT_EQ(found->cgroup, "");
}

TEST_F(ProcessCacheTest, WhatAnEventToldStandsBeforeWhatIsReadLater) {
  process(1, "init", 0, 1);
  process(40, "renamed", 1, 500);
  auto cache = open();
  cache.note({.pid = 40, .start_ns = 500 * tick, .ppid = 33, .comm = "server", .parent_comm = "shell"});
  const auto* found = cache.find(40, 500 * tick, 0);
  EXPECT_EQ(found->comm, "server");
  EXPECT_EQ(found->ppid, 33) << "it died since, and init took over";
  EXPECT_EQ(found->parent_comm, "shell");
  EXPECT_EQ(found->exe, "/usr/bin/renamed");
}

TEST_F(ProcessCacheTest, AParentYoungerThanItsChildIsNone) {
  process(30, "imposter", 1, 800);
  process(40, "server", 30, 500);
  auto cache = open();
  EXPECT_EQ(cache.find(40, 500 * tick, 0)->parent_comm, "");
}

TEST_F(ProcessCacheTest, AnExecIsReadAgain) {
  process(40, "shell", 1, 500);
  auto cache = open();
  ASSERT_EQ(cache.find(40, 500 * tick, 0)->exe, "/usr/bin/shell");
  process(40, "server", 1, 500);
  cache.note({.pid = 40, .start_ns = 500 * tick, .comm = "server"});
  EXPECT_EQ(cache.find(40, 500 * tick, 0)->exe, "/usr/bin/server") << "a new comm, and nobody told of an exec";
  gone(40);
  cache.note({.pid = 40, .start_ns = 500 * tick, .comm = "tool", .exe = "/opt/tool", .exec = true});
  EXPECT_EQ(cache.find(40, 500 * tick, 0)->exe, "/opt/tool");
  cache.note({.pid = 40, .start_ns = 500 * tick, .exec = true});
  EXPECT_EQ(cache.find(40, 500 * tick, 0)->exe, "") << "not the old program's";
}

TEST_F(ProcessCacheTest, ACgroupIsKnownByItsIdWhenTheProcessIsGone) {
  const auto folder = host / "cgroup/machine.slice" / ("libpod-" + id + ".scope");
  std::filesystem::create_directories(folder);
  struct stat status {};
  ASSERT_EQ(::stat(folder.c_str(), &status), 0);
  auto cache = open();
  cache.note({.pid = 40, .start_ns = 500 * tick, .cgroup_id = status.st_ino, .comm = "brief"});
  const auto* found = cache.find(40, 500 * tick, 0);
  EXPECT_EQ(found->cgroup, "/machine.slice/libpod-" + id + ".scope");
  EXPECT_EQ(found->container.id, id);
  EXPECT_EQ(found->container.runtime, procfs::ContainerRuntime::podman);
  EXPECT_EQ(cache.cgroup_path(status.st_ino, 0), found->cgroup);
}

TEST_F(ProcessCacheTest, APodIsNamedAsSoonAsItsLogsAre) {
  process(40, "nginx", 1, 500);
  write_text(host / "proc/40/cgroup", "4:memory:/\n0::/kubepods/burstable/pod" + uid + "/" + id + "\n");
  auto cache = open();
  EXPECT_EQ(cache.find(40, 500 * tick, 0)->pod_name, "");
  EXPECT_EQ(cache.find(40, 500 * tick, 0)->container.pod_uid, uid);
  std::filesystem::create_directories(host / "log/pods" / ("shop_web_" + uid) / "nginx");
  const auto* found = cache.find(40, 500 * tick, PodNames::reread_interval_ns);
  EXPECT_EQ(found->pod_namespace, "shop");
  EXPECT_EQ(found->pod_name, "web");
  EXPECT_EQ(found->container_name, "nginx");
}

TEST_F(ProcessCacheTest, OfBothVersionsTheOneThatTells) {
  process(40, "server", 1, 500);
  write_text(host / "proc/40/cgroup", "5:memory:/jobs/7\n1:name=systemd:/\n0::/\n");
  auto cache = open();
  EXPECT_EQ(cache.find(40, 500 * tick, 0)->cgroup, "/jobs/7");
  process(41, "server", 1, 500);
  write_text(host / "proc/41/cgroup", "1:name=systemd:/\n0::/\n");
  EXPECT_EQ(cache.find(41, 500 * tick, 0)->cgroup, "/");
}

TEST_F(ProcessCacheTest, TheOneNotUsedForLongestGoesFirst) {
  auto cache = open(2);
  cache.note({.pid = 1, .start_ns = tick, .comm = "a", .exe = "/a"});
  cache.note({.pid = 2, .start_ns = tick, .comm = "b"});
  ASSERT_NE(cache.find(1, tick, 0), nullptr);
  cache.note({.pid = 3, .start_ns = tick, .comm = "c"});
  EXPECT_EQ(cache.size(), 2U);
  EXPECT_EQ(cache.evicted(), 1U);
  EXPECT_EQ(cache.find(2, tick, 0), nullptr);
  EXPECT_EQ(cache.find(1, tick, 0)->comm, "a");
  EXPECT_EQ(cache.find(3, tick, 0)->comm, "c");
  EXPECT_EQ(cache.find(3, tick, 0)->exe, "") << "nothing of what made room";
}

TEST_F(ProcessCacheTest, HostileTextBecomesClean) {
  const std::string mark = "\xef\xbf\xbd";
  process(40, "x", 1, 500);
  write_text(host / "proc/40/stat", "40 (\xff\"\n) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 500 4096 1\n");
  write_text(host / "proc/40/cgroup", "0::/a\x1b[31m\n");
  std::filesystem::remove(host / "proc/40/exe");
  std::filesystem::create_symlink("/tmp/\n\xff (deleted)", host / "proc/40/exe");
  auto cache = open();
  const auto* found = cache.find(40, 500 * tick, 0);
  EXPECT_EQ(found->comm, mark + "\"" + mark);
  EXPECT_EQ(found->exe, "/tmp/" + mark + mark + " (deleted)");
  EXPECT_EQ(found->cgroup, "/a" + mark + "[31m");
  cache.note({.pid = 41, .start_ns = 0, .comm = "\x01"});
  EXPECT_EQ(cache.find(41, 0, 0)->comm, mark);
}

TEST_F(ProcessCacheTest, WhatIsNoProcessIsNotFound) {
  auto cache = open();
  std::filesystem::create_directories(host / "proc/50");
  write_text(host / "proc/50/stat", "no stat line");
  for (const int pid : {-1, 0, 50, 51}) EXPECT_EQ(cache.find(pid, 0, 0), nullptr) << pid;
  cache.note({.pid = -5, .comm = "none"});
  EXPECT_EQ(cache.size(), 0U);
  EXPECT_FALSE(ProcessCache::open({.proc = host / "nowhere"}));
}

/// A process of this machine, named before and after its end.
TEST(ThisMachine, AProcessThatExitsKeepsItsName) {
  sentinel::testing::Process child({"sleep", "600"});
  const auto stat_file = "/proc/" + std::to_string(child.pid()) + "/stat";
  ASSERT_TRUE(sentinel::testing::eventually([&] { return read_text(stat_file).find("(sleep)") != std::string::npos; }));
  const auto text = read_text(stat_file);
  const auto stat = procfs::parse_pid_stat(text);
  ASSERT_TRUE(stat);
  const auto ns_per_tick = 1'000'000'000 / static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  const auto start_ns = stat->start_time_ticks * ns_per_tick + ns_per_tick / 2;
  auto cache = ProcessCache::open({});
  ASSERT_TRUE(cache) << cache.error().message;
  const auto check = [&] {
    const auto* found = cache->find(child.pid(), start_ns, 0);
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(found->comm, "sleep");
    EXPECT_EQ(found->ppid, ::getpid());
    EXPECT_NE(found->exe.find("/sleep"), std::string::npos) << found->exe;
    EXPECT_FALSE(found->parent_comm.empty());
    EXPECT_FALSE(found->cgroup.empty());
  };
  check();
  ASSERT_EQ(::kill(child.pid(), SIGKILL), 0);
  ASSERT_TRUE(sentinel::testing::eventually([&] { return !child.running(); }));
  check();
  auto late = ProcessCache::open({});
  EXPECT_EQ(late->find(child.pid(), start_ns, 0), nullptr) << "what was never seen has no name";
}

}  // namespace
}  // namespace sentinel::bpf
