#include <gmock/gmock.h>

#include <array>
#include <sentinel/batch.hpp>
#include <sentinel/host.hpp>

#include "tests/support/fake_host.hpp"

namespace sentinel {

namespace {

using ::testing::ElementsAre;
using testing::FakeBatch;
using testing::FakeHost;
using namespace std::chrono_literals;

constexpr double bounds[] = {0.1, 1};

struct BatchTest : ::testing::Test {
  FakeHost fake;
  Host host{fake.raw()};
  Gauge<> plain = host.gauge({"plain", "Help."});
  Counter<2> labelled = host.counter({"labelled_total", "Help."}, {"a", "b"});
  Histogram<1> sizes = host.histogram({"sizes_bytes", "Help.", "bytes"}, bounds, {"kind"});
  Histogram<> times = host.histogram({"times_seconds", "Help.", "seconds"}, bounds);
  Event<1> event = host.event({"event", "Help."}, {"what"});
  Event<> bare = host.event({"bare", "Help."});
  FakeBatch raw{fake, 7s};
  Batch batch{raw.raw()};
};

TEST_F(BatchTest, KnowsItsTickAndInterval) {
  EXPECT_EQ(batch.tick(), 1h);
  EXPECT_EQ(batch.every(), 7s);
}

TEST_F(BatchTest, AddsSamples) {
  batch.add(plain, 1.5);
  batch.add(labelled, 2, {"x", "y"});
  EXPECT_TRUE(batch.result());
  EXPECT_THAT(raw.values(),
              ElementsAre(::testing::Pair("labelled_total{a=\"x\",b=\"y\"}", 2.0), ::testing::Pair("plain", 1.5)));
  EXPECT_EQ(raw.records[0].time_ns, 0U) << "a sample's time is its tick";
}

TEST_F(BatchTest, LooksASeriesUpOnce) {
  const auto series = batch.series(labelled, {"x", "y"});
  batch.add(series, 1);
  batch.add(series, 2);
  EXPECT_TRUE(batch.result());
  EXPECT_EQ(raw.records.size(), 2U);
  EXPECT_EQ(raw.value("labelled_total{a=\"x\",b=\"y\"}"), 2.0);
}

TEST_F(BatchTest, AddsHistograms) {
  constexpr std::array<std::uint64_t, 3> buckets = {1, 2, 5};
  batch.add(sizes, 12.5, buckets, {"small"});
  batch.add(times, 3, buckets);
  ASSERT_TRUE(batch.result()) << batch.result().error().message;
  EXPECT_THAT(raw.records[0].buckets, ElementsAre(1, 2, 5));
  EXPECT_EQ(raw.records[0].value, 12.5);
  EXPECT_EQ(raw.records[1].series(), "times_seconds");
}

TEST_F(BatchTest, AddsEventsWithTheirContext) {
  constexpr std::array<std::uint64_t, 2> stack = {0xffff1, 0xffff2};
  const Context context = {.pid = 7,
                           .tid = 8,
                           .ppid = 1,
                           .start_time_ns = 99,
                           .cgroup_id = 5,
                           .comm = "curl",
                           .parent_comm = "sh",
                           .container_id = "c0ffee",
                           .stack = stack};
  batch.add(event, 3s, 1, context, {"opened"});
  batch.add(bare, 4s, 2, context);
  ASSERT_TRUE(batch.result()) << batch.result().error().message;
  const auto& record = raw.records[0];
  EXPECT_EQ(record.series(), "event{what=\"opened\"}");
  EXPECT_EQ(record.time_ns, 3'000'000'000U);
  ASSERT_TRUE(record.context);
  EXPECT_EQ(record.context->pid, 7U);
  EXPECT_EQ(record.context->tid, 8U);
  EXPECT_EQ(record.context->ppid, 1U);
  EXPECT_EQ(record.context->start_time_ns, 99U);
  EXPECT_EQ(record.context->cgroup_id, 5U);
  EXPECT_EQ(record.context->comm, "curl");
  EXPECT_EQ(record.context->parent_comm, "sh");
  EXPECT_EQ(record.context->container_id, "c0ffee");
  EXPECT_THAT(record.context->stack, ElementsAre(0xffff1, 0xffff2));
  EXPECT_EQ(raw.records[1].series(), "bare");
}

TEST_F(BatchTest, KeepsTheFirstThatGoesWrongAndStopsThere) {
  batch.add(plain, 1);
  batch.add(Gauge<>{99}, 2);
  constexpr std::array<std::uint64_t, 1> too_few = {1};
  batch.add(times, 3, too_few);
  batch.add(plain, 4);
  const auto result = batch.result();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Errc::invalid_argument);
  EXPECT_EQ(result.error().message, "unknown metric");
  EXPECT_EQ(raw.records.size(), 1U);
}

TEST_F(BatchTest, TellsOfAFullBatch) {
  raw.limit = 1;
  batch.add(plain, 1);
  batch.add(plain, 2);
  ASSERT_FALSE(batch.result());
  EXPECT_EQ(batch.result().error().code, Errc::exhausted);
}

}  // namespace

}  // namespace sentinel
