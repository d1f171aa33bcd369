// The table of processes, the kernel's log, what an alert is about, charts, commands, the directory, the helper.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstring>

#include "sinks/webhook_snapshot/chart.hpp"
#include "sinks/webhook_snapshot/commands.hpp"
#include "sinks/webhook_snapshot/folder.hpp"
#include "sinks/webhook_snapshot/helper.hpp"
#include "sinks/webhook_snapshot/kernel_log.hpp"
#include "sinks/webhook_snapshot/scene.hpp"
#include "sinks/webhook_snapshot/text.hpp"
#include "sinks/webhook_snapshot/webhook.hpp"
#include "tests/support/process.hpp"
#include "tests/unit/plugins/rig.hpp"

namespace snapshot {
namespace {

using namespace std::chrono_literals;
using sentinel::Errc;
using sentinel::procfs::Root;
using sentinel::procfs::TcpState;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::atomic<bool> going{false};

std::string stat_line(int pid, const std::string& comm, char state, int ppid, int ticks, int pages) {
  return std::to_string(pid) + " (" + comm + ") " + state + " " + std::to_string(ppid) + " 0 0 0 -1 0 0 0 0 0 " +
         std::to_string(ticks) + " 0 0 0 20 0 1 0 100 4096 " + std::to_string(pages) +
         " 18446744073709551615 0 0 0 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n";
}

class ProcessTableTest : public ::testing::Test {
 protected:
  void add(int pid, const std::string& comm, char state, int ppid, int ticks = 0, int pages = 1) {
    folder_.write(std::to_string(pid) + "/stat", stat_line(pid, comm, state, ppid, ticks, pages));
  }
  Root root() { return std::move(*Root::open(folder_.path())); }
  rig::TemporaryFolder folder_;
  ProcessTable table_{8};
};

TEST_F(ProcessTableTest, knows_the_share_of_time_between_two_looks) {
  add(1, "init", 'S', 0, 5);
  add(20, "busy", 'R', 1, 100, 50);
  ASSERT_TRUE(table_.look(root(), 1'000'000'000));
  EXPECT_EQ(table_.cpus(*table_.find(20)), 0);
  add(20, "busy", 'R', 1, 100 + static_cast<int>(table_.ticks_a_second()), 60);
  add(30, "born", 'R', 20, 7);
  ASSERT_TRUE(table_.look_again(root(), 3'000'000'000));
  EXPECT_DOUBLE_EQ(table_.cpus(*table_.find(20)), 0.5);
  EXPECT_EQ(table_.find(30)->ticks_between(), 7U);
  EXPECT_EQ(table_.find(1)->ticks_between(), 0U);
  EXPECT_EQ(table_.find(31), nullptr);
  const auto top = table_.top(1, [](const Process& p) { return p.rss_bytes; });
  ASSERT_EQ(top.size(), 1U);
  EXPECT_EQ(top[0]->pid, 20);
}

TEST_F(ProcessTableTest, counts_what_finds_no_room) {
  for (int pid = 1; pid <= 12; ++pid) add(pid, "p", 'S', 0);
  ASSERT_TRUE(table_.look(root(), 1));
  EXPECT_EQ(table_.all().size(), 8U);
  EXPECT_EQ(table_.beyond(), 4U);
}

TEST_F(ProcessTableTest, puts_every_process_into_the_tree_once_even_when_it_is_none) {
  add(1, "init", 'S', 0);
  add(5, "child", 'S', 1);
  add(3, "grandchild", 'S', 5);
  add(6, "orphan", 'S', 99);
  add(7, "circle", 'S', 8);
  add(8, "circle", 'S', 7);
  add(9, "own parent", 'S', 9);
  ASSERT_TRUE(table_.look(root(), 1));
  std::vector<std::pair<int, int>> order;
  for (const auto index : table_.tree()) order.emplace_back(table_.all()[index].pid, table_.all()[index].depth);
  EXPECT_THAT(order, ElementsAre(std::pair(1, 1), std::pair(5, 2), std::pair(3, 3), std::pair(6, 1), std::pair(7, 1),
                                 std::pair(8, 2), std::pair(9, 1)));
  const auto programs = table_.programs(5, false);
  ASSERT_EQ(programs.size(), 1U);
  EXPECT_EQ(programs[0].name, "circle");
  EXPECT_EQ(programs[0].count, 2U);
}

TEST(KernelLogTest, keeps_the_end_and_finds_what_matters) {
  const rig::TemporaryFolder folder;
  std::string text;
  for (int i = 0; i < 4000; ++i)
    text += "6," + std::to_string(i) + "," + std::to_string(i * 1000) + ",-;nothing to see here at all\n SUBSYSTEM=x\n";
  text +=
      "3,5000,7000001,-;Out of memory: Killed process 4242 (a) (b) total-vm:1kB\n4,5001,7000002,-;TCP: possible SYN "
      "flooding\nbroken\n6,1\n";
  folder.write("kmsg", text);
  KernelLog log;
  ASSERT_TRUE(log.read(folder.path() / "kmsg"));
  EXPECT_LE(log.tail().size(), KernelLog::tail_bytes);
  EXPECT_TRUE(log.tail().starts_with('['));
  const auto lines = log.notable(10);
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0].boot_us, 7000001U);
  EXPECT_EQ(lines[0].level, 3);
  EXPECT_EQ(last_oom_kill(lines).pid, 4242);
  EXPECT_EQ(last_oom_kill({}).pid, 0);
  EXPECT_EQ(log.notable(1).size(), 1U);
  EXPECT_EQ(log.read(folder.path() / "missing").error().code, Errc::not_found);
}

TEST(SubjectTest, is_what_the_rule_watches_and_else_what_it_is_called) {
  const auto of = [](const std::string& metric, const std::string& name, Labels labels = {}) {
    Alert alert;
    alert.metric = metric;
    alert.name = name;
    alert.labels = std::move(labels);
    return subject_of(alert);
  };
  EXPECT_EQ(of("sentinel_memory_usage", "x"), Subject::memory);
  EXPECT_EQ(of("sentinel_loadavg", "high_load_average"), Subject::load);
  EXPECT_EQ(of("sentinel_process_count", "x", {{"state", "zombie"}}), Subject::zombies);
  EXPECT_EQ(of("sentinel_tcp_connections", "x", {{"state", "time_wait"}}), Subject::tcp);
  EXPECT_EQ(of("sentinel_pressure_waiting_ratio", "x", {{"resource", "io"}}), Subject::disk);
  EXPECT_EQ(of("sentinel_oom_kills_total", "x"), Subject::memory);
  EXPECT_EQ(of("", "HostOutOfMemory"), Subject::memory);
  EXPECT_EQ(of("", "high_time_wait"), Subject::tcp);
  EXPECT_EQ(of("", "zombie_processes"), Subject::zombies);
  EXPECT_EQ(of("", "KubePodCrashLooping"), Subject::other);
  EXPECT_EQ(of("", ""), Subject::other);
  Alert alert;
  alert.name = "high_time_wait";
  EXPECT_EQ(tcp_state_of(alert), TcpState::time_wait);
}

TEST(ChartTest, finds_the_threshold) {
  EXPECT_EQ(threshold_of("avg over 15s of x{a=\"b\"} > 80"), 80);
  EXPECT_EQ(threshold_of("x >= 0.05 for 2m"), 0.05);
  EXPECT_FALSE(threshold_of("a > b"));
  EXPECT_FALSE(threshold_of("x"));
  EXPECT_FALSE(threshold_of("x > 5s"));
}

TEST(ChartTest, draws_a_course) {
  Track track{"t", {{0, 0}, {1'000'000'000, 50}, {2'000'000'000, 100}}};
  EXPECT_EQ(sparkline(track, 0, 2'000'000'000, 0, 100, 4), "▁ ▅█");
  EXPECT_EQ(rate_of({{0, 10}, {2'000'000'000, 30}, {3'000'000'000, 5}}),
            (std::vector<std::pair<std::int64_t, double>>{{2'000'000'000, 10}, {3'000'000'000, 5}}));
  Chart chart{"m\"<", false, {track}, 80, 1'000'000'000};
  const auto picture = svg(chart);
  EXPECT_THAT(picture, HasSubstr("<polyline"));
  EXPECT_THAT(picture, HasSubstr("m&quot;&lt;"));
  EXPECT_THAT(picture, HasSubstr("threshold 80"));
  for (const auto& odd : {std::vector<std::pair<std::int64_t, double>>{{5, 7}},
                          {{5, 7}, {6, 7}},
                          {{5, 1.0 / 0.0}},
                          {{5, -1e300}, {6, 1e300}}}) {
    const auto drawn = svg({"m", false, {{"t", odd}}, std::nullopt, 0});
    EXPECT_THAT(drawn, ::testing::Not(::testing::AnyOf(HasSubstr("nan"), HasSubstr("=\"inf"), HasSubstr("-inf"))));
  }
}

struct Draftable {
  Draftable() : folder(there.path() / "snapshots") {}
  rig::TemporaryFolder there;
  Folder folder;
};

TEST(FolderTest, names) {
  EXPECT_EQ(make_name(1'714'999'980'000'000'000, "a/b", 1), "20240506T125300Z-a_b-0000000000000001");
  const auto name = parse_name("20240506T125300Z-a-b-0000000000000001");
  ASSERT_TRUE(name);
  EXPECT_EQ(name->alert, "a-b");
  for (const auto* bad : {"", ".", "..", "20240506T125300Z-a-000000000000000g", "20240506T125300Z--0000000000000001",
                          "20240506T125300Z-a.b-0000000000000001", "20241306T125300Z-a-0000000000000001",
                          "20240506T125300Z-a/../b-0000000000000001", ".20240506T125300Z-a-0000000000000001"}) {
    EXPECT_FALSE(parse_name(bad)) << bad;
  }
}

TEST(FolderTest, a_draft_is_whole_or_gone) {
  Draftable with;
  const auto id = make_name(1'714'999'980'000'000'000, "a", 1);
  {
    auto draft = with.folder.begin(id);
    ASSERT_TRUE(draft) << draft.error().message;
    ASSERT_TRUE(draft->write("evidence/deep/file", "x"));
    EXPECT_THAT(with.folder.list(), IsEmpty());
    Folder other(with.folder.path());
    ASSERT_TRUE(other.open()) << "one that is being written is left alone";
    ASSERT_TRUE(draft->write("evidence/deep/more", "x"));
  }
  EXPECT_TRUE(std::filesystem::is_empty(with.folder.path()));
  auto draft = with.folder.begin(id);
  ASSERT_TRUE(draft->write("report.md", "x"));
  ASSERT_TRUE(draft->publish());
  EXPECT_THAT(with.folder.list(), ElementsAre(id));
  ASSERT_TRUE(with.folder.replace(id, "report.md", "y"));
  EXPECT_EQ(with.folder.read(id, "report.md", 10), "y");
  EXPECT_FALSE(with.folder.remove("../elsewhere"));
  ASSERT_TRUE(with.folder.remove(id));
  EXPECT_THAT(with.folder.list(), IsEmpty());
}

/// In a child, because it changes what the process sees of the file systems: 0 when all held.
int on_a_full_disk(const std::filesystem::path& path) {
  if (::unshare(CLONE_NEWNS) != 0 && ::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return 1;
  ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
  if (::mount("tmpfs", path.c_str(), "tmpfs", 0, "size=256k") != 0) return 2;
  Folder folder(path / "snapshots");
  auto draft = folder.begin(make_name(1'714'999'980'000'000'000, "a", 1));
  if (!draft) return 3;
  if (!draft->write("small", "x")) return 4;
  const auto large = draft->write("large", std::string(512 * 1024, 'x'));
  if (large || large.error().code != Errc::exhausted) return 5;
  { const auto gone = std::move(*draft); }
  if (!std::filesystem::is_empty(path / "snapshots")) return 6;
  if (::mount("tmpfs", path.c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr) != 0) return 7;
  const auto refused = folder.begin(make_name(1'714'999'980'000'000'000, "a", 1));
  return refused || refused.error().code != Errc::permission ? 8 : 0;
}

TEST(FolderTest, a_full_and_a_read_only_disk_are_errors_that_leave_nothing) {
  const rig::TemporaryFolder there;
  const pid_t child = ::fork();
  if (child == 0) ::_exit(on_a_full_disk(there.path()));
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(CommandTest, runs_without_a_shell_and_kills_what_overruns) {
  Draftable with;
  auto draft = with.folder.begin(make_name(1'714'999'980'000'000'000, "a", 1));
  Children children;
  const auto run = [&](const std::string& text, const std::string& name, std::chrono::milliseconds timeout) {
    const auto command = find_command(text);
    EXPECT_TRUE(command);
    auto file = draft->create(name);
    auto done = run_command(children, *command, timeout, going, *file);
    EXPECT_TRUE(file->close());
    return done;
  };
  const auto printed = [&](const std::string& name) {
    return sentinel::testing::read_text(std::filesystem::path(with.folder.path()) /
                                        (".20240506T125300Z-a-0000000000000001.partial") / name);
  };
  EXPECT_TRUE(run("echo  $HOME ; `id`", "1", 60s));
  EXPECT_EQ(printed("1"), "$HOME ; `id`\n");
  EXPECT_TRUE(run("env", "2", 60s));
  EXPECT_EQ(printed("2"), "PATH=/usr/bin:/bin:/usr/sbin:/sbin\nLC_ALL=C\n");
  EXPECT_EQ(run("sleep 1000", "3", 50ms).error().code, Errc::timeout);
  EXPECT_THAT(run("false", "4", 60s).error().message, HasSubstr("exit code 1"));
  EXPECT_EQ(run("yes", "5", 60s).error().code, Errc::exhausted);
  EXPECT_EQ(printed("5").size(), 256U * 1024);
  EXPECT_EQ(find_command("no_such_program").error().code, Errc::not_found);
  EXPECT_EQ(find_command("./here").error().code, Errc::invalid_argument);
  EXPECT_EQ(find_command("  ").error().code, Errc::invalid_argument);
  EXPECT_TRUE(sentinel::testing::eventually([&] { return children.reap() == 0; }));
}

TEST(HelperTest, goes_on_after_what_hangs) {
  const rig::TemporaryFolder folder;
  folder.write("1/cmdline", "one");
  folder.write("3/cmdline", "three");
  folder.write("3/maps", std::string(300 * 1024, 'm'));
  std::filesystem::create_directories(folder.path() / "2");
  // Whoever opens it waits for good.
  ASSERT_EQ(::mkfifo((folder.path() / "2/cmdline").c_str(), 0600), 0);
  std::filesystem::create_directories(folder.path() / "3/fd");
  std::filesystem::create_symlink("socket:[77]", folder.path() / "3/fd/5");
  const auto root = Root::open(folder.path());
  using Kind = Question::Kind;
  const std::vector<Question> questions = {{Kind::cmdline, 1, {}}, {Kind::cmdline, 2, {}}, {Kind::cmdline, 3, {}},
                                           {Kind::maps, 3, {}},    {Kind::cmdline, 4, {}}, {Kind::fds, 3, {}},
                                           {Kind::mount, 0, "/"},  {Kind::owners, 0, {}}};
  std::vector<std::string> texts(questions.size());
  const std::vector<std::uint64_t> inodes = {5, 77, 99};
  Children children;
  std::string problem;
  const auto answers = ask(
      children, *root, questions, inodes, 5s, std::chrono::steady_clock::now() + 60s, going,
      [&](std::size_t i, std::string_view bytes) { texts[i] += bytes; }, problem);
  EXPECT_EQ(problem, "");
  EXPECT_EQ(texts[0], "one");
  EXPECT_EQ(answers[1].state, Answer::State::hung);
  EXPECT_EQ(texts[2], "three");
  EXPECT_EQ(texts[3].size(), 256U * 1024) << "cut";
  EXPECT_EQ(answers[4].state, Answer::State::failed);
  EXPECT_EQ(answers[4].error, ENOENT);
  EXPECT_EQ(texts[5], "5\tsocket:[77]\n");
  EXPECT_EQ(texts[6].size(), sizeof(MountSpace));
  ASSERT_EQ(texts[7].size(), sizeof(Owner));
  Owner owner;
  std::memcpy(&owner, texts[7].data(), sizeof(owner));
  EXPECT_EQ(owner.pid, 3);
  EXPECT_EQ(owner.sockets, 1U);
  EXPECT_TRUE(sentinel::testing::eventually([&] { return children.reap() == 0; }));
}

TEST(HelperTest, holds_none_of_the_agents_descriptors) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), 0), 0) << "without O_CLOEXEC, as a careless library opens";
  Children children;
  auto child = children.start([](void*, int) { ::pause(); }, nullptr, -1);
  ASSERT_TRUE(child);
  ::close(ends[1]);
  char byte = 0;
  EXPECT_EQ(::read(ends[0], &byte, 1), 0) << "the only writer left would be the helper";
  ::close(ends[0]);
  children.end(child->pid);
  EXPECT_TRUE(sentinel::testing::eventually([&] { return children.reap() == 0; }));
}

TEST(WebhookTest, bounds_what_it_takes) {
  EXPECT_TRUE(parse_webhook(std::string(100'000, '[')).bad);
  std::string many = R"({"version":"4","alerts":[)";
  for (int i = 0; i < 1001; ++i)
    many += std::string(i == 0 ? "" : ",") + R"({"status":"firing","labels":{"alertname":"a"}})";
  EXPECT_EQ(parse_webhook(many + "]}").bad->at, "/alerts");
  const auto good = parse_webhook(
      R"({"version":"4","alerts":[{"status":"firing","labels":{"alertname":"\u0000\u202ea"},"fingerprint":"zz"}]} )");
  ASSERT_FALSE(good.bad) << good.bad->what;
  EXPECT_EQ(good.alerts[0].name,
            " \xef\xbf\xbd"
            "a");
  EXPECT_EQ(good.alerts[0].fingerprint, fingerprint_of(good.alerts[0].labels));
  EXPECT_TRUE(parse_webhook(R"({"version":"4","alerts":[]}{})").bad);
}

TEST(AlertTest, has_the_fingerprint_that_alertmanager_gives) {
  // prometheus/common model: LabelSet{"alertname": "a"}.Fingerprint() and of no labels.
  EXPECT_EQ(hex(fingerprint_of({})), "cbf29ce484222325");
  std::uint64_t expected = 14695981039346656037U;
  for (const unsigned char c : std::string("alertname\xff"
                                           "a\xff"))
    expected = (expected ^ c) * 1099511628211U;
  EXPECT_EQ(fingerprint_of({{"alertname", "a"}}), expected);
}

}  // namespace
}  // namespace snapshot
