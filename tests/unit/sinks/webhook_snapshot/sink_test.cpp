#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <condition_variable>
#include <fstream>
#include <set>
#include <thread>

#include "sinks/webhook_snapshot/folder.hpp"
#include "tests/support/process.hpp"
#include "tests/unit/plugins/rig.hpp"
#include "tests/unit/sinks/webhook_snapshot/host.hpp"

namespace snapshot_test {
namespace {

using namespace std::chrono_literals;
using snapshot::value_of;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

/// Holds the thread that takes snapshots where it reads the history.
class Gate {
 public:
  void pass() {
    std::unique_lock lock(mutex_);
    ++arrived_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
  }
  void wait_for_arrival() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return arrived_ > 0; });
  }
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int arrived_ = 0;
  bool open_ = false;
};

unsigned mode_of(const std::filesystem::path& path) {
  struct stat status {};
  EXPECT_EQ(::lstat(path.c_str(), &status), 0) << path;
  return status.st_mode & 07777U;
}

std::vector<std::string> names_in(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

class WebhookSnapshotTest : public ::testing::Test {
 protected:
  SinkUnderTest::Setup setup() { return {.directory = folder_.path() / "snapshots"}; }
  std::filesystem::path directory() const { return folder_.path() / "snapshots"; }

  rig::TemporaryFolder folder_;
};

TEST_F(WebhookSnapshotTest, takes_the_scene_of_this_very_host) {
  auto with = setup();
  with.directory = folder_.path() / "made" / "here";
  with.commands = {"uname -s", "no_such_program"};
  SinkUnderTest sink(with);
  sink.remember("sentinel_memory_usage", {}, {40, 45, 52, 60, 71, 80, 88, 91.5});
  sink.remember("sentinel_tcp_connections", {{"state", "time_wait"}}, {1, 2});
  ASSERT_TRUE(sink.alert(firing("high_memory_usage")));
  ASSERT_TRUE(sink.settled(1));
  const auto snapshot = only_snapshot(with.directory);
  EXPECT_TRUE(snapshot::parse_name(snapshot.filename().string()));
  EXPECT_EQ(mode_of(with.directory), 0700U);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(snapshot)) {
    EXPECT_EQ(mode_of(entry.path()), entry.is_directory() ? 0700U : 0600U) << entry.path();
  }
  const auto manifest = boost::json::parse(read(snapshot / "manifest.json"));
  std::set<std::string> names;
  for (const auto& item : manifest.at("items").as_array()) {
    names.emplace(item.at("name").as_string());
    if (item.at("file").is_null()) continue;
    const auto file = snapshot / item.at("file").as_string().c_str();
    EXPECT_EQ(std::filesystem::file_size(file), item.at("bytes").as_int64()) << file;
  }
  for (const auto* name :
       {"meminfo", "loadavg", "processes", "TCP sockets", "kernel log", "mounts", "history", "net/snmp"}) {
    EXPECT_TRUE(names.count(name) == 1) << name;
  }
  const auto report = read(snapshot / "report.md");
  EXPECT_THAT(report,
              AllOf(HasSubstr("# high_memory_usage (critical) on web1"), HasSubstr("**91.5 %**, threshold 80 %"),
                    HasSubstr("▄"), HasSubstr("command no_such_program: there is no program")));
  EXPECT_EQ(read(snapshot / "evidence" / "commands" / "uname_-s.txt"), "Linux\n");
  EXPECT_THAT(read(snapshot / "history.csv"), HasSubstr("sentinel_tcp_connections{state=\"\"time_wait\"\"}"));
  EXPECT_THAT(read(snapshot / "history.svg"), HasSubstr("</svg>"));
  EXPECT_EQ(boost::json::parse(read(snapshot / "alert.json")).at("fingerprint").as_string(),
            snapshot.filename().string().substr(snapshot.filename().string().size() - 16));
  for (const auto& entry : std::filesystem::recursive_directory_iterator(snapshot)) {
    EXPECT_NE(entry.path().filename(), "environ");
    EXPECT_NE(entry.path().filename(), "smaps");
  }
}

