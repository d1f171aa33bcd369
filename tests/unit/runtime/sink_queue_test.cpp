#include "core/runtime/sink_queue.hpp"

#include <gtest/gtest.h>

namespace sentinel::runtime {
namespace {

TEST(SinkQueue, DropsAndCountsWhatFindsItFull) {
  store::Store store(0);
  const auto producer = store.producer("c", {}, 10);
  const auto metric = producer->declare({MetricKind::gauge, "m", "help", "", {}, {}});
  const auto batch_of = [&](int records) {
    auto batch = std::make_shared<store::RecordBatch>(*producer);
    batch->reset(1, 1);
    const auto series = batch->series(*metric, nullptr, 0);
    for (int i = 0; i < records; ++i) {
      EXPECT_TRUE(batch->append({sizeof(sentinel_record), *metric, *series, 0, 1, 0, 0, nullptr, nullptr, 0, 0}));
    }
    return batch;
  };
  SinkQueue queue(2);
  const auto first = batch_of(1);
  EXPECT_TRUE(queue.push(first));
  EXPECT_TRUE(queue.push(batch_of(2)));
  EXPECT_FALSE(queue.push(batch_of(5)));
  EXPECT_EQ(queue.dropped_records(), 5U);
  EXPECT_EQ(queue.size(), 2U);
  EXPECT_EQ(queue.pop(), first) << "the oldest first";
  EXPECT_TRUE(queue.push(batch_of(1)));
  EXPECT_NE(queue.pop(), nullptr);
  EXPECT_NE(queue.pop(), nullptr);
  EXPECT_EQ(queue.pop(), nullptr);
}

}  // namespace
}  // namespace sentinel::runtime
