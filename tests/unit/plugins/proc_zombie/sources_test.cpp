// The same processes in the same states from each source: on this machine as far as they stand still, and in a pid
// namespace of the test's own to the last one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <functional>
#include <latch>
#include <stdexcept>
#include <thread>

#include "tests/support/capabilities.hpp"
#include "tests/support/privilege.hpp"
#include "tests/support/process.hpp"
#include "tests/support/zombies.hpp"
#include "tests/unit/plugins/rig.hpp"

namespace {

using namespace std::chrono_literals;
using sentinel::testing::Zombies;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::chrono::nanoseconds since_boot() {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

struct Seen {
  rig::Values values;
  std::vector<rig::Row> parents;
  std::vector<rig::Row> sources;

  bool operator==(const Seen& other) const { return values == other.values && parents == other.parents; }
  [[nodiscard]] std::string text() const {
    std::string all;
    for (const auto& [name, value] : values) all += name + " " + std::to_string(value) + "\n";
    for (const auto* rows : {&parents, &sources}) {
      for (const auto& row : *rows) {
        for (const auto& [key, value] : row) all += key + "=" + value + " ";
        all += "\n";
      }
    }
    return all;
  }
};

Seen look(const std::string& source, std::chrono::nanoseconds now) {
  sentinel::store::Store store{std::size_t{1} << 20U};
  rig::Plugin plugin(store, "proc_zombie", {{"source", source}});
  if (const auto done = plugin.collect(now); !done) throw std::runtime_error(done.error().message);
  return {rig::values(store), plugin.details("zombies_by_parent"), plugin.details("sources")};
}

std::vector<rig::Row> left_by(const Seen& seen, pid_t parent) {
  auto rows = seen.parents;
  std::erase_if(rows, [&](const rig::Row& row) { return row.at("ppid") != std::to_string(parent); });
  return rows;
}

/// What `call` returns in a child that is process 1 of a pid namespace of its own; "" when none can be made.
std::string in_pid_namespace(bool with_its_proc, const std::function<std::string()>& call) {
  std::array<int, 2> answer{};
  if (::pipe(answer.data()) != 0) return "";
  const pid_t outer = ::fork();
  if (outer == 0) {
    if (::unshare(CLONE_NEWPID | CLONE_NEWNS) != 0) ::_exit(1);
    const pid_t inner = ::fork();
    if (inner == 0) {
      const bool mounted = !with_its_proc || (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                                              ::mount("proc", "/proc", "proc", 0, nullptr) == 0);
      std::string text;
      try {
        if (mounted) text = call();
      } catch (const std::exception& error) {
        text = std::string("threw ") + error.what();
      }
      (void)!::write(answer[1], text.data(), text.size());
      ::_exit(0);
    }
    ::waitpid(inner, nullptr, 0);
    ::_exit(0);
  }
  ::close(answer[1]);
  std::string text;
  std::array<char, 4096> part{};
  for (ssize_t got = 0; (got = ::read(answer[0], part.data(), part.size())) > 0;) {
    text.append(part.data(), static_cast<std::size_t>(got));
  }
  ::close(answer[0]);
  ::waitpid(outer, nullptr, 0);
  return text;
}

TEST(ProcZombieSourcesTest, both_name_the_same_parents_on_this_machine) {
  SENTINEL_REQUIRE_BPF();
  const Zombies many(200, "many \xff)");
  const Zombies few(3, "few");
  const auto now = since_boot();
  const auto bpf = look("bpf", now);
  const auto procfs = look("procfs", now);
  for (const auto& zombies : {&many, &few}) {
    ASSERT_EQ(left_by(bpf, zombies->parent()).size(), 1U);
    EXPECT_EQ(left_by(bpf, zombies->parent()), left_by(procfs, zombies->parent()));
  }
  EXPECT_EQ(left_by(bpf, many.parent())[0].at("zombies"), "200");
  EXPECT_EQ(left_by(bpf, many.parent())[0].at("parent"), "many \xff)");
  EXPECT_GE(bpf.values.at("sentinel_process_count{state=\"zombie\"}"), 203);
}

/// More than one buffer of the kernel's full (32 KiB of 32 bytes each), so that it is emptied in the middle of the
/// walk.
TEST(ProcZombieSourcesTest, thousands_of_zombies_are_counted_once_each) {
  SENTINEL_REQUIRE_BPF();
  const Zombies many(2500, "thousands");
  const auto rows = left_by(look("bpf", since_boot()), many.parent());
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].at("zombies"), "2500");
}