TEST_F(WebhookSnapshotTest, posts_at_once_and_again_when_the_snapshot_is_there) {
  auto with = setup();
  with.post_to = {"http://127.0.0.1:1/hook"};
  with.alertmanagers = {"http://127.0.0.1:1"};
  SinkUnderTest sink(with);
  EXPECT_THAT(sink.receivers(), ElementsAre("1 http://127.0.0.1:1/hook", "2 http://127.0.0.1:1"));
  Gate gate;
  sink.before_history = [&] { gate.pass(); };
  const auto alert = firing("high_memory_usage");
  ASSERT_TRUE(sink.alert(alert));
  gate.wait_for_arrival();
  ASSERT_EQ(sink.submitted().size(), 2U);
  EXPECT_EQ(sink.submitted()[0].receiver, 1U);
  EXPECT_EQ(sink.submitted()[1].receiver, 2U);
  EXPECT_EQ(sink.submitted()[0].alert.annotations, alert.annotations);
  gate.open();
  ASSERT_TRUE(sentinel::testing::eventually([&] { return sink.submitted().size() == 4; }));
  for (const auto& [receiver, again] : {sink.submitted()[2], sink.submitted()[3]}) {
    EXPECT_EQ(again.fingerprint, alert.fingerprint);
    EXPECT_EQ(again.labels, alert.labels);
    EXPECT_EQ(again.starts_at_ns, alert.starts_at_ns);
    EXPECT_EQ(value_of(again.annotations, "snapshot"), only_snapshot(directory()).string());
    EXPECT_THAT(std::string(value_of(again.annotations, "culprit")), HasSubstr("resident"));
    EXPECT_EQ(value_of(again.annotations, "summary"), "memory is at 91.5 %");
  }
}

TEST_F(WebhookSnapshotTest, what_was_resolved_meanwhile_is_not_posted_as_firing_again) {
  auto with = setup();
  with.post_to = {"http://127.0.0.1:1/hook"};
  SinkUnderTest sink(with);
  Gate gate;
  sink.before_history = [&] { gate.pass(); };
  auto alert = firing("high_memory_usage");
  ASSERT_TRUE(sink.alert(alert));
  gate.wait_for_arrival();
  alert.firing = false;
  alert.ends_at_ns = alert.starts_at_ns + 1;
  ASSERT_TRUE(sink.alert(alert));
  gate.open();
  ASSERT_TRUE(sink.settled(1));
  ASSERT_TRUE(sink.instance().stop());
  ASSERT_EQ(sink.submitted().size(), 2U);
  EXPECT_FALSE(sink.submitted()[1].alert.firing);
  EXPECT_EQ(names_in(directory()).size(), 1U) << "a resolved one takes none";
}

TEST_F(WebhookSnapshotTest, a_delivery_that_takes_no_more_is_told_and_the_snapshot_is_taken_all_the_same) {
  auto with = setup();
  with.post_to = {"http://127.0.0.1:1/a", "http://127.0.0.1:1/b"};
  SinkUnderTest sink(with);
  sink.delivery = sentinel::Error{sentinel::Errc::exhausted, "the spool is full"};
  const auto done = sink.alert(firing("high_memory_usage"));
  ASSERT_FALSE(done);
  EXPECT_THAT(done.error().message, HasSubstr("the spool is full"));
  EXPECT_EQ(sink.submitted().size(), 2U) << "the second receiver is tried too";
  EXPECT_TRUE(sink.settled(1));
}

