#include "core/runtime/worker_pool.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <latch>
#include <thread>
#include <vector>

namespace sentinel::runtime {
namespace {

TEST(WorkerPool, RunsEveryJobBeforeItEnds) {
  std::atomic<int> ran = 0;
  {
    WorkerPool pool(2);
    for (int i = 0; i < 1000; ++i) pool.submit([&] { ++ran; });
  }
  EXPECT_EQ(ran, 1000);
}

TEST(WorkerPool, AReplacementMakesUpForAJobThatHangs) {
  WorkerPool pool(1, 1);
  std::promise<void> release;
  std::latch hanging(1);
  pool.submit([&, released = release.get_future().share()] {
    hanging.count_down();
    released.wait();
  });
  hanging.wait();
  EXPECT_TRUE(pool.add_replacement());
  EXPECT_FALSE(pool.add_replacement()) << "the bound is one";
  EXPECT_EQ(pool.threads(), 2U);

  std::promise<void> other_ran;
  pool.submit([&] { other_ran.set_value(); });
  other_ran.get_future().wait();

  release.set_value();
  pool.return_one();
  EXPECT_TRUE(pool.add_replacement()) << "room again after one was returned";
}

TEST(WorkerPool, AReturnedThreadEnds) {
  WorkerPool pool(1, 4);
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(pool.add_replacement());
  for (int i = 0; i < 4; ++i) pool.return_one();
  while (pool.threads() > 1) std::this_thread::yield();
  std::promise<void> ran;
  pool.submit([&] { ran.set_value(); });
  ran.get_future().wait();
}

TEST(Strand, KeepsOrderAndNeverOverlaps) {
  std::vector<int> order;  // unguarded: the strand is the guard
  {
    WorkerPool pool(4);
    Strand strand(pool);
    for (int i = 0; i < 2000; ++i) strand.post([&, i] { order.push_back(i); });
  }
  ASSERT_EQ(order.size(), 2000U);
  for (int i = 0; i < 2000; ++i) EXPECT_EQ(order[static_cast<std::size_t>(i)], i);
}

TEST(Strand, LetsOthersInBetweenItsJobs) {
  WorkerPool pool(1);
  Strand busy(pool);
  std::vector<int> order;
  std::promise<void> done;
  std::promise<void> both_queued;
  busy.post([&, queued = both_queued.get_future().share()] { queued.wait(); });
  busy.post([&] { order.push_back(1); });
  busy.post([&] {
    order.push_back(3);
    done.set_value();
  });
  pool.submit([&] { order.push_back(2); });
  both_queued.set_value();
  done.get_future().wait();
  EXPECT_EQ(order, (std::vector<int>{2, 1, 3}));
}

TEST(Strand, LetsGoOfWhatAJobCapturedBeforeTheNextRuns) {
  WorkerPool pool(1);
  Strand strand(pool);
  const auto captured = std::make_shared<int>(1);
  std::promise<long> uses;
  strand.post([held = captured] {});
  strand.post([&] { uses.set_value(captured.use_count()); });
  EXPECT_EQ(uses.get_future().get(), 1);
}

}  // namespace
}  // namespace sentinel::runtime
