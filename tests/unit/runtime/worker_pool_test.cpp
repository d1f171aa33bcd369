#include "core/runtime/worker_pool.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <barrier>
#include <chrono>
#include <future>
#include <latch>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "core/plugin/call.hpp"
#include "core/plugin/libraries.hpp"
#include "core/plugin/loader.hpp"
#include "tests/support/fake_host.hpp"
#include "tests/unit/plugin/support.hpp"

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

TEST(WorkerPool, AJobThatFollowsAnotherRunsWhoeverQueuedIt) {
  WorkerPool pool(2);
  std::promise<void> from_outside;
  pool.submit([&] { from_outside.set_value(); }, Wake::after_job);
  from_outside.get_future().wait();

  std::promise<void> from_a_job;
  pool.submit([&] { pool.submit([&] { from_a_job.set_value(); }, Wake::after_job); });
  from_a_job.get_future().wait();
}

TEST(WorkerPool, AJobThatFollowsOneOfAThreadThatLeavesRuns) {
  WorkerPool pool(1);
  std::promise<void> queue;
  std::promise<void> ran;
  std::latch busy(1);
  pool.submit([&, may_queue = queue.get_future().share()] {
    busy.count_down();
    may_queue.wait();
    pool.submit([&] { ran.set_value(); }, Wake::after_job);
  });
  busy.wait();
  auto renewed = std::async(std::launch::async, [&] { return pool.renew(std::chrono::minutes(1)); });
  while (pool.threads() < 2) std::this_thread::yield();  // its successor waits for a job
  queue.set_value();
  ran.get_future().wait();
  EXPECT_TRUE(renewed.get());
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

/// The ids of the threads that have run plugin code, told by their thread_local objects.
struct Living {
  std::mutex mutex;
  std::set<std::thread::id> ids;

  std::set<std::thread::id> now() {
    const std::lock_guard lock(mutex);
    return ids;
  }
};

struct Local {
  explicit Local(Living& living) : living_(living) {
    const std::lock_guard lock(living_.mutex);
    living_.ids.insert(std::this_thread::get_id());
  }
  Local(const Local&) = delete;
  Local& operator=(const Local&) = delete;
  ~Local() {
    const std::lock_guard lock(living_.mutex);
    living_.ids.erase(std::this_thread::get_id());
  }

 private:
  Living& living_;
};

/// Makes an object in each of the pool's threads.
void touch_each_thread(WorkerPool& pool, std::ptrdiff_t threads, Living& living) {
  const auto met = std::make_shared<std::barrier<>>(threads);
  const auto done = std::make_shared<std::latch>(threads);
  for (std::ptrdiff_t i = 0; i < threads; ++i) {
    pool.submit([&living, met, done] {
      thread_local const Local local(living);
      met->arrive_and_wait();
      done->count_down();
    });
  }
  done->wait();
}

TEST(WorkerPool, RenewEndsEachThreadWithItsThreadLocalObjects) {
  Living living;
  WorkerPool pool(3);
  touch_each_thread(pool, 3, living);
  const auto before = living.now();
  ASSERT_EQ(before.size(), 3U);
  EXPECT_TRUE(pool.renew(std::chrono::minutes(1)));
  EXPECT_TRUE(living.now().empty());
  EXPECT_EQ(pool.threads(), 3U);
  touch_each_thread(pool, 3, living);
  EXPECT_EQ(living.now().size(), 3U) << "as many threads as before run jobs";
  EXPECT_TRUE(pool.renew(std::chrono::minutes(1)));
  EXPECT_TRUE(living.now().empty()) << "the new ones are replaced too";
}

TEST(WorkerPool, RenewReplacesABusyThreadAfterItsJob) {
  Living living;
  WorkerPool pool(2);
  std::promise<void> release;
  std::latch busy(1);
  pool.submit([&, released = release.get_future().share()] {
    thread_local const Local local(living);
    busy.count_down();
    released.wait();
  });
  busy.wait();
  auto renewed = std::async(std::launch::async, [&] { return pool.renew(std::chrono::minutes(1)); });
  std::promise<void> ran;
  pool.submit([&] { ran.set_value(); });
  ran.get_future().wait();  // jobs go on beside
  release.set_value();
  EXPECT_TRUE(renewed.get());
  EXPECT_TRUE(living.now().empty());
  EXPECT_EQ(pool.threads(), 2U);
}

TEST(WorkerPool, RenewGivesUpOnAThreadThatHangs) {
  WorkerPool pool(2);
  std::promise<void> release;
  std::latch hanging(1);
  pool.submit([&, released = release.get_future().share()] {
    hanging.count_down();
    released.wait();
  });
  hanging.wait();
  EXPECT_FALSE(pool.renew(std::chrono::milliseconds(20)));
  while (pool.threads() > 2) std::this_thread::yield();  // the one that was to replace it leaves again
  std::promise<void> ran;
  pool.submit([&] { ran.set_value(); });
  ran.get_future().wait();
  release.set_value();
  EXPECT_TRUE(pool.renew(std::chrono::minutes(1)));
  EXPECT_EQ(pool.threads(), 2U);
}

TEST(WorkerPool, RenewAndReplacementsMixWithoutLosingAThreadOrAJob) {
  std::atomic<int> ran = 0;
  {
    WorkerPool pool(2, 4);
    std::thread others([&] {
      for (int i = 0; i < 100; ++i) {
        ASSERT_TRUE(pool.add_replacement());
        pool.submit([&] { ++ran; });
        pool.return_one();
      }
    });
    for (int i = 0; i < 20; ++i) {
      pool.submit([&] { ++ran; });
      EXPECT_TRUE(pool.renew(std::chrono::minutes(1)));
    }
    others.join();
    while (pool.threads() != 2) std::this_thread::yield();
    EXPECT_TRUE(pool.renew(std::chrono::minutes(1)));
    while (pool.threads() != 2) std::this_thread::yield();
  }
  EXPECT_EQ(ran, 120);
}

TEST(WorkerPool, RenewLetsALibraryGoThatKeptThreadLocalObjectsInAWorker) {
  const plugin::testing::TestStage test;
  sentinel::testing::FakeHost host;
  std::atomic<int> living = 0;
  WorkerPool pool(2);
  plugin::Libraries libraries([&] { return pool.renew(std::chrono::minutes(1)); });
  auto staged = test.stage.stage(plugin::testing::test_plugin("test_threads"), "test", 1);
  ASSERT_TRUE(staged) << plugin::testing::message_of(staged);
  auto library = libraries.load(std::move(*staged));
  ASSERT_TRUE(library) << plugin::testing::message_of(library);
  std::promise<void> called;
  pool.submit([&] {
    sentinel::testing::FakeConfig config;
    config.string("how", "local").integer("at", reinterpret_cast<std::int64_t>(&living));
    {
      auto instance = plugin::Instance::create(*library, host.raw(), config.raw());
      sentinel::testing::FakeBatch batch(host);
      EXPECT_TRUE(instance && instance->collect(batch.raw()));
    }
    called.set_value();
  });
  called.get_future().wait();
  EXPECT_EQ(living, 1);
  const auto path = (*library)->file().path;
  const auto released = libraries.release(std::move(*library));
  EXPECT_TRUE(released) << plugin::testing::message_of(released);
  EXPECT_EQ(living, 0);
  EXPECT_FALSE(plugin::is_mapped(path));
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