TEST_F(WebhookSnapshotTest, alerts_of_one_fault_share_a_snapshot) {
  auto with = setup();
  with.post_to = {"http://127.0.0.1:1/hook"};
  SinkUnderTest sink(with);
  Gate gate;
  sink.before_history = [&] { gate.pass(); };
  ASSERT_TRUE(sink.alert(firing("disk_full")));
  gate.wait_for_arrival();
  auto second = firing("disk_full");
  second.labels.push_back({"mount", "/data"});
  second.fingerprint = snapshot::fingerprint_of(second.labels);
  ASSERT_TRUE(sink.alert(second));
  gate.open();
  ASSERT_TRUE(sentinel::testing::eventually([&] { return sink.submitted().size() == 4; }));
  const auto told = sink.submitted();
  EXPECT_EQ(told[3].alert.fingerprint, second.fingerprint);
  EXPECT_EQ(value_of(told[3].alert.annotations, "snapshot"), value_of(told[2].alert.annotations, "snapshot"));
  // One that comes when the snapshot is whole joins it too.
  auto third = second;
  third.labels.back().value = "/home";
  third.fingerprint = snapshot::fingerprint_of(third.labels);
  ASSERT_TRUE(sink.alert(third));
  ASSERT_TRUE(sentinel::testing::eventually([&] { return sink.submitted().size() == 6; }));
  const auto file = only_snapshot(directory()) / "alert.json";
  ASSERT_TRUE(sentinel::testing::eventually(
      [&] { return boost::json::parse(read(file)).at("joined").as_array().size() == 2; }));
  EXPECT_EQ(boost::json::parse(read(file)).at("joined").at(1).at("labels").at("mount").as_string(), "/home");
  EXPECT_EQ(sink.counters()["snapshots_joined"], 2);
  EXPECT_EQ(sink.counters()["snapshots_taken"], 1);
  // Beyond the window it is another fault.
  sink.advance(31s);
  auto later = firing("disk_full", 1'715'000'031'000'000'000);
  ASSERT_TRUE(sink.alert(later));
  ASSERT_TRUE(sink.settled(2));
  EXPECT_EQ(names_in(directory()).size(), 2U);
}

TEST_F(WebhookSnapshotTest, an_alert_told_again_after_a_restart_takes_no_second_snapshot) {
  const auto alert = firing("high_memory_usage");
  std::string id;
  {
    SinkUnderTest sink(setup());
    ASSERT_TRUE(sink.alert(alert));
    ASSERT_TRUE(sink.settled(1));
    id = sink.snapshots().at(0).at("id");
  }
  SinkUnderTest sink(setup());
  sink.advance(1h);
  ASSERT_TRUE(sink.alert(alert));
  EXPECT_EQ(sink.counters()["snapshots_joined"], 1);
  EXPECT_EQ(sink.snapshots().at(0).at("id"), id);
  ASSERT_TRUE(sink.alert(firing("high_memory_usage", 1'715'003'000'000'000'000)));
  ASSERT_TRUE(sink.settled(1));
  EXPECT_EQ(names_in(directory()).size(), 2U) << "the same alert that fires anew takes its own";
}

TEST_F(WebhookSnapshotTest, a_thousand_alerts_at_once_are_all_posted_and_every_one_is_accounted_for) {
  auto with = setup();
  with.post_to = {"http://127.0.0.1:1/hook"};
  with.most_waiting = 3;
  SinkUnderTest sink(with);
  Gate gate;
  sink.before_history = [&] { gate.pass(); };
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(sink.alert(firing("alert_" + std::to_string(i))));
  EXPECT_EQ(sink.submitted().size(), 1000U);
  gate.wait_for_arrival();
  gate.open();
  ASSERT_TRUE(sentinel::testing::eventually([&] { return sink.counters().at("snapshots_waiting") == 0; }));
  const auto counters = sink.counters();
  EXPECT_EQ(counters.at("snapshots_taken") + counters.at("snapshots_dropped"), 1000);
  EXPECT_GE(counters.at("snapshots_taken"), 3);
  EXPECT_LE(counters.at("snapshots_taken"), 8);
}