TEST(ProcZombieSourcesTest, both_count_the_same_processes_of_a_pid_namespace) {
  SENTINEL_REQUIRE_BPF();
  const auto answer = in_pid_namespace(true, []() -> std::string {
    // They end with process 1. First, or they would hold open what ends the others.
    for (int i = 0; i < 20; ++i) {
      if (::fork() == 0) {
        for (;;) ::pause();
      }
    }
    const Zombies many(200, "many");
    const Zombies few(3, "few");
    std::latch end(1);
    std::thread thread([&end] { end.wait(); });
    Seen bpf;
    Seen procfs;
    // Those that were just made may not sleep yet.
    const bool agree = sentinel::testing::eventually(
        [&] {
          const auto now = since_boot();
          bpf = look("bpf", now);
          procfs = look("procfs", now);
          return bpf == procfs;
        },
        20s);
    end.count_down();
    thread.join();
    return (agree ? "agreed\n" : "differed\n" + procfs.text()) + bpf.text();
  });
  if (answer.empty()) GTEST_SKIP() << "no pid namespace can be made; run the test as root, or with CAP_SYS_ADMIN";
  EXPECT_THAT(answer, HasSubstr("agreed\n"));
  EXPECT_THAT(answer, HasSubstr("{state=\"zombie\"} 203.0"));
  EXPECT_THAT(answer, HasSubstr("{state=\"running\"} 1.0"));
  EXPECT_THAT(answer, HasSubstr("{state=\"interruptible_sleep\"} 22.0"));
  EXPECT_THAT(answer, HasSubstr("sentinel_threads 227.0"));
  EXPECT_THAT(answer, HasSubstr("parent=many ppid=22 zombies=200"));
  EXPECT_THAT(answer, HasSubstr("serves=true source=bpf"));
}

TEST(ProcZombieSourcesTest, a_proc_of_another_pid_namespace_is_read_as_files) {
  SENTINEL_REQUIRE_BPF();
  const auto answer = in_pid_namespace(false, [] {
    auto text = look("auto", since_boot()).text();
    try {
      text += look("bpf", since_boot()).text();
    } catch (const std::runtime_error& error) {
      text += error.what();
    }
    return text;
  });
  if (answer.empty()) GTEST_SKIP() << "no pid namespace can be made; run the test as root, or with CAP_SYS_ADMIN";
  EXPECT_THAT(answer, HasSubstr("serves=true source=procfs"));
  EXPECT_THAT(answer, HasSubstr("why_not=/proc shows another pid namespace than the agent's"));
  EXPECT_THAT(answer, HasSubstr("set `source: auto`"));
}

TEST(ProcZombieSourcesTest, the_status_names_the_one_that_serves) {
  SENTINEL_REQUIRE_BPF();
  const auto sources = [](const std::string& source) { return look(source, 1s).sources; };
  const rig::Row bpf = {{"source", "bpf"}, {"serves", "true"}, {"why_not", ""}};
  const rig::Row procfs = {{"source", "procfs"}, {"serves", "true"}, {"why_not", ""}};
  EXPECT_THAT(sources("auto"), ElementsAre(bpf));
  EXPECT_THAT(sources("bpf"), ElementsAre(bpf));
  EXPECT_THAT(
      sources("procfs"),
      ElementsAre(rig::Row{{"source", "bpf"}, {"serves", "false"}, {"why_not", "`source: procfs` is configured"}},
                  procfs));
}

TEST(ProcZombieSourcesTest, bpf_is_refused_for_a_folder_that_it_cannot_see) {
  const rig::TemporaryFolder folder;
  sentinel::store::Store store{std::size_t{1} << 20U};
  EXPECT_THROW(rig::Plugin(store, "proc_zombie", {{"source", "bpf"}, {"procfs", folder.path()}}), std::runtime_error);
}

TEST(ProcZombieSourcesTest, without_the_privilege_auto_says_so_once_and_does_without) {
  sentinel::testing::without_capabilities([] {
    sentinel::store::Store store{std::size_t{1} << 20U};
    rig::Plugin plugin(store, "proc_zombie", {});
    ASSERT_TRUE(plugin.collect(1s));
    ASSERT_TRUE(plugin.collect(2s));
    EXPECT_THAT(plugin.log(), ElementsAre(HasSubstr("without a BPF iterator")));
    const auto rows = plugin.details("sources");
    ASSERT_EQ(rows.size(), 2U);
    EXPECT_EQ(rows[0].at("serves"), "false");
    EXPECT_THAT(rows[0].at("why_not"), HasSubstr("it takes"));
    EXPECT_EQ(rows[1].at("source"), "procfs");
    EXPECT_EQ(rows[1].at("serves"), "true");
  });
}

TEST(ProcZombieSourcesTest, without_the_privilege_bpf_alone_fails_and_says_what_to_do) {
  SENTINEL_REQUIRE_BPF();
  sentinel::testing::without_capabilities([] {
    try {
      (void)look("bpf", 1s);
      FAIL() << "it started";
    } catch (const std::runtime_error& error) {
      EXPECT_THAT(error.what(), HasSubstr("it takes CAP_BPF and CAP_PERFMON"));
      EXPECT_THAT(error.what(), HasSubstr("set `source: auto`"));
    }
  });
}

}  // namespace
