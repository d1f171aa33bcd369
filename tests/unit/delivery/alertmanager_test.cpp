// A real Alertmanager: takes the courier's alerts, and shows what its own webhook posts look like.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "support.hpp"
#include "tests/support/alertmanager.hpp"

namespace sentinel::delivery {
namespace {

namespace json = boost::json;
using namespace delivery::testing;
using namespace std::chrono_literals;
using sentinel::testing::Alertmanager;
using sentinel::testing::peer;

/// The keys of a value and their types, to any depth; what `open` names has keys of the user's choice.
void shape(const json::value& value, const std::string& path, std::map<std::string, json::kind>& out) {
  out[path] = value.kind() == json::kind::uint64 ? json::kind::int64 : value.kind();
  if (path.ends_with("abels") || path.ends_with("nnotations")) return;
  if (const auto* object = value.if_object()) {
    for (const auto& [key, each] : *object) shape(each, path + "." + std::string(key), out);
  } else if (const auto* array = value.if_array()) {
    for (const auto& each : *array) shape(each, path + "[]", out);
  }
}

class RealAlertmanager : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(std::filesystem::exists(peer("prometheus-alertmanager")))
        << "cmake/peers/fetch unpacks it; `make test` does that";
    alertmanager_.start({.post_to = hook_.url()});
    ASSERT_TRUE(alertmanager_.wait_ready()) << alertmanager_.log();
    rig_.options.unix_ns = nullptr;
    rig_.options.resend = 250ms;
    rig_.reopen();
  }

  static std::int64_t now_ns() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
        .count();
  }

  Rig rig_;
  Server hook_{always(200)};
  Alertmanager alertmanager_;
};

TEST_F(RealAlertmanager, TakesListsAndResolves) {
  const auto id = rig_->add(alertmanager(alertmanager_.url()));
  ASSERT_TRUE(id);
  const auto started = now_ns();
  ASSERT_TRUE(rig_->submit(*id, with(firing("High-\xff\"CPU", started), "culprit", "stress\n\"x\"")));
  ASSERT_TRUE(eventually([&] { return alertmanager_.alerts().size() == 1; })) << rig_.stats().last_error;
  const auto listed = alertmanager_.alerts()[0];
  EXPECT_EQ(listed.at("labels").at("alertname"), "High-\xef\xbf\xbd\"CPU");
  EXPECT_EQ(listed.at("annotations").at("culprit"), "stress\n\"x\"");
  EXPECT_EQ(listed.at("status").at("state"), "active");
  ASSERT_TRUE(eventually([&] { return hook_.count() > 0; })) << "its receiver is told";
  EXPECT_EQ(hook_.received()[0].json().at("status"), "firing");

  ASSERT_TRUE(rig_->submit(*id, resolved("High-\xff\"CPU", started, now_ns())));
  ASSERT_TRUE(eventually([&] { return alertmanager_.alerts().empty(); }));
  ASSERT_TRUE(eventually([&] { return hook_.received().back().json().at("status") == "resolved"; }));
  EXPECT_TRUE(rig_.stats().up);
  EXPECT_EQ(rig_.stats().dropped, 0U);
}

TEST_F(RealAlertmanager, EndsByItselfWhatIsToldNoMore) {
  const auto id = rig_->add(alertmanager(alertmanager_.url()));
  ASSERT_TRUE(id);
  ASSERT_TRUE(rig_->submit(*id, firing("cpu", now_ns())));
  ASSERT_TRUE(eventually([&] { return alertmanager_.alerts().size() == 1; }));
  rig_.close();
  EXPECT_TRUE(eventually([&] { return alertmanager_.alerts().empty(); }));
}

TEST_F(RealAlertmanager, TakesTenThousandAtOnce) {
  rig_.options.resend = 1min;  // so that none ends by itself before the last was told
  rig_.reopen();
  const auto id = rig_->add(alertmanager(alertmanager_.url()));
  ASSERT_TRUE(id);
  std::vector<Notification> many;
  // Of one group: it is told of them in one post.
  for (int i = 0; i < 10'000; ++i) {
    auto each = firing("many", now_ns());
    each.fingerprint += static_cast<std::uint64_t>(i);
    each.labels["number"] = std::to_string(i);
    many.push_back(std::move(each));
  }
  ASSERT_TRUE(rig_->submit(*id, many));
  ASSERT_TRUE(rig_.delivered()) << rig_.stats().last_error;
  EXPECT_EQ(rig_.stats().delivered, 10'000U);
  EXPECT_EQ(alertmanager_.alerts().size(), 10'000U);
}

TEST_F(RealAlertmanager, PostsTheSameKeysAndTypesAsTheWebhookHere) {
  const Server ours(always(200));
  const auto to_alertmanager = rig_->add(alertmanager(alertmanager_.url()));
  const auto to_hook = rig_->add(webhook(ours.url()));
  ASSERT_TRUE(to_alertmanager && to_hook);
  const auto alert = firing("cpu", now_ns());
  ASSERT_TRUE(rig_->submit(*to_alertmanager, alert));
  ASSERT_TRUE(rig_->submit(*to_hook, alert));
  ASSERT_TRUE(eventually([&] { return hook_.count() > 0 && ours.count() > 0; }));
  const auto theirs = hook_.received()[0];
  std::map<std::string, json::kind> expected;
  std::map<std::string, json::kind> found;
  shape(theirs.json(), "", expected);
  shape(ours.received()[0].json(), "", found);
  EXPECT_EQ(found, expected) << theirs.body << "\n" << ours.received()[0].body;
  EXPECT_GT(expected.size(), 18U);
  EXPECT_EQ(theirs.json().at("version"), ours.received()[0].json().at("version"));
  EXPECT_EQ(theirs.json().at("groupLabels"), ours.received()[0].json().at("groupLabels"));
  EXPECT_EQ(theirs.json().at("groupKey"), ours.received()[0].json().at("groupKey"));
  EXPECT_EQ(theirs.json().at("commonLabels"), ours.received()[0].json().at("commonLabels"));
  EXPECT_EQ(theirs.headers.at("content-type"), ours.received()[0].headers.at("content-type"));
}

}  // namespace
}  // namespace sentinel::delivery
