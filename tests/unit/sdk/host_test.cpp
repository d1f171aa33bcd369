#include <gmock/gmock.h>

#include <sentinel/error.hpp>
#include <sentinel/host.hpp>

#include "tests/support/fake_host.hpp"

namespace sentinel {

namespace {

using ::testing::ElementsAre;
using testing::FakeHost;

TEST(Host, DeclaresMetrics) {
  FakeHost fake;
  const Host host(fake.raw());
  constexpr double bounds[] = {1, 2, 4};
  EXPECT_EQ(host.gauge({"a", "Help a.", "bytes"}).id, 1U);
  EXPECT_EQ(host.counter({"b_total", "Help b."}, {"x", "y"}).id, 2U);
  EXPECT_EQ(host.histogram({"c", "Help c."}, bounds, {"z"}).id, 3U);
  EXPECT_EQ(host.event({"d", "Help d."}, {"w"}).id, 4U);
  EXPECT_EQ(host.event({"e", "Help e."}).id, 5U);
  ASSERT_EQ(fake.declared.size(), 5U);
  EXPECT_EQ(fake.declared[0].kind, MetricKind::gauge);
  EXPECT_EQ(fake.declared[0].unit, "bytes");
  EXPECT_EQ(fake.declared[0].help, "Help a.");
  EXPECT_EQ(fake.declared[1].kind, MetricKind::counter);
  EXPECT_THAT(fake.declared[1].label_keys, ElementsAre("x", "y"));
  EXPECT_EQ(fake.declared[2].kind, MetricKind::histogram);
  EXPECT_THAT(fake.declared[2].bounds, ElementsAre(1, 2, 4));
  EXPECT_EQ(fake.declared[3].kind, MetricKind::event);
}

TEST(Host, ThrowsWhatTheAgentRefuses) {
  FakeHost fake;
  const Host host(fake.raw());
  (void)host.gauge({"a", "Help."});
  try {
    (void)host.gauge({"a", "Help."});
    FAIL() << "declared twice";
  } catch (const PluginError& e) {
    EXPECT_EQ(e.error().code, Errc::invalid_argument);
    EXPECT_STREQ(e.what(), "metric a is declared twice");
  }
}

TEST(Host, Logs) {
  FakeHost fake;
  const Host host(fake.raw());
  host.debug("1");
  host.info("2");
  host.warning("3");
  host.error("4");
  ASSERT_EQ(fake.logs.size(), 4U);
  EXPECT_EQ(fake.logs[0].level, SENTINEL_DEBUG);
  EXPECT_EQ(fake.logs[3].level, SENTINEL_ERROR);
  EXPECT_EQ(fake.logs[3].text, "4");
}

TEST(Host, ServesARoute) {
  FakeHost fake;
  const Host host(fake.raw());
  host.serve("/metrics", "text/plain");
  ASSERT_EQ(fake.routes.size(), 1U);
  EXPECT_EQ(fake.routes[0].path, "/metrics");
  EXPECT_EQ(fake.routes[0].content_type, "text/plain");
}

TEST(Host, DoesWithoutServicesThatAnOlderAgentLacks) {
  FakeHost fake;
  fake.no_extensions = true;
  const Host host(fake.raw());
  host.info("into nothing");
  EXPECT_TRUE(fake.logs.empty());
  try {
    host.serve("/x", "text/plain");
    FAIL() << "no such service";
  } catch (const PluginError& e) {
    EXPECT_EQ(e.error().code, Errc::unsupported);
    EXPECT_THAT(e.error().message, ::testing::HasSubstr("sentinel.http_routes/1"));
  }
}

TEST(Host, TellsTheTime) {
  FakeHost fake;
  fake.time = std::chrono::seconds(5);
  EXPECT_EQ(Host(fake.raw()).now(), std::chrono::seconds(5));
}

TEST(Host, ReadsTheHistory) {
  FakeHost fake;
  const sentinel_sample samples[] = {{1, 10}, {2, 20}};
  fake.tracks.push_back({sizeof(sentinel_track), 0, to_abi("cpu"), to_abi("load"), nullptr, nullptr, samples, 2});
  fake.tracks.push_back({sizeof(sentinel_track), 0, to_abi("cpu"), to_abi("other"), nullptr, nullptr, samples, 1});
  const Host host(fake.raw());
  std::vector<double> values;
  const auto take = [&](const sentinel_track& track) {
    for (std::uint64_t i = 0; i < track.sample_count; ++i) values.push_back(track.samples[i].value);
  };
  EXPECT_TRUE(host.history("load", std::chrono::nanoseconds(0), std::chrono::seconds(1), take));
  EXPECT_THAT(values, ElementsAre(10, 20));
  values.clear();
  EXPECT_TRUE(host.history("", std::chrono::nanoseconds(0), std::chrono::seconds(1), take));
  EXPECT_EQ(values.size(), 3U);
}

TEST(Host, HasAlertsPosted) {
  FakeHost fake;
  const Host host(fake.raw());
  sentinel_receiver receiver = {};
  receiver.size = sizeof(receiver);
  receiver.kind = SENTINEL_RECEIVER_WEBHOOK;
  receiver.url = to_abi("http://127.0.0.1:1/");
  const auto id = host.add_receiver(receiver);
  sentinel_alert alert = {};
  alert.size = sizeof(alert);
  alert.name = to_abi("disk_full");
  EXPECT_TRUE(host.submit(id, alert));
  EXPECT_THAT(fake.submitted, ElementsAre(std::pair(id, std::string("disk_full"))));
  EXPECT_FALSE(host.submit(id + 1, alert));
}

TEST(Host, SaysWhatAnOlderAgentLacks) {
  FakeHost fake;
  fake.no_extensions = true;
  const Host host(fake.raw());
  EXPECT_THROW((void)host.labels(), PluginError);
  EXPECT_THROW((void)host.unix_time(), PluginError);
  EXPECT_THROW(host.handle("POST", "/x"), PluginError);
  EXPECT_THROW((void)host.add_receiver({}), PluginError);
  EXPECT_EQ(host.submit(1, {}).error().code, Errc::unsupported);
  EXPECT_EQ(host.history("", {}, {}, [](const sentinel_track&) {}).error().code, Errc::unsupported);
}

}  // namespace

}  // namespace sentinel
