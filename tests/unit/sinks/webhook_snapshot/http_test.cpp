#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <condition_variable>

#include "sinks/webhook_snapshot/webhook.hpp"
#include "tests/support/process.hpp"
#include "tests/unit/plugins/rig.hpp"
#include "tests/unit/sinks/webhook_snapshot/host.hpp"

namespace snapshot_test {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

std::string posted(const std::string& name, const std::string& status = "firing",
                   const std::string& instance = "web1:9100") {
  return R"({"version":"4","receiver":"sentinel","status":")" + status + R"(","alerts":[{"status":")" + status +
         R"(","labels":{"alertname":")" + name + R"(","instance":")" + instance +
         R"("},"annotations":{},"startsAt":"2024-05-06T12:53:00.123Z","endsAt":"0001-01-01T00:00:00Z","generatorURL":"http://p/"}]})";
}

class WebhookHttpTest : public ::testing::Test {
 protected:
  SinkUnderTest::Setup setup() { return {.directory = folder_.path() / "snapshots"}; }
  static std::string field(const sentinel::plugin::Instance::HttpAnswer& answer, const char* name) {
    const auto value = boost::json::parse(answer.body);
    const auto* found = value.as_object().if_contains(name);
    return found == nullptr ? "" : std::string(found->as_string());
  }

  rig::TemporaryFolder folder_;
};

TEST_F(WebhookHttpTest, a_firing_alert_takes_a_snapshot_with_its_identity) {
  SinkUnderTest sink(setup());
  const auto answer = sink.request("POST", "/webhook", posted("HostOutOfMemory"));
  EXPECT_EQ(answer.status, 202);
  EXPECT_EQ(field(answer, "status"), "accepted");
  ASSERT_TRUE(sink.settled(1));
  const auto snapshot = only_snapshot(folder_.path() / "snapshots");
  EXPECT_EQ(snapshot.filename(), field(answer, "snapshot"));
  const auto alert = boost::json::parse(read(snapshot / "alert.json"));
  EXPECT_EQ(alert.at("name").as_string(), "HostOutOfMemory");
  EXPECT_EQ(alert.at("told_by").as_string(), "webhook");
  EXPECT_EQ(alert.at("starts_at").as_string(), "2024-05-06T12:53:00.123Z");
  EXPECT_THAT(read(snapshot / "report.md"), HasSubstr("explain an alert about memory best"));
  EXPECT_TRUE(sink.submitted().empty()) << "what came from an Alertmanager is not sent back";
  const auto again = sink.request("POST", "/webhook", posted("HostOutOfMemory"));
  EXPECT_EQ(again.status, 202);
  EXPECT_EQ(field(again, "status"), "joined");
  EXPECT_EQ(field(again, "snapshot"), field(answer, "snapshot"));
}

TEST_F(WebhookHttpTest, a_resolved_alert_is_ignored) {
  SinkUnderTest sink(setup());
  const auto answer = sink.request("POST", "/webhook", posted("HostOutOfMemory", "resolved"));
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(field(answer, "status"), "ignored");
  EXPECT_EQ(field(answer, "reason"), "resolved");
  EXPECT_EQ(field(sink.request("POST", "/webhook", R"({"version":"4","alerts":[]})"), "reason"), "no alerts");
  EXPECT_TRUE(sink.snapshots().empty());
}

TEST_F(WebhookHttpTest, only_own_ignores_other_hosts) {
  auto with = setup();
  with.only_own = true;
  SinkUnderTest sink(with);
  const auto other = sink.request("POST", "/webhook", posted("a", "firing", "web10:9100"));
  EXPECT_EQ(other.status, 200);
  EXPECT_THAT(field(other, "reason"), HasSubstr("web10:9100"));
  EXPECT_EQ(sink.request("POST", "/webhook", posted("b", "firing", "web1:9100")).status, 202);
  EXPECT_EQ(sink.request("POST", "/webhook", posted("c", "firing", "web1")).status, 202);
}

TEST_F(WebhookHttpTest, the_agents_own_alert_that_comes_back_joins_its_snapshot) {
  SinkUnderTest sink(setup());
  auto alert = firing("high_memory_usage");
  alert.labels = {{"alertname", "high_memory_usage"}, {"instance", "web1:9100"}};
  alert.fingerprint = snapshot::fingerprint_of(alert.labels);
  ASSERT_TRUE(sink.alert(alert));
  ASSERT_TRUE(sink.settled(1));
  sink.advance(4h);
  const auto answer = sink.request("POST", "/webhook", posted("high_memory_usage"));
  EXPECT_EQ(answer.status, 202);
  EXPECT_EQ(field(answer, "status"), "joined");
  EXPECT_EQ(field(answer, "snapshot"), sink.snapshots().at(0).at("id"));
}

