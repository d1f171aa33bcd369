#include "core/delivery/body.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>

#include "support.hpp"

namespace sentinel::delivery {
namespace {

namespace json = boost::json;
using namespace delivery::testing;
using ::testing::ElementsAre;

std::string time(std::int64_t unix_ns) {
  std::string out;
  append_time(out, unix_ns);
  return out;
}

std::string in_quotes(std::string_view text) {
  std::string out;
  append_quoted(out, text);
  return out;
}

TEST(BodyTime, IsAsGoPrintsIt) {
  EXPECT_EQ(time(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(time(begin), "2023-11-14T22:13:20Z");
  EXPECT_EQ(time(begin + 500'000'000), "2023-11-14T22:13:20.5Z");
  EXPECT_EQ(time(begin + 1), "2023-11-14T22:13:20.000000001Z");
  EXPECT_EQ(time(-1), "1969-12-31T23:59:59.999999999Z");
  EXPECT_EQ(time(INT64_MAX), "2262-04-11T23:47:16.854775807Z");
  EXPECT_EQ(time(INT64_MIN), "1677-09-21T00:12:43.145224192Z");
}

TEST(BodyText, IsValidJsonWhateverTheBytesAre) {
  EXPECT_EQ(in_quotes("a\"b\\c\nd\x01"), R"("a\"b\\c\nd\u0001")");
  EXPECT_EQ(in_quotes("\xff\"\n"), "\"\xef\xbf\xbd\\\"\\n\"");
  EXPECT_EQ(in_quotes("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"), "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"");
  for (int a = 0; a < 256; ++a) {
    for (int b = 0; b < 256; ++b) {
      const std::string two = {static_cast<char>(a), static_cast<char>(b)};
      boost::system::error_code bad;
      json::parse(in_quotes(two), bad);
      ASSERT_FALSE(bad) << a << ' ' << b;
    }
  }
  // Surrogates, overlong forms, beyond U+10FFFF, and sequences cut short.
  for (const char* text :
       {"\xed\xa0\x80", "\xc0\x80", "\xe0\x80\x80", "\xf4\x90\x80\x80", "\xf0\x9f\x98", "\xe2\x82"}) {
    boost::system::error_code bad;
    json::parse(in_quotes(text), bad);
    EXPECT_FALSE(bad);
  }
}

TEST(WebhookBody, HasEveryFieldOfVersion4) {
  const auto cpu = with(firing("cpu"), "culprit", "stress");
  const auto disk = with(resolved("disk"), "culprit", "stress");
  const std::array list = {&cpu, &disk};
  const auto body = json::parse(webhook_body(list, "http://box:8000")).as_object();
  EXPECT_EQ(body.at("version"), "4");
  EXPECT_EQ(body.at("status"), "firing");
  EXPECT_EQ(body.at("receiver"), "sentinel");
  EXPECT_EQ(body.at("groupKey"), "{}:{}");
  EXPECT_EQ(body.at("groupLabels"), json::object());
  EXPECT_EQ(body.at("commonLabels"), json::parse(R"({"instance": "box"})"));
  EXPECT_EQ(body.at("commonAnnotations"), json::parse(R"({"culprit": "stress"})"));
  EXPECT_EQ(body.at("externalURL"), "http://box:8000");
  EXPECT_EQ(body.at("truncatedAlerts"), 0);
  const auto& alerts = body.at("alerts").as_array();
  ASSERT_EQ(alerts.size(), 2U);
  EXPECT_EQ(alerts[0].at("status"), "firing");
  EXPECT_EQ(alerts[0].at("startsAt"), "2023-11-14T22:13:20Z");
  EXPECT_EQ(alerts[0].at("endsAt"), "0001-01-01T00:00:00Z");
  EXPECT_EQ(alerts[0].at("labels"), json::parse(R"({"alertname": "cpu", "instance": "box"})"));
  EXPECT_EQ(alerts[0].at("generatorURL"), "http://box:8000");
  EXPECT_EQ(alerts[0].at("fingerprint").as_string().size(), 16U);
  EXPECT_EQ(alerts[1].at("status"), "resolved");
  EXPECT_EQ(alerts[1].at("endsAt"), "2023-11-14T22:14:20Z");
}

TEST(WebhookBody, OfOneAlertIsItsGroup) {
  const auto cpu = resolved("c\"pu");
  const std::array list = {&cpu};
  const auto body = json::parse(webhook_body(list, "")).as_object();
  EXPECT_EQ(body.at("status"), "resolved");
  EXPECT_EQ(body.at("groupLabels"), json::parse(R"({"alertname": "c\"pu"})"));
  EXPECT_EQ(body.at("groupKey"), R"({}:{alertname="c\"pu"})");
}

TEST(AlertmanagerBody, EndsInTheFutureWhileItFires) {
  const auto cpu = firing("cpu");
  const auto disk = resolved("disk");
  const std::array list = {&cpu, &disk};
  const auto body = json::parse(alertmanager_body(list, begin + 4 * minute, "http://box:8000")).as_array();
  EXPECT_EQ(body[0].at("endsAt"), "2023-11-14T22:17:20Z");
  EXPECT_EQ(body[0].at("startsAt"), "2023-11-14T22:13:20Z");
  EXPECT_EQ(body[0].at("generatorURL"), "http://box:8000");
  EXPECT_EQ(body[1].at("endsAt"), "2023-11-14T22:14:20Z");
}

TEST(AlertmanagerBody, IsNeverOneThatAlertmanagerRefuses) {
  Notification odd = firing("odd", begin + hour);  // the clock was set back since
  odd.labels = {{"a-b", "1"}, {"9x", "2"}, {"empty", ""}, {"", "3"}};
  odd.annotations = {{"what.ever", "4"}};
  Notification bare;
  bare.starts_at_ns = begin;
  const std::array<const Notification*, 2> list = {&odd, &bare};
  const auto body = json::parse(alertmanager_body(list, begin, "")).as_array();
  EXPECT_EQ(body[0].at("labels"), json::parse(R"({"a_b": "1", "_x": "2"})"));
  EXPECT_EQ(body[0].at("annotations"), json::parse(R"({"what_ever": "4"})"));
  EXPECT_EQ(body[0].at("endsAt"), body[0].at("startsAt"));
  EXPECT_EQ(body[1].at("labels"), json::parse(R"({"alertname": "unnamed"})"));
  EXPECT_FALSE(body[0].as_object().contains("generatorURL"));
}

}  // namespace
}  // namespace sentinel::delivery
