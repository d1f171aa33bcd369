#include "core/runtime/notice.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cmath>
#include <limits>
#include <sentinel/config.hpp>

namespace sentinel::runtime {
namespace {

using testing::HasSubstr;

Notice burst() {
  Notice notice;
  notice.id = 7;
  notice.fingerprint = 0xfedcba9876543210U;
  notice.labels = {{"alertname", "connection_storm"}, {"instance", "a-host"}, {"severity", "critical"}};
  notice.annotations = {{"summary", "600 \"connections\"\nin a second"}};
  notice.starts_at_ns = 1'700'000'000'123'456'789;
  notice.time_ns = 42;
  notice.value = 600;
  notice.lost = 3;
  notice.metric = "sentinel_tcp_transition";
  notice.expression = "count over 1s of sentinel_tcp_transition > 500";
  notice.sinks = {"incident", "pager"};
  rules::Context context;
  context.pid = 4711;
  context.comm = "curl";
  context.cgroup_id = std::numeric_limits<std::uint64_t>::max();
  context.stack = {0xffffffff81000000U, 0xffffffff81000010U};
  notice.context = context;
  return notice;
}

TEST(Notice, IsTheSameAfterAWayThroughJson) {
  const Notice before = burst();
  const auto text = boost::json::serialize(to_json(before));
  const auto after = notice_from_json(boost::json::parse(text).as_object());
  ASSERT_TRUE(after) << after.error().message;
  EXPECT_EQ(boost::json::serialize(to_json(*after)), text);
  EXPECT_EQ(after->fingerprint, before.fingerprint);
  EXPECT_EQ(after->context->cgroup_id, before.context->cgroup_id);
  EXPECT_EQ(after->context->stack, before.context->stack);
  EXPECT_EQ(after->annotations, before.annotations);
}

TEST(Notice, KeepsValuesThatJsonHasNoNumberFor) {
  Notice notice = burst();
  for (const double value : {std::numeric_limits<double>::infinity(), 0.1, -1e300, 5e-324}) {
    notice.value = value;
    const auto after = notice_from_json(boost::json::parse(boost::json::serialize(to_json(notice))).as_object());
    ASSERT_TRUE(after);
    EXPECT_EQ(after->value, value);
  }
  notice.value = std::nan("");
  EXPECT_TRUE(std::isnan(notice_from_json(to_json(notice))->value));
}

TEST(Notice, RefusesJsonThatLacksAPart) {
  for (const auto& part : to_json(burst())) {
    if (part.key() == "context") continue;
    auto json = to_json(burst());
    json.erase(part.key());
    EXPECT_FALSE(notice_from_json(json)) << part.key();
    json[part.key()] = nullptr;
    const auto refused = notice_from_json(json);
    ASSERT_FALSE(refused) << part.key();
    EXPECT_THAT(refused.error().message, HasSubstr("no notice of an alert"));
  }
}

TEST(Notice, SaysTheSameInTheShapeOfTheAbi) {
  const Notice notice = burst();
  const AbiAlert abi(notice);
  const sentinel_alert& raw = abi.raw();
  EXPECT_EQ(raw.size, sizeof(sentinel_alert));
  EXPECT_EQ(raw.state, static_cast<std::uint32_t>(SENTINEL_ALERT_FIRING));
  EXPECT_EQ(from_abi(raw.name), "connection_storm");
  EXPECT_EQ(from_abi(raw.severity), "critical");
  ASSERT_EQ(raw.label_count, 3U);
  EXPECT_EQ(from_abi(raw.labels[0].name), "alertname");
  ASSERT_NE(raw.context, nullptr);
  EXPECT_EQ(raw.context->pid, 4711U);
  EXPECT_EQ(raw.context->stack_count, 2U);
  const auto back = notice_from_abi(raw);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->labels, notice.labels);
  EXPECT_EQ(back->annotations, notice.annotations);
  EXPECT_EQ(back->starts_at_ns, notice.starts_at_ns);
  EXPECT_TRUE(back->firing);
}

TEST(Notice, CleansAndBoundsWhatAPluginSays) {
  const sentinel_label hostile[] = {{to_abi("alertname"), to_abi("x\xff\n")}};
  sentinel_alert raw = {};
  raw.size = sizeof(raw);
  raw.labels = hostile;
  raw.label_count = 1;
  const auto cleaned = notice_from_abi(raw);
  ASSERT_TRUE(cleaned);
  EXPECT_EQ(cleaned->labels.at("alertname").find('\n'), std::string::npos);
  EXPECT_EQ(cleaned->labels.at("alertname").find('\xff'), std::string::npos);

  raw.label_count = 0;
  EXPECT_THAT(notice_from_abi(raw).error().message, HasSubstr("without a label alertname"));
  raw.label_count = 257;
  EXPECT_THAT(notice_from_abi(raw).error().message, HasSubstr("at most 256 labels"));
  raw.size = 8;
  EXPECT_THAT(notice_from_abi(raw).error().message, HasSubstr("size is 8"));
}

}  // namespace
}  // namespace sentinel::runtime