TEST_F(WebhookSnapshotTest, hostile_names_stay_names) {
  SinkUnderTest sink(setup());
  auto alert = firing("../../etc/passwd\n# heading");
  alert.labels.push_back({"x", "<script>alert(1)</script>|`\n## What fired"});
  alert.annotations = {{"summary", "![x](http://evil/) <img src=x>\n# owned"}};
  alert.context = snapshot::Context{};
  alert.context->pid = 4'000'000;
  alert.context->comm = "\xff\"`|\n# me";
  ASSERT_TRUE(sink.alert(alert));
  ASSERT_TRUE(sink.settled(1));
  const auto snapshot = only_snapshot(directory());
  EXPECT_THAT(snapshot.filename().string(), HasSubstr("-______etc_passwd___heading-"));
  const auto report = read(snapshot / "report.md");
  std::size_t headings = 0;
  for (std::size_t at = report.find("\n## "); at != std::string::npos; at = report.find("\n## ", at + 1)) ++headings;
  EXPECT_EQ(headings, 6U);
  EXPECT_THAT(report, AllOf(Not(HasSubstr("<img")), Not(HasSubstr("\n# owned")), Not(HasSubstr("![x](")),
                            HasSubstr("\xef\xbf\xbd")));
  EXPECT_EQ(boost::json::parse(read(snapshot / "alert.json")).at("labels").at("alertname").as_string(),
            "../../etc/passwd # heading")
      << "the label is what it is, but for its control characters";
}

TEST_F(WebhookSnapshotTest, a_directory_that_cannot_be_made_is_an_error_and_stops_nothing) {
  folder_.write("snapshots", "a file is in the way");
  auto with = setup();
  with.post_to = {"http://127.0.0.1:1/hook"};
  SinkUnderTest sink(with);
  EXPECT_THAT(sink.log(), Contains(HasSubstr("no snapshot can be kept")));
  // The failure is told once: by the call that asked, if it is known by then, else by the next.
  auto told = sink.alert(firing("one"));
  ASSERT_TRUE(sink.settled(1));
  EXPECT_EQ(sink.counters()["snapshots_failed"], 1);
  EXPECT_THAT(sink.last_error(), HasSubstr("snapshots"));
  auto next = sink.alert(firing("two"));
  if (told) told = std::move(next);
  ASSERT_FALSE(told);
  EXPECT_THAT(told.error().message, HasSubstr("was not taken"));
  EXPECT_EQ(sink.submitted().size(), 2U);
  // It is tried again, so that a repaired directory needs no restart.
  ASSERT_TRUE(sink.settled(2));
  std::filesystem::remove(directory());
  (void)sink.alert(firing("three"));
  ASSERT_TRUE(sink.settled(3));
  EXPECT_EQ(sink.counters()["snapshots_taken"], 1);
  EXPECT_EQ(sink.last_error(), "");
}

TEST_F(WebhookSnapshotTest, takes_none_when_little_of_the_disk_is_free) {
  auto with = setup();
  with.min_free_ratio = 1;
  SinkUnderTest sink(with);
  (void)sink.alert(firing("one"));  // tells of the failure when it is known by then
  ASSERT_TRUE(sink.settled(1));
  EXPECT_THAT(sink.last_error(), HasSubstr("of the disk"));
  EXPECT_THAT(names_in(directory()), IsEmpty());
}

TEST_F(WebhookSnapshotTest, removes_the_oldest_beyond_quota_and_age_and_nothing_else) {
  const std::string print = "-disk_full-0123456789abcdef";
  const std::string blob(700 * 1024, 'x');
  folder_.write("snapshots/20240506T100000Z" + print + "/evidence/blob", blob);
  folder_.write("snapshots/20240506T110000Z" + print + "/evidence/blob", blob);
  folder_.write("snapshots/20240101T110000Z" + print + "/report.md", "old");
  folder_.write("snapshots/20240101T110000Z-no-fingerprint/report.md", "not ours");
  folder_.write("snapshots/notes/report.md", "not ours");
  folder_.write("snapshots/.20240506T090000Z" + print + ".partial/report.md", "half");
  folder_.write("snapshots/.hidden.partial", "not ours");
  std::filesystem::create_directory_symlink(folder_.path(), directory() / ("20240102T110000Z" + print));
  auto with = setup();
  with.quota = 1 << 20U;
  SinkUnderTest sink(with);
  EXPECT_EQ(sink.counters()["snapshots_kept"], 3);
  ASSERT_TRUE(sink.alert(firing("one")));
  ASSERT_TRUE(sink.settled(1));
  ASSERT_TRUE(sentinel::testing::eventually([&] { return sink.counters()["snapshots_removed"] >= 2; }));
  ASSERT_TRUE(sink.instance().stop());
  const auto left = names_in(directory());
  EXPECT_THAT(
      left, AllOf(Contains(".hidden.partial"), Contains("notes"), Contains("20240101T110000Z-no-fingerprint"),
                  Contains("20240102T110000Z" + print), Not(Contains("20240101T110000Z" + print)),
                  Not(Contains("20240506T100000Z" + print)), Not(Contains(".20240506T090000Z" + print + ".partial"))));
  EXPECT_THAT(left, Contains(HasSubstr("-one-")));
}

