#include "core/store/batch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sentinel/batch.hpp>

namespace sentinel::store {
namespace {

using testing::HasSubstr;

class BatchTest : public testing::Test {
 protected:
  MetricId declare(MetricKind kind, std::vector<std::string> keys, std::vector<double> bounds = {}) {
    const auto id = producer_->declare(
        {kind, "metric_" + std::to_string(++declared_), "help", "", std::move(keys), std::move(bounds)});
    EXPECT_TRUE(id) << id.error().message;
    return *id;
  }

  void SetUp() override { batch_.reset(1000, 5); }

  Store store_{1 << 20};
  std::unique_ptr<Producer> producer_ = store_.producer("cpu", {{"zone", "a"}}, 100);
  RecordBatch batch_{*producer_};
  sentinel::Batch author_{batch_.abi()};  // what a plugin sees
  int declared_ = 0;
};

TEST_F(BatchTest, ASampleTakesTheTickOfItsCollection) {
  author_.add(Gauge<1>{declare(MetricKind::gauge, {"state"})}, 42, {"listen"});
  ASSERT_TRUE(author_.result()) << author_.result().error().message;
  ASSERT_EQ(batch_.records().size(), 1U);
  EXPECT_EQ(batch_.records()[0].time_ns, 1000U);
  EXPECT_EQ(batch_.records()[0].value, 42);
}

TEST_F(BatchTest, TextFromTheHostIsCleaned) {
  author_.add(Gauge<1>{declare(MetricKind::gauge, {"comm"})}, 1, {"\xff\"\n"});
  ASSERT_TRUE(author_.result());
  const auto delivery = batch_.delivery();
  EXPECT_EQ(from_abi(delivery.labels(&delivery, delivery.records)[0]), "\xef\xbf\xbd\"\xef\xbf\xbd");
}

TEST_F(BatchTest, ADeliveryKnowsMetricAndLabelsOfEachRecord) {
  author_.add(Gauge<1>{declare(MetricKind::gauge, {"state"})}, 1, {"x"});
  author_.add(Event<1>{declare(MetricKind::event, {"newstate"})}, std::chrono::nanoseconds(7), 1,
              Context{.pid = 12, .comm = "sh\n"}, {"close"});
  ASSERT_TRUE(author_.result()) << author_.result().error().message;
  const auto delivery = batch_.delivery();
  EXPECT_EQ(from_abi(delivery.instance), "cpu");
  const auto* event = &delivery.records[1];
  const auto* metric = delivery.metric(&delivery, event);
  EXPECT_EQ(from_abi(metric->name), "metric_2");
  ASSERT_EQ(metric->label_count, 2U);
  EXPECT_EQ(from_abi(metric->label_keys[1]), "zone");
  EXPECT_EQ(from_abi(delivery.labels(&delivery, event)[0]), "close");
  EXPECT_EQ(from_abi(delivery.labels(&delivery, event)[1]), "a");
  EXPECT_EQ(event->time_ns, 7U);
  EXPECT_EQ(from_abi(event->context->comm), "sh\xef\xbf\xbd");
  EXPECT_EQ(from_abi(delivery.labels(&delivery, delivery.records)[1]), "a");
}

TEST_F(BatchTest, EventsMakeNoSeries) {
  author_.add(Event<1>{declare(MetricKind::event, {"newstate"})}, std::chrono::nanoseconds(7), 1, Context{}, {"close"});
  producer_->commit(batch_);
  EXPECT_EQ(store_.stats().series, 0U);
}

TEST_F(BatchTest, FoldedRecordsAreOfEventsAndLeftOutOfWhatSinksSee) {
  const Event<> hit{declare(MetricKind::event, {})};
  const Gauge<> gauge{declare(MetricKind::gauge, {})};
  sentinel_context context = {};
  context.size = sizeof(context);
  const auto folded = [&](MetricId metric, std::uint64_t count, std::uint64_t demand) {
    return sentinel_record{
        sizeof(sentinel_record), metric, 0, 7, 1, SENTINEL_RECORD_FOLDED, 0, nullptr, &context, count, demand};
  };
  EXPECT_FALSE(batch_.append(folded(hit.id, 0, 1)));
  EXPECT_FALSE(batch_.append(folded(hit.id, 1, 0)));
  const auto series = batch_.series(gauge.id, nullptr, 0);
  ASSERT_TRUE(series);
  EXPECT_FALSE(batch_.append(
      {sizeof(sentinel_record), gauge.id, *series, 0, 1, SENTINEL_RECORD_FOLDED, 0, nullptr, nullptr, 1, 1}));
  EXPECT_FALSE(batch_.append({sizeof(sentinel_record), hit.id, 0, 7, 1, 2, 0, nullptr, &context, 0, 0}));

  author_.add(hit, std::chrono::nanoseconds(7), 1, Context{});
  ASSERT_TRUE(batch_.append(folded(hit.id, 40, 1)));
  EXPECT_EQ(batch_.events(), 41U);
  const std::shared_ptr<const RecordBatch> whole(&batch_, [](const RecordBatch*) {});
  const auto seen = RecordBatch::unfolded(whole);
  ASSERT_EQ(seen->records().size(), 1U);
  EXPECT_EQ(seen->records()[0].count, 0U);
  batch_.reset(0, 0);
  author_.add(hit, std::chrono::nanoseconds(7), 1, Context{});
  EXPECT_EQ(RecordBatch::unfolded(whole), whole) << "without one nothing is copied";
}

TEST_F(BatchTest, TakesEventsAloneBetweenCollections) {
  const MetricId gauge = declare(MetricKind::gauge, {});
  const Event<> hit{declare(MetricKind::event, {})};
  const auto series = batch_.series(gauge, nullptr, 0);
  ASSERT_TRUE(series);
  batch_.reset_for_events(5);
  EXPECT_EQ(batch_.every_ns(), 0U) << "no series ends by it";
  const auto sample = batch_.append({sizeof(sentinel_record), gauge, *series, 0, 1, 0, 0, nullptr, nullptr, 0, 0});
  ASSERT_FALSE(sample);
  EXPECT_NE(sample.error().message.find("is a gauge: report it in collect"), std::string::npos);
  EXPECT_FALSE(batch_.series(gauge, nullptr, 0));
  author_.add(hit, std::chrono::nanoseconds(7), 1, Context{});
  author_.lost(3);
  EXPECT_EQ(batch_.records().size(), 1U);
  EXPECT_EQ(batch_.lost(), 3U);
  batch_.reset(6, 1);
  EXPECT_EQ(batch_.lost(), 0U);
}

TEST_F(BatchTest, AHistogramBringsItsBuckets) {
  const std::uint64_t buckets[] = {1, 3, 4};
  author_.add(Histogram<>{declare(MetricKind::histogram, {}, {0.1, 1})}, 2.5, buckets);
  ASSERT_TRUE(author_.result()) << author_.result().error().message;
  producer_->commit(batch_);
  const View view = store_.view([](std::string_view) { return true; });
  const auto& series = view.abi().families[0].series[0];
  ASSERT_EQ(series.bucket_count, 3U);
  EXPECT_EQ(series.buckets[2], 4U);
  EXPECT_EQ(series.value, 2.5);
}

TEST_F(BatchTest, RefusesGarbageWithASentence) {
  const MetricId gauge = declare(MetricKind::gauge, {"state"});
  const MetricId histogram = declare(MetricKind::histogram, {}, {1});
  const MetricId event = declare(MetricKind::event, {"a", "b"});
  const std::uint64_t falling[] = {2, 1};
  const sentinel_context one_label{
      sizeof(sentinel_context), 0, 0, 0, 0, 0, {}, {}, {}, nullptr, nullptr, 0, 1, {}, {}, nullptr};
  const auto record = [](MetricId metric, std::uint64_t series) {
    return sentinel_record{sizeof(sentinel_record), metric, series, 0, 1, 0, 0, nullptr, nullptr, 0, 0};
  };
  const auto refusal = [&](const sentinel_record& r) {
    const auto appended = batch_.append(r);
    return appended ? std::string("accepted") : appended.error().message;
  };

  EXPECT_THAT(refusal(record(999, 0)), HasSubstr("not declared"));
  EXPECT_THAT(refusal(record(gauge, 0)), HasSubstr("does not exist"));
  EXPECT_THAT(refusal(record(gauge, 0xffffffffffffffff)), HasSubstr("does not exist"));
  const auto series = batch_.series(histogram, nullptr, 0);
  ASSERT_TRUE(series);
  EXPECT_THAT(refusal(record(gauge, *series)), HasSubstr("does not exist")) << "a series of another metric";
  EXPECT_THAT(refusal(record(histogram, *series)), HasSubstr("takes 2 bucket counts"));
  auto unsorted = record(histogram, *series);
  unsorted.buckets = falling;
  unsorted.bucket_count = 2;
  EXPECT_THAT(refusal(unsorted), HasSubstr("not cumulative"));
  EXPECT_THAT(refusal(record(event, 0)), HasSubstr("needs a context"));
  auto short_event = record(event, 0);
  short_event.context = &one_label;
  EXPECT_THAT(refusal(short_event), HasSubstr("2 label values"));
  const auto wrong_count = batch_.series(gauge, nullptr, 0);
  EXPECT_THAT(wrong_count.error().message, HasSubstr("has 1 label keys, 0 values"));
  EXPECT_THAT(batch_.series(event, nullptr, 0).error().message, HasSubstr("no series"));
  EXPECT_TRUE(batch_.records().empty());

  sentinel_record small = record(gauge, 0);
  small.size = 8;
  sentinel_error error = sentinel::detail::empty_error();
  EXPECT_EQ(batch_.abi()->append(batch_.abi(), &small, 1, &error), SENTINEL_INVALID_ARGUMENT);
  EXPECT_THAT(std::string(error.message, error.message_size), HasSubstr("size is 8"));
}

TEST_F(BatchTest, TheFirstMistakeFailsTheCollection) {
  const MetricId metric = declare(MetricKind::gauge, {"state"});
  author_.add(Gauge<1>{12345}, 1, {"x"});
  author_.add(Gauge<1>{metric}, 1, {"x"});
  ASSERT_FALSE(author_.result());
  EXPECT_THAT(author_.result().error().message, HasSubstr("metric 12345"));
}

TEST_F(BatchTest, IsBounded) {
  RecordBatch small(*producer_, 2);
  small.reset(1, 1);
  const MetricId metric = declare(MetricKind::gauge, {});
  const auto series = small.series(metric, nullptr, 0);
  const sentinel_record record{sizeof(sentinel_record), metric, *series, 0, 1, 0, 0, nullptr, nullptr, 0, 0};
  EXPECT_TRUE(small.append(record));
  EXPECT_TRUE(small.append(record));
  const auto third = small.append(record);
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().code, Errc::exhausted);
}

}  // namespace
}  // namespace sentinel::store
