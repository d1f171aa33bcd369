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

}  // namespace

}  // namespace sentinel