TEST_F(WebhookHttpTest, what_a_prometheus_beside_the_agent_makes_of_the_same_rule_joins_while_it_fires) {
  SinkUnderTest sink(setup());
  auto alert = firing("high_memory_usage");
  ASSERT_TRUE(sink.alert(alert));
  ASSERT_TRUE(sink.settled(1));
  sink.advance(10min);
  const auto from_prometheus = [](std::string_view instance, std::string_view since = "2024-05-06T13:03:00Z") {
    return R"({"version":"4","alerts":[{"status":"firing","labels":{"alertname":"high_memory_usage","job":"sentinel",)"
           R"("severity":"critical","instance":")" +
           std::string(instance) + R"("},"annotations":{},"startsAt":")" + std::string(since) + R"("}]})";
  };
  const auto id = sink.snapshots().at(0).at("id");
  for (const char* here : {"127.0.0.1:8000", "[::1]:8000", "web1:8000", "localhost:8000"}) {
    const auto answer = sink.request("POST", "/webhook", from_prometheus(here));
    EXPECT_EQ(field(answer, "status"), "joined") << here;
    EXPECT_EQ(field(answer, "snapshot"), id) << here;
  }
  EXPECT_EQ(field(sink.request("POST", "/webhook", from_prometheus("web2:8000")), "status"), "accepted");
  ASSERT_TRUE(sink.settled(2));

  // Once it is resolved, one that begins later is another fault.
  alert.firing = false;
  ASSERT_TRUE(sink.alert(alert));
  sink.advance(10min);
  const auto later = sink.request("POST", "/webhook", from_prometheus("127.0.0.1:8000", "2024-05-06T14:00:00Z"));
  EXPECT_EQ(field(later, "status"), "accepted");
}

TEST_F(WebhookHttpTest, what_is_wrong_is_told_with_its_place) {
  SinkUnderTest sink(setup());
  const auto refused = [&](const std::string& body, const std::string& at) {
    const auto answer = sink.request("POST", "/webhook", body);
    EXPECT_EQ(answer.status, 400) << body;
    EXPECT_EQ(field(answer, "at"), at) << body;
  };
  refused("", "byte 0");
  refused("{\"version\":", "byte 11");
  refused("[]", "/");
  refused(R"({"version":"3","alerts":[]})", "/version");
  refused(R"({"version":"4","alerts":{}})", "/alerts");
  refused(R"({"version":"4","alerts":[{"status":"firing","labels":{"alertname":"a"}},{"status":"odd"}]})",
          "/alerts/1/status");
  refused(R"({"version":"4","alerts":[{"status":"firing","labels":{}}]})", "/alerts/0/labels/alertname");
  refused(R"({"version":"4","alerts":[{"status":"firing","labels":{"alertname":"a","b/~":1}}]})",
          "/alerts/0/labels/b~1~0");
  refused(R"({"version":"4","alerts":[{"status":"firing","labels":{"alertname":"a"},"startsAt":"yesterday"}]})",
          "/alerts/0/startsAt");
  EXPECT_EQ(sink.request("POST", "/webhook", std::string(snapshot::most_body_bytes + 1, ' ')).status, 413);
  EXPECT_EQ(sink.request("POST", "/api/v1/snapshots", R"({"reason":1})").status, 400);
  EXPECT_TRUE(sink.snapshots().empty());
}

TEST_F(WebhookHttpTest, more_than_may_wait_are_answered_503_and_join_when_they_come_again) {
  auto with = setup();
  with.most_waiting = 1;
  SinkUnderTest sink(with);
  std::mutex mutex;
  std::condition_variable changed;
  bool open = false;
  bool arrived = false;
  sink.before_history = [&] {
    std::unique_lock lock(mutex);
    arrived = true;
    changed.notify_all();
    changed.wait(lock, [&] { return open; });
  };
  EXPECT_EQ(sink.request("POST", "/webhook", posted("one")).status, 202);
  {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return arrived; });
  }
  EXPECT_EQ(sink.request("POST", "/webhook", posted("two")).status, 202);
  EXPECT_EQ(sink.request("POST", "/webhook", posted("three")).status, 503);
  EXPECT_EQ(sink.request("POST", "/api/v1/snapshots", "{}").status, 503);
  EXPECT_EQ(field(sink.request("POST", "/webhook", posted("two")), "status"), "joined");
  {
    const std::lock_guard lock(mutex);
    open = true;
    changed.notify_all();
  }
  EXPECT_TRUE(sink.settled(2));
}

TEST_F(WebhookHttpTest, takes_one_by_hand_and_lists_them) {
  SinkUnderTest sink(setup());
  const auto first = sink.request("POST", "/api/v1/snapshots", R"({"reason":"it feels <slow>"})");
  const auto second = sink.request("POST", "/api/v1/snapshots", "{}");
  EXPECT_EQ(first.status, 202);
  EXPECT_EQ(second.status, 202);
  EXPECT_NE(field(first, "snapshot"), field(second, "snapshot")) << "within one second too";
  ASSERT_TRUE(sink.settled(2));
  const auto list = boost::json::parse(sink.request("GET", "/api/v1/snapshots", "").body).at("snapshots").as_array();
  ASSERT_EQ(list.size(), 2U);
  EXPECT_EQ(list[1].at("id").as_string(), field(first, "snapshot"));
  EXPECT_EQ(list[1].at("state").as_string(), "whole");
  EXPECT_GT(list[1].at("bytes").as_int64(), 10'000);
  const auto report = read(folder_.path() / "snapshots" / field(first, "snapshot") / "report.md");
  EXPECT_THAT(report, HasSubstr("# Snapshot by hand on web1"));
  EXPECT_THAT(report, HasSubstr("it feels &lt;slow>"));
}

}  // namespace
}  // namespace snapshot_test