TEST_F(WebhookSnapshotTest, a_process_that_never_answers_holds_nothing_up) {
  std::filesystem::copy(SENTINEL_FIXTURES "/procfs/debian12", folder_.path() / "proc",
                        std::filesystem::copy_options::recursive);
  // As of a process whose memory lock is held for good: whoever opens it waits.
  ASSERT_EQ(::mkfifo((folder_.path() / "proc/1204/cmdline").c_str(), 0600), 0);
  folder_.write("proc/588/cmdline", std::string("postgres\0--password=hunter2\0", 28));
  auto with = setup();
  with.procfs = folder_.path() / "proc";
  with.helper_timeout = 10s;
  SinkUnderTest sink(with);
  ASSERT_TRUE(sink.alert(firing("high_memory_usage")));
  ASSERT_TRUE(sink.settled(1));
  ASSERT_EQ(sink.counters()["snapshots_taken"], 1) << sink.last_error();
  const auto snapshot = only_snapshot(directory());
  EXPECT_THAT(read(snapshot / "report.md"),
              AllOf(HasSubstr("postgres --password=[masked]"), Not(HasSubstr("hunter2"))));
  EXPECT_LT(std::stod(read(snapshot / "manifest.json").substr(read(snapshot / "manifest.json").find("took_ms") + 10)),
            60'000);
}

TEST_F(WebhookSnapshotTest, drain_waits_for_the_one_that_is_taken_and_begins_no_other) {
  SinkUnderTest sink(setup());
  Gate gate;
  sink.before_history = [&] { gate.pass(); };
  ASSERT_TRUE(sink.alert(firing("one")));
  gate.wait_for_arrival();
  ASSERT_TRUE(sink.alert(firing("two")));
  ASSERT_TRUE(sink.instance().drain(0)) << "a deadline that has passed ends the wait, not the snapshot";
  gate.open();
  ASSERT_TRUE(sink.instance().drain(UINT64_MAX / 4));
  EXPECT_EQ(sink.counters()["snapshots_taken"], 1);
  EXPECT_EQ(sink.counters()["snapshots_waiting"], 1);
  ASSERT_TRUE(sink.instance().resume());
  EXPECT_TRUE(sink.settled(2));
}

TEST_F(WebhookSnapshotTest, stop_gives_up_what_is_being_taken_and_leaves_nothing_half) {
  SinkUnderTest sink(setup());
  Gate gate;
  sink.before_history = [&] { gate.pass(); };
  ASSERT_TRUE(sink.alert(firing("one")));
  gate.wait_for_arrival();
  ASSERT_TRUE(sink.alert(firing("two")));
  std::thread stopping([&] { (void)sink.instance().stop(); });
  ASSERT_TRUE(sentinel::testing::eventually([&] { return sink.counters()["snapshots_dropped"] == 1; }));
  gate.open();
  stopping.join();
  EXPECT_THAT(names_in(directory()), IsEmpty());
}

TEST_F(WebhookSnapshotTest, asks_for_its_routes) {
  EXPECT_THAT(SinkUnderTest(setup()).routes(),
              ElementsAre(std::pair<std::string, std::string>("POST", "/webhook"),
                          std::pair<std::string, std::string>("GET", "/api/v1/snapshots"),
                          std::pair<std::string, std::string>("POST", "/api/v1/snapshots")));
}

}  // namespace
}  // namespace snapshot_test
